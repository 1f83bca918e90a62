/* Fovea: run, check and measure convolutional neural networks on any OpenCL device.
 *
 * The life of an inference:
 *
 *     fovea_graph_load_onnx    what to compute: values (edges) and nodes (operators); no device
 *     fovea_context_create     where: one OpenCL device, or the CPU reference, which is a device too
 *     fovea_plan_create        how: shapes fixed, algorithms chosen, kernels built, memory laid out
 *     fovea_tensor_write, fovea_plan_run, fovea_tensor_read
 *
 * Rules that hold for every function:
 *   Errors      Calls that can fail return fovea_status. fovea_error() then holds one sentence for
 *               this thread that says what, where and what to do. After a failure the out-pointer
 *               is NULL and nothing leaks. The library never aborts, prints or exits.
 *   Ownership   x_create pairs with x_destroy; destroy(NULL) is fine. Host pointers that are passed
 *               in are never kept. A plan borrows its context; it copies what it needs of the graph.
 *   Options     A struct; NULL means defaults, and so does a zeroed struct.
 *   Threads     One context, with its plans and tensors, by one thread at a time; different
 *               contexts freely in parallel; a finished graph may be shared for reading.
 *   Time        fovea_plan_run returns at once (but see there); fovea_tensor_read, fovea_context_wait block.
 *   Determinism The same device, driver, plan and input give the same bits.
 *
 * Names and formulas of operators are those of the ONNX standard, https://onnx.ai/onnx/operators. */
#ifndef FOVEA_H
#define FOVEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FOVEA_API __attribute__((visibility("default")))
#else
#define FOVEA_API
#endif

#define FOVEA_MAX_RANK 8

/* ---- Status ------------------------------------------------------------------------------- */

typedef enum fovea_status {
    FOVEA_OK = 0,
    FOVEA_INVALID,      /* the caller's mistake: a wrong shape, a wrong name, a NULL */
    FOVEA_UNSUPPORTED,  /* an honest limit: an operator, type or attribute that is not covered */
    FOVEA_NO_MEMORY,    /* host or device memory ran out */
    FOVEA_NO_DEVICE,    /* no device answers to the name */
    FOVEA_DEVICE_ERROR, /* the device or its driver failed */
    FOVEA_BUILD_ERROR,  /* a kernel did not compile; the sentence carries the build log */
    FOVEA_BAD_FILE,     /* a file is missing, truncated, damaged or of the wrong kind */
} fovea_status;

/* "FOVEA_UNSUPPORTED"; never NULL. */
FOVEA_API const char *fovea_status_name(fovea_status status);
/* The sentence of this thread's last failure; "" if none. Valid until the thread's next failure. */
FOVEA_API const char *fovea_error(void);
/* "0.1.0" */
FOVEA_API const char *fovea_version(void);

/* ---- Tensors' descriptions ------------------------------------------------------------------- */

/* Element types; the numbers are those of ONNX's TensorProto.DataType. 4-bit types take one byte an
 * element in memory. */
typedef enum fovea_dtype {
    FOVEA_UNDEFINED = 0,
    FOVEA_FLOAT32 = 1,
    FOVEA_UINT8 = 2,
    FOVEA_INT8 = 3,
    FOVEA_UINT16 = 4,
    FOVEA_INT16 = 5,
    FOVEA_INT32 = 6,
    FOVEA_INT64 = 7,
    FOVEA_BOOL = 9,
    FOVEA_FLOAT16 = 10,
    FOVEA_FLOAT64 = 11,
    FOVEA_UINT32 = 12,
    FOVEA_UINT64 = 13,
    FOVEA_BFLOAT16 = 16,
    FOVEA_UINT4 = 21,
    FOVEA_INT4 = 22,
} fovea_dtype;

/* "float32"; "undefined" for a number that is no type. */
FOVEA_API const char *fovea_dtype_name(fovea_dtype dtype);
/* Bytes of one element; 0 for a number that is no type. */
FOVEA_API size_t fovea_dtype_size(fovea_dtype dtype);

/* Type and shape. Elements lie dense, the last dimension fastest (images are NCHW).
 * rank 0 is a scalar; rank -1 is a shape not known before a plan fixes it; a dimension of -1 is
 * symbolic and fixed by the plan's inputs. */
