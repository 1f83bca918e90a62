/* Every .onnx file below a folder either loads or is refused with a sentence: onnx_models FOLDER. What
 * loads is stored and loaded again. Prints the tally; 77 where the folder is not there. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fovea.h"

static size_t loaded, unsupported, not_stored, wrong;
static char copy[] = "/tmp/fovea_models_XXXXXX";

static void complain(const char *path, const char *what) {
    wrong++;
    printf("%s: %s: %s\n", path, what, fovea_error());
}

static void store_and_load(const fovea_graph *g, const char *path) {
    fovea_graph *back;
    fovea_graph_info info, copied;
    fovea_status status = fovea_graph_store_onnx(g, copy);
    if (status == FOVEA_UNSUPPORTED) { /* a form of an old opset that no newer one has */
        not_stored++;
        printf("%s: %s\n", path, fovea_error());
        return;
    }
    if (status != FOVEA_OK) {
        complain(path, "is not stored");
        return;
    }
    if (fovea_graph_load_onnx(&back, copy) != FOVEA_OK) {
        complain(path, "does not load after storing");
        return;
    }
    fovea_graph_get_info(g, &info);
    fovea_graph_get_info(back, &copied);
    if (info.inputs != copied.inputs || info.outputs != copied.outputs ||
        info.parameters < copied.parameters || info.nodes > copied.nodes)
        complain(path, "changes when it is stored");
    fovea_graph_destroy(back);
}

static int visit(const char *path, const struct stat *s, int type, struct FTW *ftw) {
    (void)s;
    (void)ftw;
    size_t n = strlen(path);
    if (type != FTW_F || n < 5 || strcmp(path + n - 5, ".onnx") != 0) return 0;
    fovea_graph *g;
    fovea_status status = fovea_graph_load_onnx(&g, path);
    loaded += status == FOVEA_OK;
    unsupported += status == FOVEA_UNSUPPORTED;
    if (status == FOVEA_OK) store_and_load(g, path);
    else if (status != FOVEA_UNSUPPORTED || !strstr(fovea_error(), path))
        complain(path, "is refused wrongly");
    fovea_graph_destroy(g);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2 || access(argv[1], R_OK) != 0) {
        printf("skipped: no folder with models at %s\n", argc > 1 ? argv[1] : "(no argument)");
        return 77;
    }
    int fd = mkstemp(copy);
    if (fd < 0 || nftw(argv[1], visit, 16, FTW_PHYS) != 0) return 1;
    close(fd);
    unlink(copy);
    printf("%zu models load, %zu are refused as unsupported, %zu cannot be stored, %zu wrong\n",
           loaded, unsupported, not_stored, wrong);
    return wrong > 0 || loaded == 0;
}
