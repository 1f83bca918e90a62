/* Loading a model, and the inputs that someone must feed. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if HAVE_ZSTD
#include <zstd.h>

/* No model of the ONNX form is larger: protobuf's messages end at 2 GiB. */
static const unsigned long long most_bytes = 1ULL << 31;

/* Unpacks `from` into `to`; "" or what went wrong. */
static const char *unpack(FILE *from, FILE *to) {
    size_t in_size = ZSTD_DStreamInSize(), out_size = ZSTD_DStreamOutSize(), state = 1;
    unsigned char *in = host_alloc(in_size, 1), *out = host_alloc(out_size, 1);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    unsigned long long total = 0;
    const char *wrong = context ? "" : "out of memory";
    for (size_t n; !*wrong && (n = fread(in, 1, in_size, from)) > 0;) {
        ZSTD_inBuffer source = {in, n, 0};
        while (!*wrong && source.pos < source.size) {
            ZSTD_outBuffer target = {out, out_size, 0};
            state = ZSTD_decompressStream(context, &target, &source);
            total += target.pos;
            if (ZSTD_isError(state)) wrong = ZSTD_getErrorName(state);
            else if (total > most_bytes) wrong = "it unpacks to more than 2 GiB";
            else if (fwrite(out, 1, target.pos, to) != target.pos)
                wrong = "the temporary file cannot be written";
        }
    }
    if (!*wrong && state != 0) wrong = "it is cut short";
    if (!*wrong && fflush(to) != 0) wrong = "the temporary file cannot be written";
    ZSTD_freeDCtx(context);
    free(in);
    free(out);
    return wrong;
}

static bool load_zstd(fovea_graph **out, const char *path, struct problem *p) {
    const char *folder = getenv("TMPDIR");
    char *name = host_format("%s/fovea-XXXXXX", folder && *folder ? folder : "/tmp");
    FILE *from = fopen(path, "rb");
    int file = from ? mkstemp(name) : -1;
    FILE *to = file >= 0 ? fdopen(file, "wb") : NULL;
    bool good = false;
    if (!from) problem_set(p, EXIT_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    else if (!to) problem_set(p, EXIT_FILE, "%s: cannot be made: %s", name, strerror(errno));
    else {
        const char *wrong = unpack(from, to);
        good = *wrong ? problem_set(p, EXIT_FILE, "%s: cannot be unpacked: %s", path, wrong)
                      : problem_check(p, fovea_graph_load_onnx(out, name));
    }
    if (to) fclose(to);
    if (from) fclose(from);
    if (file >= 0) unlink(name);
    free(name);
    return good;
}
#else
static bool load_zstd(fovea_graph **out, const char *path, struct problem *p) {
    *out = NULL;
    return problem_set(p, EXIT_FILE, "%s: this build has no zstd; 'zstd -d' unpacks it", path);
}
#endif

bool model_load(fovea_graph **out, const char *path, struct problem *p) {
    size_t n = strlen(path);
    *out = NULL;
    if (n > 4 && strcmp(path + n - 4, ".zst") == 0) return load_zstd(out, path, p);
    return problem_check(p, fovea_graph_load_onnx(out, path));
}

typedef fovea_value picker(const fovea_graph *graph, size_t i);

static bool list_values(const fovea_graph *graph, size_t total, picker *pick, bool constants,
                        fovea_value_info **out, size_t *count, struct problem *p) {
    *out = host_alloc(total, sizeof **out);
    *count = 0;
    for (size_t i = 0; i < total; i++) {
        fovea_value_info *info = &(*out)[*count];
        if (!problem_check(p, fovea_graph_value(graph, pick(graph, i), info))) {
            free(*out);
            *out = NULL;
            return false;
        }
        *count += constants || !info->is_constant;
    }
    return true;
}

bool model_inputs(const fovea_graph *graph, fovea_value_info **out, size_t *count,
                  struct problem *p) {
    fovea_graph_info info;
    fovea_graph_get_info(graph, &info);
    return list_values(graph, info.inputs, fovea_graph_input_at, false, out, count, p);
}

bool model_outputs(const fovea_graph *graph, fovea_value_info **out, size_t *count,
                   struct problem *p) {
    fovea_graph_info info;
    fovea_graph_get_info(graph, &info);
    return list_values(graph, info.outputs, fovea_graph_output_at, true, out, count, p);
}