typedef struct fovea_desc {
    fovea_dtype dtype;
    int rank;
    int64_t dim[FOVEA_MAX_RANK];
} fovea_desc;

/* A tensor in host memory. fovea_array_load fills one; fovea_array_free frees its data. */
typedef struct fovea_array {
    fovea_desc desc;
    void *data;
} fovea_array;

/* Reads an ONNX TensorProto file (.pb). Errors: BAD_FILE, UNSUPPORTED (type), NO_MEMORY. */
FOVEA_API fovea_status fovea_array_load(fovea_array *out, const char *path);
/* Writes an ONNX TensorProto file (.pb) under `name`. Errors: BAD_FILE (disk), NO_MEMORY. */
FOVEA_API fovea_status fovea_array_store(const fovea_array *array, const char *name,
                                         const char *path);
FOVEA_API void fovea_array_free(fovea_array *array);
/* Number of elements; -1 if the shape is not fully known or the product overflows. */
FOVEA_API int64_t fovea_desc_elements(const fovea_desc *desc);

/* ---- Devices and contexts ------------------------------------------------------------------- */

typedef enum fovea_device_type {
    FOVEA_DEVICE_REFERENCE = 0,
    FOVEA_DEVICE_CPU,
    FOVEA_DEVICE_GPU,
    FOVEA_DEVICE_ACCELERATOR,
} fovea_device_type;

/* What is known of a device. Capabilities are facts read from the driver or found by probing. */
typedef struct fovea_device_info {
    char id[32];        /* "opencl:0:0" or "reference": the name that selects it */
    char name[128];     /* as the driver reports it */
    char platform[128]; /* "" for the reference */
    char vendor[128];
    char driver[128];  /* driver version */
    char version[128]; /* OpenCL version string */
    char problem[256]; /* "" if usable, else one sentence that says why not */
    fovea_device_type type;
    uint32_t compute_units;
    uint32_t clock_mhz;
    uint64_t memory_bytes;
    uint64_t max_allocation_bytes;
    uint64_t local_memory_bytes;
    uint64_t max_work_group_size;
    uint32_t vector_width; /* native float vector */
    /* Work-items that run in step, a subgroup: the most of those that the device offers, as far as it
     * tells before a kernel is built; 0 if it does not. */
    uint32_t subgroup_size;
    uint32_t address_bits;
    bool local_memory_is_real; /* false where local memory is ordinary memory (CPUs) */
    bool has_fp16;
    bool has_fp64;
    bool
        has_subgroups; /* kernels can use the functions of subgroups; not all devices with a size offer them */
    bool unified_memory;
    double flops_peak;         /* fp32 operations a second: an estimate from the facts above */
    double bytes_per_second;   /* memory bandwidth: an estimate */
    double launch_overhead_us; /* an estimate */
    bool measured; /* the last three were measured on this device (fovea_context_measure) */
} fovea_device_info;

/* Lists every device of every platform, the unusable ones too (see `problem`), then the reference.
 * Writes at most `capacity` entries; *count is how many there are. Never fails for want of OpenCL:
 * the reference is always there. */
FOVEA_API fovea_status fovea_device_list(fovea_device_info *out, size_t capacity, size_t *count);

typedef struct fovea_context fovea_context;

typedef struct fovea_context_options {
    bool profile;           /* time every step (fovea_plan_step then gives milliseconds) */
    bool no_store;          /* neither read nor write what is remembered between runs */
    const char *store_path; /* NULL: $XDG_CACHE_HOME/fovea/store.db */
    /* Called with one sentence when something was not as it should be but work goes on: a device
     * that was passed over, a store that could not be opened. May be NULL. */
    void (*warn)(void *user, const char *sentence);
    void *user;
} fovea_context_options;

/* Opens a device: "opencl:0:1", "gpu", "cpu", "reference", a piece of a device's or platform's name;
 * NULL or "": $FOVEA_DEVICE if set, else the fastest (GPU before accelerator before CPU before the
 * reference). With no name, a device that refuses is reported through `warn` and the next is used.
 * Errors: NO_DEVICE (a name that nothing answers to, or that refuses). */
