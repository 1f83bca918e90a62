/* The text of a kernel program: common.h and cl_kernels/<stem>.cl, embedded or from a folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "opencl/internal.h"
#include "opencl/kernel_table.h"

static const char *embedded(const char *stem) {
    for (const struct kernel_source *k = kernel_table; k->stem; k++)
        if (!strcmp(k->stem, stem)) return k->source;
    return NULL;
}

/* Appends a whole file. *found tells whether it is there. */
static fovea_status append_file(struct text *text, const char *path, bool *found) {
    FILE *file = fopen(path, "rb");
    *found = file != NULL;
    if (!file && errno == ENOENT) return FOVEA_OK;
    if (!file) return fail(FOVEA_BAD_FILE, "cannot read kernel file %s: %s", path, strerror(errno));
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof part, file)) > 0) text_add(text, "%.*s", (int)n, part);
    bool bad = ferror(file) != 0;
    fclose(file);
    return bad ? fail(FOVEA_BAD_FILE, "cannot read kernel file %s", path) : FOVEA_OK;
}

/* From $FOVEA_KERNEL_DIR if the file is there, else the embedded one. */
static fovea_status append_source(struct text *text, const char *stem, const char *extension) {
    const char *folder = getenv("FOVEA_KERNEL_DIR");
    bool found = false;
    if (folder && *folder) {
        char *path = mem_format("%s/%s%s", folder, stem, extension);
        if (!path) return fail_memory(strlen(folder) + strlen(stem), "a path");
        fovea_status status = append_file(text, path, &found);
        log_line("build", found ? "%s read from %s" : "%s is not at %s: the embedded one is used",
                 stem, path);
        mem_free(path);
        if (found || status != FOVEA_OK) return status;
    }
    const char *source = embedded(stem);
    if (!source) return fail(FOVEA_INVALID, "there is no kernel file '%s%s'", stem, extension);
    text_add(text, "%s", source);
    return FOVEA_OK;
}

static bool is_stem(const char *stem) {
    return *stem && strspn(stem, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(stem);
}

fovea_status source_read(char **out, const char *stem) {
    *out = NULL;
    if (!is_stem(stem)) return fail(FOVEA_INVALID, "'%s' cannot name a kernel file", stem);
    struct text text = {0};
    fovea_status status = append_source(&text, "common", ".h");
    /* Build logs then count lines from the top of the kernel file. */
    text_add(&text, "#line 1 \"%s.cl\"\n", stem);
    if (status == FOVEA_OK) status = append_source(&text, stem, ".cl");
    if (status != FOVEA_OK) {
        text_free(&text);
        return status;
    }
    *out = text_take(&text);
    return *out ? FOVEA_OK : fail_memory(text.length, "a kernel source");
}
