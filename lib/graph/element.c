/* One element of a tensor in host memory, whatever its type. */
#include "graph/element.h"

#include "base/half.h"

double element_load(fovea_dtype t, const void *data, size_t i) {
    switch (t) {
    case FOVEA_FLOAT32: return ((const float *)data)[i];
    case FOVEA_FLOAT64: return ((const double *)data)[i];
    case FOVEA_FLOAT16: return half_to_float(((const uint16_t *)data)[i]);
    case FOVEA_BFLOAT16: return bfloat16_to_float(((const uint16_t *)data)[i]);
    case FOVEA_UINT64: return (double)((const uint64_t *)data)[i];
    default: return (double)element_load_i64(t, data, i);
    }
}

int64_t element_load_i64(fovea_dtype t, const void *data, size_t i) {
    switch (t) {
    case FOVEA_INT64:
    case FOVEA_UINT64: return ((const int64_t *)data)[i];
    case FOVEA_INT32: return ((const int32_t *)data)[i];
    case FOVEA_UINT32: return ((const uint32_t *)data)[i];
    case FOVEA_INT16: return ((const int16_t *)data)[i];
    case FOVEA_UINT16: return ((const uint16_t *)data)[i];
    case FOVEA_INT8:
    case FOVEA_INT4: return ((const int8_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

void element_store(fovea_dtype t, void *data, size_t i, double x) {
    switch (t) {
    case FOVEA_FLOAT32: ((float *)data)[i] = (float)x; break;
    case FOVEA_FLOAT64: ((double *)data)[i] = x; break;
    case FOVEA_FLOAT16: ((uint16_t *)data)[i] = half_from_double(x); break;
    case FOVEA_BFLOAT16: ((uint16_t *)data)[i] = bfloat16_from_double(x); break;
    case FOVEA_INT64:
    case FOVEA_UINT64: ((int64_t *)data)[i] = (int64_t)x; break;
    case FOVEA_INT32:
    case FOVEA_UINT32: ((int32_t *)data)[i] = (int32_t)(int64_t)x; break;
    case FOVEA_INT16:
    case FOVEA_UINT16: ((int16_t *)data)[i] = (int16_t)(int64_t)x; break;
    default: ((int8_t *)data)[i] = (int8_t)(int64_t)x; break;
    }
}