FOVEA_API fovea_status fovea_context_create(fovea_context **out, const char *device,
                                            const fovea_context_options *options);
FOVEA_API void fovea_context_destroy(fovea_context *context);
/* Waits for everything enqueued. Errors: DEVICE_ERROR. */
FOVEA_API fovea_status fovea_context_wait(fovea_context *context);
FOVEA_API const fovea_device_info *fovea_context_device(const fovea_context *context);

/* One thing that was measured of a device: a rate ("GFLOP/s", "GB/s") or a time ("us", "ms"). */
typedef struct fovea_measure {
    char group[16]; /* "peak", "memory", "launch", "transfer", "compile" */
    char name[40];  /* "vectors of 8", "triad", ... */
    char unit[16];
    double median, low, high, best; /* half of the samples lie from low to high */
    bool right;                     /* what was computed or moved was checked and is right */
} fovea_measure;
/* Measures the device for some seconds: peak arithmetic by vector width, memory traffic by access
 * pattern, launches, transfers, compiling. Writes at most `capacity` lines (32 are enough). The best
 * peak and memory rate and the time of a launch in a row take the place of the estimates in
 * fovea_context_device, are kept in the store, and serve every later context on this device.
 * Errors: INVALID (the reference), NO_MEMORY, BUILD_ERROR, DEVICE_ERROR. */
FOVEA_API fovea_status fovea_context_measure(fovea_context *context, fovea_measure *out,
                                             size_t capacity, size_t *count);

/* ---- Tensors -------------------------------------------------------------------------------- */

typedef struct fovea_tensor fovea_tensor;

/* Errors: INVALID (unknown shape), NO_MEMORY. Contents are undefined until written. */
FOVEA_API fovea_status fovea_tensor_create(fovea_tensor **out, fovea_context *context,
                                           const fovea_desc *desc);
FOVEA_API void fovea_tensor_destroy(fovea_tensor *tensor);
FOVEA_API const fovea_desc *fovea_tensor_desc(const fovea_tensor *tensor);
/* Copies the whole tensor; `bytes` must be its exact size. Errors: INVALID, DEVICE_ERROR. */
FOVEA_API fovea_status fovea_tensor_write(fovea_tensor *tensor, const void *data, size_t bytes);
/* Waits for what was enqueued, then copies. Errors: INVALID, DEVICE_ERROR. */
FOVEA_API fovea_status fovea_tensor_read(const fovea_tensor *tensor, void *data, size_t bytes);

/* ---- Graphs --------------------------------------------------------------------------------- */

typedef struct fovea_graph fovea_graph;
/* An edge of a graph. Only meaningful together with the graph that gave it. */
typedef uint32_t fovea_value;
#define FOVEA_NO_VALUE UINT32_MAX /* an optional input that is left out */

FOVEA_API fovea_status fovea_graph_create(fovea_graph **out);
FOVEA_API void fovea_graph_destroy(fovea_graph *graph);

/* Loads an ONNX file with its external data files. Errors: BAD_FILE; UNSUPPORTED with the list of
 * every operator that is not known (operator, domain, opset, node). */
FOVEA_API fovea_status fovea_graph_load_onnx(fovea_graph **out, const char *path);
/* Writes an ONNX file (IR 8, opset 17; higher where an operator needs it) through a temporary name.
 * Errors: BAD_FILE (disk). */
FOVEA_API fovea_status fovea_graph_store_onnx(const fovea_graph *graph, const char *path);

/* A run-time input. Dimensions may be -1 (fixed when the plan is made); the first is then called "N". */
FOVEA_API fovea_status fovea_graph_input(fovea_graph *graph, const char *name,
                                         const fovea_desc *desc, fovea_value *out);
/* A constant or trained parameter; `data` is copied. */
FOVEA_API fovea_status fovea_graph_constant(fovea_graph *graph, const char *name,
                                            const fovea_desc *desc, const void *data,
                                            fovea_value *out);
/* Declares a value an output of the graph. */
FOVEA_API fovea_status fovea_graph_output(fovea_graph *graph, fovea_value value);
/* Renames a value. Errors: INVALID if the name is taken. */
FOVEA_API fovea_status fovea_graph_name(fovea_graph *graph, fovea_value value, const char *name);

