/* Test directories in the form of ONNX's own: model.onnx beside test_data_set_N/input_K.pb. */
#ifndef HOST_TESTSET_H
#define HOST_TESTSET_H

#include "array.h"

/* Adds every directory at or below `path` that holds model.onnx or model.onnx.zst, in natural order;
 * the names are the caller's to free. */
bool testset_find(struct text_list *dirs, const char *path, struct problem *p);
/* The model's file of such a directory; the caller frees it. NULL if there is none. */
char *testset_model(const char *dir);
/* The test_data_set_* directories in it. */
bool testset_data(struct text_list *sets, const char *dir, struct problem *p);
void testset_free(struct text_list *list);

struct arrays {
    fovea_array *array;
    size_t count;
};
/* DIR/KIND_0.pb, KIND_1.pb, ... until one is missing. */
bool testset_load(struct arrays *out, const char *dir, const char *kind, struct problem *p);
void arrays_free(struct arrays *a);

#endif
