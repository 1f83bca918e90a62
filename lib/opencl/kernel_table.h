/* The embedded kernel sources, made by cl_kernels/embed.py; "common" is common.h. */
#ifndef OPENCL_KERNEL_TABLE_H
#define OPENCL_KERNEL_TABLE_H

struct kernel_source {
    const char *stem, *source; /* both NULL at the end */
};
extern const struct kernel_source kernel_table[];

#endif