typedef enum fovea_attribute_type {
    FOVEA_ATTRIBUTE_INT = 1,
    FOVEA_ATTRIBUTE_FLOAT,
    FOVEA_ATTRIBUTE_STRING,
    FOVEA_ATTRIBUTE_INTS,
    FOVEA_ATTRIBUTE_FLOATS,
} fovea_attribute_type;

typedef struct fovea_attribute {
    const char *name;
    fovea_attribute_type type;
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints;
    const float *floats;
    size_t count; /* of ints or floats */
} fovea_attribute;

/* Appends any operator by its ONNX name, with the inputs and attributes of its newest semantics
 * ("pads", "axis", ...). `outputs` receives n_outputs values. Where all input shapes are known the
 * output shapes are inferred at once, and a wrong shape is refused here.
 * Errors: UNSUPPORTED (unknown operator), INVALID (inputs, attributes or shapes do not fit). */
FOVEA_API fovea_status fovea_graph_op(fovea_graph *graph, const char *op, const char *name,
                                      const fovea_value *inputs, size_t n_inputs,
                                      const fovea_attribute *attributes, size_t n_attributes,
                                      fovea_value *outputs, size_t n_outputs);

/* Builders for what CNNs are made of. `name` may be NULL. */

typedef enum fovea_padding {
    FOVEA_PADDING_EXPLICIT = 0, /* the numbers in `pads` */
    FOVEA_PADDING_VALID,        /* none */
    FOVEA_PADDING_SAME,         /* output = ceil(input / stride); an odd rest goes to the end */
    FOVEA_PADDING_SAME_LOWER,   /* the same, an odd rest goes to the beginning */
    FOVEA_PADDING_FULL,         /* every position where filter and input overlap: (k-1)*dilation */
} fovea_padding;

/* 2-D window: {height, width}; a zero stride or dilation means 1. */
typedef struct fovea_window {
    int64_t kernel[2]; /* pooling only; a convolution takes it from its weights */
    int64_t stride[2];
    int64_t dilation[2];
    int64_t pads[4]; /* top, left, bottom, right */
    fovea_padding padding;
    int64_t groups;         /* convolution only; 0 means 1 */
    bool ceil_mode;         /* pooling only */
    bool count_include_pad; /* average pooling only */
} fovea_window;

/* x (n, ic, ih, iw), weights (oc, ic/groups, kh, kw), bias (oc) or FOVEA_NO_VALUE. */
FOVEA_API fovea_status fovea_graph_conv(fovea_graph *graph, const char *name, fovea_value x,
                                        fovea_value weights, fovea_value bias,
                                        const fovea_window *window, fovea_value *y);
FOVEA_API fovea_status fovea_graph_max_pool(fovea_graph *graph, const char *name, fovea_value x,
                                            const fovea_window *window, fovea_value *y);
FOVEA_API fovea_status fovea_graph_average_pool(fovea_graph *graph, const char *name, fovea_value x,
                                                const fovea_window *window, fovea_value *y);
/* y = x W^T + b: x (n, k), weights (m, k), bias (m) or FOVEA_NO_VALUE. */
FOVEA_API fovea_status fovea_graph_dense(fovea_graph *graph, const char *name, fovea_value x,
                                         fovea_value weights, fovea_value bias, fovea_value *y);
/* Any operator with one input, no attributes and one output: "Relu", "GlobalAveragePool", ... */
FOVEA_API fovea_status fovea_graph_unary(fovea_graph *graph, const char *op, const char *name,
                                         fovea_value x, fovea_value *y);
/* Any operator with two inputs, no attributes and one output: "Add", "MatMul", ... */
FOVEA_API fovea_status fovea_graph_binary(fovea_graph *graph, const char *op, const char *name,
                                          fovea_value a, fovea_value b, fovea_value *y);
/* scale, bias, mean, variance: (c). */
FOVEA_API fovea_status fovea_graph_batch_norm(fovea_graph *graph, const char *name, fovea_value x,
                                              fovea_value scale, fovea_value bias, fovea_value mean,
                                              fovea_value variance, float epsilon, fovea_value *y);
