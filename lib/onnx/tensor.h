/* TensorProto: the contents of constants, in all of ONNX's encodings. */
#ifndef ONNX_TENSOR_H
#define ONNX_TENSOR_H

#include "graph/graph.h"
#include "onnx/onnx.pb-c.h"

/* Decodes a tensor into dense elements (*data is for mem_free). Takes over the message's buffer
 * where it holds the elements as they are needed, so that large weights are not copied; the message
 * stays valid and loses that buffer. `path` is the file that holds the message: external data files
 * are looked up beside it. Errors name the tensor: BAD_FILE, UNSUPPORTED, NO_MEMORY. */
fovea_status tensor_take(Onnx__TensorProto *, const char *path, fovea_desc *desc, void **data);

/* Bytes of the tensor in a file: 4-bit elements lie two in a byte there. */
size_t tensor_file_bytes(const fovea_desc *);
/* Packs 4-bit elements (one a byte) two in a byte, the first in the low half. */
void tensor_pack_nibbles(const uint8_t *from, size_t elements, uint8_t *to);

/* Reads `bytes` bytes at `offset` of the file `location`, which lies beside `path` or below.
 * Errors: BAD_FILE (a path that leads elsewhere, a file too short), NO_MEMORY. */
fovea_status tensor_read_external(const char *path, const char *location, uint64_t offset,
                                  size_t bytes, void **data);

#endif
