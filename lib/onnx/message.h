/* The small messages of an ONNX file. */
#ifndef ONNX_MESSAGE_H
#define ONNX_MESSAGE_H

#include "onnx/store.h"

/* Dimensions, type and name of a TensorProto; its contents follow. `name` may be NULL. */
void message_tensor_head(struct wire *, const char *name, const fovea_desc *);
/* Contents that lie in another file. */
void message_external(struct wire *, const char *location, uint64_t offset, uint64_t length);
/* A ValueInfoProto: dimensions that are not known stay open. */
void message_value_info(struct wire *, uint32_t field, const char *name, const struct value *,
                        struct guess);

#endif