/* y = x / (k + alpha/size * sum of squares over `size` channels)^beta (Krizhevsky et al. 2012). */
FOVEA_API fovea_status fovea_graph_lrn(fovea_graph *graph, const char *name, fovea_value x,
                                       int64_t size, float alpha, float beta, float k,
                                       fovea_value *y);
/* Identity when not training. */
FOVEA_API fovea_status fovea_graph_dropout(fovea_graph *graph, const char *name, fovea_value x,
                                           float ratio, fovea_value *y);
FOVEA_API fovea_status fovea_graph_softmax(fovea_graph *graph, const char *name, fovea_value x,
                                           int64_t axis, fovea_value *y);
FOVEA_API fovea_status fovea_graph_concat(fovea_graph *graph, const char *name,
                                          const fovea_value *xs, size_t count, int64_t axis,
                                          fovea_value *y);
FOVEA_API fovea_status fovea_graph_flatten(fovea_graph *graph, const char *name, fovea_value x,
                                           fovea_value *y);

/* What a graph holds. */
typedef struct fovea_graph_info {
    size_t inputs, outputs, nodes, values;
    /* Elements of the float constants that nodes use as parameters. Not counted: the running mean and
     * variance of BatchNormalization (gathered, not learned), the bounds of Clip, the value of Pad,
     * lists that decide shapes, the ratio of Dropout. */
    int64_t parameters;
    int64_t parameter_bytes; /* of these */
    int64_t opset;           /* of the file it was loaded from; 0 if built */
    const char *producer;    /* the program that wrote the file; "" if built */
} fovea_graph_info;
FOVEA_API void fovea_graph_get_info(const fovea_graph *graph, fovea_graph_info *out);
/* The i-th input or output; FOVEA_NO_VALUE past the end. */
FOVEA_API fovea_value fovea_graph_input_at(const fovea_graph *graph, size_t i);
FOVEA_API fovea_value fovea_graph_output_at(const fovea_graph *graph, size_t i);
/* Value by name; FOVEA_NO_VALUE if there is none. */
FOVEA_API fovea_value fovea_graph_find(const fovea_graph *graph, const char *name);

typedef struct fovea_value_info {
    const char *name;
    fovea_desc desc;
    const char *dim_name[FOVEA_MAX_RANK]; /* of a symbolic dimension, else NULL */
    bool is_input, is_constant, is_output;
    /* An input whose contents, not only its shape, decide shapes further on (the `shape` of a
     * Reshape). A plan must be given its contents (fovea_binding.data). */
    bool decides_shape;
    const void *data; /* a constant's contents, owned by the graph; else NULL */
} fovea_value_info;
/* Errors: INVALID (no such value). */
FOVEA_API fovea_status fovea_graph_value(const fovea_graph *graph, fovea_value value,
                                         fovea_value_info *out);

/* One node, for listing. `op` is the ONNX name. */
typedef struct fovea_node_info {
    const char *name, *op;
    size_t inputs, outputs;
} fovea_node_info;
FOVEA_API fovea_status fovea_graph_node(const fovea_graph *graph, size_t i, fovea_node_info *out);
/* The k-th input or output of node i; FOVEA_NO_VALUE where it is left out or past the end. */
FOVEA_API fovea_value fovea_graph_node_input(const fovea_graph *graph, size_t i, size_t k);
FOVEA_API fovea_value fovea_graph_node_output(const fovea_graph *graph, size_t i, size_t k);

/* A one-node graph from a problem line, the form that test tables, --problem and reports share:
 *     Conv 1x64x56x56 64x64x3x3 64 strides=1,1 pads=1,1,1,1
 *     Reshape 2x3x4 i64[4,6]          Gather 5x4 i64:2x2[0,1,4,2] axis=0     Clip 3x4 f[0] f[6]
 * An operand is a shape (float32 input; "i64:2x3" and so on for other types; "scalar" for rank 0),
 * a literal constant (TYPE or TYPE:SHAPE before [values]), or "-" for one left out. "-> K" asks for
 * K outputs. Inputs are named x0, x1, ..., outputs y0, y1, ...
 * Errors: INVALID with the place, UNSUPPORTED. */
FOVEA_API fovea_status fovea_graph_from_problem(fovea_graph **out, const char *line);

