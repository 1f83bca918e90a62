/* Damaged ONNX files: fuzz_onnx COUNT FOLDER loads COUNT mutations of a folder's files (bit flips, truncation,
 * absurd lengths, pieces moved), and where one still loads, stores it, plans it on the reference and runs
 * it if it is small. Each call must return; a sanitizer watches. COUNT 0: $FOVEA_MUTATIONS, else 200. The
 * mutations are the same in every run; a crash names its number. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fovea.h"

enum { FILE_MAX = 1 << 20, SECONDS = 60, FLOPS_MAX = 10000000 };

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer's own address space is huge, so that it limits single allocations instead. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "max_allocation_size_mb=1024:allocator_may_return_null=1";
}
static void limit_memory(void) {}
#else
static void limit_memory(void) {
    struct rlimit limit = {(rlim_t)4 << 30, (rlim_t)4 << 30};
    setrlimit(RLIMIT_AS, &limit);
}
#endif

static char place[256]; /* what is being done, for the sentence of a hang */

static void hang(int signal_number) {
    (void)signal_number;
    static const char words[] = ": no answer in time\n";
    ssize_t n = write(2, place, strlen(place)) + write(2, words, sizeof words - 1);
    _exit(n > 0 ? 1 : 2);
}

static uint64_t state;

static size_t below(size_t n) { /* SplitMix64 (Steele, Lea, Flood 2014) */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (size_t)((z ^ z >> 31) % (n ? n : 1));
}

/* ---- Mutations; each returns the new length ---- */

static size_t flip_bits(unsigned char *data, size_t n) {
    for (size_t k = 1 + below(2); k > 0; k--) data[below(n)] ^= (unsigned char)(1u << below(8));
    return n;
}

static size_t truncated(unsigned char *data, size_t n) {
    (void)data;
    return below(n);
}

static size_t set_bytes(unsigned char *data, size_t n) {
    static const unsigned char extremes[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    for (size_t k = 1 + below(2); k > 0; k--) data[below(n)] = extremes[below(sizeof extremes)];
    return n;
}

/* A length or dimension of up to 2^63. */
static size_t absurd_number(unsigned char *data, size_t n) {
    size_t at = below(n), length = 1 + below(9);
    if (at + length >= n) return flip_bits(data, n);
    memset(data + at, 0xff, length);
    data[at + length] = 0x7f;
    return n;
}

static size_t piece_doubled(unsigned char *data, size_t n) {
    size_t at = below(n), length = 1 + below(64);
    if (at + length > n || n + length > FILE_MAX) return flip_bits(data, n);
    memmove(data + at + length, data + at, n - at);
    return n + length;
}

static size_t piece_removed(unsigned char *data, size_t n) {
    size_t at = below(n), length = 1 + below(16);
    if (at + length >= n) return truncated(data, n);
    memmove(data + at, data + at + length, n - at - length);
    return n - length;
}

static size_t mutate(unsigned char *data, size_t n) {
    static size_t (*const ways[])(unsigned char *, size_t) = {
        flip_bits, flip_bits, set_bytes, absurd_number, piece_doubled, piece_removed, truncated};
    for (size_t k = 1 + below(4) / 3; k > 0 && n > 0; k--)
        n = ways[below(sizeof ways / sizeof *ways)](data, n);
    return n;
}

/* ---- What is done with a mutated file ---- */

static fovea_context *context;

static void expect_sentence(fovea_status status, const char *call) {
    if (status == FOVEA_OK || *fovea_error()) return;
    fprintf(stderr, "%s: %s failed without a sentence\n", place, call);
    exit(1);
}

static void try_plan(const fovea_graph *g) {
    fovea_plan *plan;
    fovea_plan_info info;
    fovea_status status = fovea_plan_create(&plan, context, g, NULL);
    expect_sentence(status, "fovea_plan_create");
    if (status != FOVEA_OK) return;
    fovea_plan_get_info(plan, &info);
    if (info.flops < FLOPS_MAX && info.arena_bytes < FLOPS_MAX)
        expect_sentence(fovea_plan_run(plan), "fovea_plan_run");
    fovea_plan_destroy(plan);
}

static bool try_file(const char *path, const char *copy) {
    fovea_graph *g;
    fovea_array array;
    fovea_status status = fovea_graph_load_onnx(&g, path);
    expect_sentence(status, "fovea_graph_load_onnx");
    if (status != FOVEA_OK && !strstr(fovea_error(), path)) {
        fprintf(stderr, "%s: the sentence does not name the file: %s\n", place, fovea_error());
        exit(1);
    }
    if (status == FOVEA_OK) {
        expect_sentence(fovea_graph_store_onnx(g, copy), "fovea_graph_store_onnx");
        try_plan(g);
    }
    fovea_graph_destroy(g);
    expect_sentence(fovea_array_load(&array, path), "fovea_array_load");
    fovea_array_free(&array);
    return status == FOVEA_OK;
}

static size_t read_file(const char *path, unsigned char *data) {
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(data, 1, FILE_MAX / 2, f) : 0;
    if (f) fclose(f);
    return n;
}

static void write_file(const char *path, const unsigned char *data, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static int is_model(const struct dirent *e) {
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".onnx") == 0;
}

/* Every file as it is, which also tells the good ones; then `count` mutations of these. Returns how many
 * mutated files loaded. */
static size_t fuzz(size_t count, const char *from, struct dirent **files, size_t n_files,
                   const char *path, const char *copy) {
    static unsigned char data[FILE_MAX];
    size_t loaded = 0, n_good = 0;
    for (size_t i = 0; i < n_files + count; i++) {
        char file[512];
        struct dirent *entry = files[i < n_files ? i : below(n_good)];
        snprintf(file, sizeof file, "%s/%s", from, entry->d_name);
        snprintf(place, sizeof place, "mutation %zu of %.200s", i, file);
        size_t n = read_file(file, data);
        write_file(path, data, i < n_files ? n : mutate(data, n));
        alarm(SECONDS);
        bool good = try_file(path, copy);
        alarm(0);
        loaded += good && i >= n_files;
        if (!good || i >= n_files) continue;
        files[i] = files[n_good]; /* the good ones come first */
        files[n_good++] = entry;
    }
    return loaded;
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/fovea_fuzz_XXXXXX", path[64], copy[64];
    const char *variable = getenv("FOVEA_MUTATIONS");
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, loaded = 0;
    struct dirent **files;
    int n_files = argc > 2 ? scandir(argv[2], &files, is_model, alphasort) : 0;
    if (count == 0) count = variable ? strtoul(variable, NULL, 10) : 200;
    if (n_files < 1 || count == 0 || !mkdtemp(folder)) {
        fprintf(stderr, "usage: fuzz_onnx COUNT FOLDER-WITH-ONNX-FILES\n");
        return 2;
    }
    limit_memory();
    signal(SIGALRM, hang);
    snprintf(path, sizeof path, "%s/mutated.onnx", folder);
    snprintf(copy, sizeof copy, "%s/copy.onnx", folder);
    fovea_context_options options = {.no_store = true};
    fovea_status status = fovea_context_create(&context, "reference", &options);
    if (status == FOVEA_OK) loaded = fuzz(count, argv[2], files, (size_t)n_files, path, copy);
    else fprintf(stderr, "%s\n", fovea_error());
    fovea_context_destroy(context);
    unlink(path);
    unlink(copy);
    rmdir(folder);
    for (int i = 0; i < n_files; i++) free(files[i]);
    free(files);
    printf("%zu mutations, %zu of them loaded\n", count, loaded);
    return loaded == 0;
}
