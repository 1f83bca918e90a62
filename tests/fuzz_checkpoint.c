/* Damaged checkpoints: fuzz_checkpoint COUNT loads COUNT mutations of checkpoints that it makes itself, of a
 * training with optimizer state, averages and sums of gradients. Each must be loaded, and then trained on, saved
 * and loaded again, or be refused with a sentence and change nothing; a sanitizer watches the memory.
 * COUNT 0: $FOVEA_MUTATIONS, else 1000. The mutations are the same in every run; a crash names its number. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fovea_trainer.h"
#include "mutate.h"

enum { FILE_MAX = 1 << 16, WEIGHTS = 6 };

static char path[64];
static unsigned char whole[FILE_MAX], damaged[FILE_MAX];
static size_t size, header; /* of the file; of what stands in front of the contents */

static void want(fovea_status status) {
    if (status == FOVEA_OK) return;
    printf("%s\n", fovea_error());
    exit(1);
}

static fovea_trainer *make_trainer(fovea_context *context) {
    static const float numbers[WEIGHTS] = {0.5f, -0.25f, 0.125f, 1, -1, 0.75f};
    const fovea_train_options o = {
        .batch = 2, .accumulate = 2, .optimizer = {.method = FOVEA_ADAM, .average = 0.5}};
    fovea_desc in = {FOVEA_FLOAT32, 2, {-1, 3}}, matrix = {FOVEA_FLOAT32, 2, {2, 3}};
    fovea_desc vector = {FOVEA_FLOAT32, 1, {2}};
    fovea_value x, w, b, y;
    fovea_graph *g;
    fovea_trainer *t;
    want(fovea_graph_create(&g));
    want(fovea_graph_input(g, "x", &in, &x));
    want(fovea_graph_constant(g, "w", &matrix, numbers, &w));
    want(fovea_graph_constant(g, "b", &vector, numbers, &b));
    want(fovea_graph_dense(g, "fc", x, w, b, &y));
    want(fovea_graph_output(g, y));
    want(fovea_trainer_create(&t, context, g, &o));
    fovea_graph_destroy(g);
    return t;
}

static fovea_status step(fovea_trainer *t) {
    static const float x[] = {1, 2, 3, -1, -2, -3};
    static const int64_t labels[] = {1, 0};
    const fovea_batch b = {.x = x, .labels = labels, .count = 2};
    return fovea_trainer_step(t, &b, 0.1, NULL);
}

static void write_file(const unsigned char *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0) abort();
}

static void read_whole(void) {
    FILE *f = fopen(path, "rb");
    size = f ? fread(whole, 1, FILE_MAX, f) : 0;
    if (!f || size < 64 || size == FILE_MAX || fclose(f) != 0) abort();
    header = 8 + (size_t)(whole[0] | whole[1] << 8);
}

/* The weights and how often they were changed, to be compared. */
struct state {
    float w[WEIGHTS];
    int64_t updates;
};

static struct state state_of(fovea_trainer *t) {
    struct state s;
    fovea_trainer_info info;
    memset(&s, 0, sizeof s);
    want(fovea_trainer_read(t, "w", s.w, sizeof s.w));
    fovea_trainer_get_info(t, &info);
    s.updates = info.updates;
    return s;
}

/* False if the answer is neither good nor a sentence, or if a refused file changed something. */
static bool load(fovea_trainer *t, bool *read) {
    struct state before = state_of(t);
    char *note = NULL;
    *read = fovea_trainer_load(t, path, &note) == FOVEA_OK;
    bool sane = *read == (note != NULL);
    fovea_free(note);
    if (!*read) {
        struct state after = state_of(t);
        return sane && strlen(fovea_error()) > 20 && memcmp(&before, &after, sizeof after) == 0;
    }
    sane = sane && step(t) == FOVEA_OK && fovea_trainer_save(t, path, "again") == FOVEA_OK &&
           fovea_trainer_load(t, path, NULL) == FOVEA_OK;
    write_file(whole, size);
    want(fovea_trainer_load(t, path, NULL));
    return sane;
}

/* Mostly the header, where there is more to be misread. */
static size_t damage(void) {
    memcpy(damaged, whole, size);
    if (mutate_below(4) == 0) return mutate_bytes(damaged, size);
    size_t left = mutate_bytes(damaged, header);
    memmove(damaged + left, damaged + header, size - header);
    return left + size - header;
}

int main(int argc, char **argv) {
    long count = mutate_begin(argc > 1 ? argv[1] : NULL), good = 0, insane = 0;
    fovea_context *context;
    bool read = false;
    snprintf(path, sizeof path, "/tmp/fovea-fuzz-checkpoint-%d", (int)getpid());
    want(fovea_context_create(&context, "reference", NULL));
    fovea_trainer *t = make_trainer(context);
    want(step(t)); /* in the middle of an accumulation */
    want(fovea_trainer_save(t, path, "{\"epoch\": 3}"));
    read_whole();
    for (long i = 0; i < count && insane == 0; i++) {
        mutate_at(i, "checkpoint");
        size_t left = damage();
        write_file(damaged, left);
        /* Every number of a whole file is needed: what is shorter must not be read past its end. */
        if (!load(t, &read) || (read && left < size)) {
            printf("%s: neither loaded nor refused with nothing changed: %s\n", mutate_place(),
                   fovea_error());
            insane++;
        }
        good += read;
    }
    unlink(path);
    fovea_trainer_destroy(t);
    fovea_context_destroy(context);
    printf("%ld mutations: %ld loaded, %ld refused with a sentence, %ld neither\n", count, good,
           count - good - insane, insane);
    return insane != 0 || good == 0 || good == count;
}