/* ---- The classic networks --------------------------------------------------------------------- */

typedef struct fovea_zoo_options {
    int64_t classes;  /* 0: as published (10 for lenet5, else 1000) */
    int64_t channels; /* 0: as published (1 for lenet5, else 3) */
    int64_t size;     /* 0: as published; height and width of the picture */
    int64_t batch;    /* 0: symbolic "N" */
    uint64_t seed;    /* of the initial weights (He; Glorot for the last layer) */
    bool training;    /* with dropout and auxiliary heads */
    /* Not all zero: the network begins with (x - mean) / std of each channel, so that its input is plain
     * pixels; channels 1 to 4. */
    float mean[4], std[4];
} fovea_zoo_options;
/* Builds a network with fresh weights, the same for the same seed. The input is "input"; every network
 * ends in a Softmax, whose output is "output". With `training`, googlenet has the further outputs
 * "aux1" and "aux2", inception_v3 "aux1". Dropout is in the graph in any case; it is the identity
 * unless the operator trains.
 * Errors: INVALID with the list of known names, or where the pictures are too small. */
FOVEA_API fovea_status fovea_zoo_create(fovea_graph **out, const char *name,
                                        const fovea_zoo_options *options);
/* The i-th known name; NULL past the end. */
FOVEA_API const char *fovea_zoo_name(size_t i);

/* ---- Plans ---------------------------------------------------------------------------------- */

typedef struct fovea_plan fovea_plan;

/* What a plan is told about one input. */
typedef struct fovea_binding {
    const char *name; /* of the input */
    fovea_desc desc;  /* fixes symbolic dimensions */
    const void *data; /* not NULL: the input becomes a constant with these contents */
} fovea_binding;

struct fovea_tune_options; /* see Tuning */

typedef struct fovea_plan_options {
    const fovea_binding *bindings; /* inputs that are not bound take their declared shape; a free */
    size_t n_bindings;             /* batch dimension is 1 */
    const char *algorithm; /* not NULL: each node that it accepts takes it; at least one must */
    bool no_rewrite;       /* keep every node: no fusion, no folding of batch normalisation */
    bool keep_values; /* every value keeps its own memory, so that it can be read after a run */
    bool whole;       /* never run the batch in parts; nor is it with keep_values */
    bool guard;       /* canaries behind every value, for fovea_plan_verify */
    bool unchecked;   /* do not check kernels against the reference before their first use here */
    bool
        consume; /* free the graph's constants as the device gets them: half the memory for weights.
                       * The graph can then only be looked at and destroyed. Not with guard */
    /* Reference only: moves every result by up to its error bound, random in sign, with this seed.
     * The spread of a few such runs is what rounding can do to the network's outputs. 0: off. */
    uint64_t perturb;
    const struct fovea_tune_options *tune; /* not NULL: first do what fovea_tune does with them */
} fovea_plan_options;

/* Fixes shapes, folds constants, chooses an algorithm for each node, builds kernels, lays out memory.
 * Where a buffer or all memory would be more than the device gives, the plan runs the largest equal parts of the
 * batch that fit, one by one; tensors hold all of it. NO_MEMORY says which node does not keep samples apart.
 * Errors: INVALID (shapes do not fit), UNSUPPORTED, BUILD_ERROR, NO_MEMORY, DEVICE_ERROR. */
FOVEA_API fovea_status fovea_plan_create(fovea_plan **out, fovea_context *context,
                                         const fovea_graph *graph,
                                         const fovea_plan_options *options);
FOVEA_API void fovea_plan_destroy(fovea_plan *plan);

/* The tensor that holds an input or output by name (any value with keep_values); owned by the plan.
 * Errors: INVALID (no such value, or its memory is shared). */
FOVEA_API fovea_status fovea_plan_tensor(const fovea_plan *plan, const char *name,
                                         fovea_tensor **out);
/* Uses the caller's tensor for an input or output from now on; the plan borrows it, gives back what memory
 * it had for it, and fovea_plan_tensor gives an alias. Type and shape must be equal. Errors: INVALID. */
FOVEA_API fovea_status fovea_plan_bind(fovea_plan *plan, const char *name, fovea_tensor *tensor);
/* Enqueues every step and returns; on PoCL and the reference it computes, and returns when all is done. Allocates
 * nothing, but on PoCL a list of launches at first. Errors: DEVICE_ERROR, NO_MEMORY. */
FOVEA_API fovea_status fovea_plan_run(fovea_plan *plan);
/* Runs step i `repeats` times, one behind the other, waits, and gives the mean milliseconds of one:
 * what the step costs within a network. It works on what lies in memory, so run the plan first; its
 * results are undefined afterwards. Errors: INVALID (past the end, no repeats), DEVICE_ERROR. */
FOVEA_API fovea_status fovea_plan_time_step(fovea_plan *plan, size_t i, size_t repeats, double *ms);

typedef struct fovea_plan_info {
    size_t steps;           /* one for each node that is left after rewriting */
    size_t fallbacks;       /* steps that run on the reference for want of a kernel */
    size_t programs;        /* kernel programs used */
    size_t programs_stored; /* of these, taken from the store instead of compiled */
    int64_t arena_bytes;    /* activations and workspaces */
    int64_t parameter_bytes;
    size_t parts;             /* the batch runs in so many equal parts; 1: at once */
    double flops;             /* of one run */
    double build_ms, plan_ms; /* time to build kernels; to make the whole plan */
    double tune_ms;           /* of plan_ms, time to measure candidates; 0: nothing was tuned */
} fovea_plan_info;
FOVEA_API void fovea_plan_get_info(const fovea_plan *plan, fovea_plan_info *out);

/* One step: a node, possibly fused with its neighbours. Strings belong to the plan. Where the batch runs in
 * parts, flops, bytes and ms are those of all; the rest, as what fovea_plan_time_step times, of one. */
typedef struct fovea_step_info {
    const char *node, *op, *algorithm; /* algorithm "reference" on the CPU */
    const char *refusals; /* "conv_depthwise: groups must equal channels; ...": why no other */
    const char *accepted; /* names of all algorithms that would do, separated by spaces */
    const char *problem;  /* the problem line that repeats this step */
    const char *options;  /* build options of its kernels */
    fovea_desc output;
    size_t workspace;    /* bytes */
    size_t kernels;      /* launches */
    double flops, bytes; /* arithmetic and memory traffic of one run */
    double ms;           /* of the last run, if the context profiles; else -1 */
} fovea_step_info;
/* Errors: INVALID past the end. */
FOVEA_API fovea_status fovea_plan_step(const fovea_plan *plan, size_t i, fovea_step_info *out);

/* ---- Tuning ---------------------------------------------------------------------------------- */

/* A plan chooses algorithms by what they were measured to take on this device, else by estimates.
 * Tuning measures them on a network's own shapes and keeps the times in the store. */

typedef enum fovea_tune_level {
    FOVEA_TUNE_NONE = 0,
    FOVEA_TUNE_QUICK, /* the algorithms whose estimate is within four times the best, as they are */
    FOVEA_TUNE_FULL, /* within sixteen times, and the fast ones with the values of their tunables */
} fovea_tune_level;

/* What has just been tried. Strings are valid during the call. */
typedef struct fovea_tune_progress {
    size_t done, total; /* problems: steps that differ, the most expensive first; for FULL all of
                         * them quickly, then all fully */
    const char *problem, *algorithm;
    const char *tuning; /* "P=6,Q=2"; "": untuned */
    double ms;          /* what it takes; -1 if it failed */
    const char *reason; /* why it failed: a wrong result, a program that does not build; else "" */
    double seconds, budget; /* spent, and allowed (0: without end) */
} fovea_tune_progress;

typedef struct fovea_tune_options {
    fovea_tune_level level;
    double seconds; /* the budget; 0: without end. A candidate that was begun is finished */
    bool again;     /* measure problems too that were tuned before as thoroughly */
    /* Called after each candidate; return false to stop. May be NULL. */
    bool (*progress)(void *user, const fovea_tune_progress *progress);
    void *user;
} fovea_tune_options;

typedef struct fovea_tune_result fovea_tune_result;

typedef struct fovea_tune_info {
    size_t problems;                  /* that differ and have more than one algorithm */
    size_t tuned, known;              /* measured now; measured before, and left as they are */
    size_t candidates, failed, wrong; /* tried; of these, no time; of these, a wrong result */
    bool stopped;                     /* by the budget or by the callback, before all was done */
    double seconds;                   /* spent */
    double before_ms, after_ms;       /* the median of whole runs of the network */
} fovea_tune_info;

/* One problem. Strings belong to the result. */
typedef struct fovea_tune_line {
    const char *problem;
    size_t steps;               /* of the network that are this problem */
    const char *before, *after; /* the algorithm that the network's plan takes */
    const char *tuning;         /* of `after` */
    double before_ms, after_ms; /* of one such step by itself, with cold caches where the network is
                                 * large; -1 where it was not measured now */
    bool tuned;                 /* measured now */
} fovea_tune_line;

/* Measures candidates for the steps of the network's plan, each by itself and in turn with the others. One
 * that does not build, fails or gives a result that the reference refutes is passed over. What was measured
 * until an early end stays. `out` may be NULL. The reference has no choice. Errors: as fovea_plan_create. */
FOVEA_API fovea_status fovea_tune(fovea_tune_result **out, fovea_context *context,
                                  const fovea_graph *graph, const fovea_plan_options *plan_options,
                                  const fovea_tune_options *options);
FOVEA_API void fovea_tune_result_destroy(fovea_tune_result *result);
FOVEA_API void fovea_tune_get_info(const fovea_tune_result *result, fovea_tune_info *out);
/* The i-th problem, the most expensive first. Errors: INVALID past the end. */
FOVEA_API fovea_status fovea_tune_get_line(const fovea_tune_result *result, size_t i,
                                           fovea_tune_line *out);

/* Writes all that is known of this device to a text file. Errors: BAD_FILE (disk). */
FOVEA_API fovea_status fovea_tuning_export(fovea_context *context, const char *path, size_t *rows);
/* Takes what such a file says in place of what is known of its problems. Nothing is taken of a bad file,
 * nor of one from another device, driver or version of the library, unless `force`.
 * Errors: BAD_FILE with the line, INVALID (another device), NO_MEMORY. */
FOVEA_API fovea_status fovea_tuning_import(fovea_context *context, const char *path, bool force,
                                           size_t *rows);
/* Forgets all that is known of this device. */
FOVEA_API fovea_status fovea_tuning_forget(fovea_context *context);

/* ---- Verification --------------------------------------------------------------------------- */

/* What was found at one step, at its worst element: the one with the largest error / bound. */
typedef struct fovea_verdict {
    const char *node, *op, *algorithm, *problem, *options; /* belong to the plan */
    bool right;
    const char *reason; /* if wrong: "beyond its bound", "wrote past its end", ... */
    size_t output;      /* which output of the node */
    int64_t index;      /* of the element */
    double got, expected, error, bound, ratio; /* ratio = error / bound */
    double probable_ratio; /* error / the bound with sqrt(K) (Higham and Mary 2019); 0 if unknown */
} fovea_verdict;

typedef struct fovea_verify_options {
    bool exact; /* feed small integers, for which most algorithms must be right to the last bit */
    uint64_t seed; /* of inputs that were never written and of `exact` */
    bool fill;     /* fill the plan's inputs with random numbers first */
    /* Called after each step; return false to stop. May be NULL. */
    bool (*progress)(void *user, size_t done, size_t total, const fovea_verdict *verdict);
    void *user;
} fovea_verify_options;

/* Runs the plan, which needs `guard`, step by step; each step is checked against the reference on the very
 * inputs the device gave it, element by element, within a bound derived from the arithmetic. Where the batch
 * runs in parts, a step's verdict is the worst of them. Fills at most `capacity` verdicts; *wrong is the number
 * of wrong steps. A wrong result is no error: the call then returns FOVEA_OK with *wrong > 0. */
FOVEA_API fovea_status fovea_plan_verify(fovea_plan *plan, const fovea_verify_options *options,
                                         fovea_verdict *out, size_t capacity, size_t *count,
                                         size_t *wrong);

/* The i-th problem line of the self-test, which together reach every algorithm; NULL past the end. */
FOVEA_API const char *fovea_self_test_problem(size_t i);

#ifdef __cplusplus
}
#endif
#endif
