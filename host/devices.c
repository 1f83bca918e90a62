/* fovea devices: what there is to compute on. */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "json.h"
#include "table.h"

static const char *type_name(fovea_device_type type) {
    static const char *const names[] = {"reference", "cpu", "gpu", "accelerator"};
    return (size_t)type < sizeof names / sizeof *names ? names[type] : "other";
}

/* "fp16 fp64 vec8 sub32 local shared": what kernels ask about. */
static void capabilities(char *out, size_t size, const fovea_device_info *d) {
    size_t used =
        (size_t)snprintf(out, size, "vec%u%s%s%s%s", d->vector_width, d->has_fp16 ? " fp16" : "",
                         d->has_fp64 ? " fp64" : "", d->local_memory_is_real ? " local" : "",
                         d->unified_memory ? " unified" : "");
    if (d->subgroup_size && used < size)
        snprintf(out + used, size - used, " %s%u", d->has_subgroups ? "sub" : "warp",
                 d->subgroup_size);
}

static void print_table(const fovea_device_info *devices, size_t count) {
    struct table t;
    table_begin(&t, "id|type|>units|>memory|name|capabilities");
    for (size_t i = 0; i < count; i++) {
        const fovea_device_info *d = &devices[i];
        char memory[32] = "-", able[160];
        if (d->memory_bytes) host_bytes(memory, sizeof memory, (double)d->memory_bytes);
        capabilities(able, sizeof able, d);
        table_cell(&t, "%s", d->id);
        table_cell(&t, "%s", type_name(d->type));
        table_cell(&t, "%u", d->compute_units);
        table_cell(&t, "%s", memory);
        table_cell(&t, "%s", d->name);
        table_cell(&t, "%s", *d->problem ? d->problem : able);
    }
    table_print(&t);
}

static void print_all(const fovea_device_info *d) {
    char memory[32], largest[32], local[32], peak[32], bandwidth[32];
    host_bytes(memory, sizeof memory, (double)d->memory_bytes);
    host_bytes(largest, sizeof largest, (double)d->max_allocation_bytes);
    host_bytes(local, sizeof local, (double)d->local_memory_bytes);
    host_count(peak, sizeof peak, d->flops_peak);
    host_bytes(bandwidth, sizeof bandwidth, d->bytes_per_second);
    printf("\n%s  %s\n", d->id, d->name);
    if (*d->problem) printf("  not usable             %s\n", d->problem);
    printf("  type                   %s\n", type_name(d->type));
    if (*d->platform) printf("  platform               %s\n", d->platform);
    if (*d->vendor) printf("  vendor                 %s\n", d->vendor);
    if (*d->version) printf("  OpenCL version         %s\n", d->version);
    printf("  driver                 %s\n", d->driver);
    printf("  compute units          %u at %u MHz\n", d->compute_units, d->clock_mhz);
    printf("  memory                 %s, largest buffer %s\n", memory, largest);
    printf("  local memory           %s%s\n", local,
           d->local_memory_is_real ? "" : ", ordinary memory");
    printf("  work-group             %llu work-items\n",
           (unsigned long long)d->max_work_group_size);
    printf("  vector width           %u floats\n", d->vector_width);
    printf("  subgroup               %u work-items%s\n", d->subgroup_size,
           d->subgroup_size && !d->has_subgroups ? ", no functions for kernels" : "");
    printf("  address                %u bits\n", d->address_bits);
    printf("  fp16 %s, fp64 %s, memory shared with the host %s\n", d->has_fp16 ? "yes" : "no",
           d->has_fp64 ? "yes" : "no", d->unified_memory ? "yes" : "no");
    printf("  estimates              %s operations/s, %s/s, %.3g us a launch\n", peak, bandwidth,
           d->launch_overhead_us);
}

static void print_json(const fovea_device_info *devices, size_t count) {
    json_object(NULL);
    json_array("devices");
    for (size_t i = 0; i < count; i++) {
        const fovea_device_info *d = &devices[i];
        json_object(NULL);
        json_text("id", d->id);
        json_text("name", d->name);
        json_text("type", type_name(d->type));
        json_text("platform", d->platform);
        json_text("vendor", d->vendor);
        json_text("driver", d->driver);
        json_text("version", d->version);
        json_bool("usable", !*d->problem);
        json_text("problem", d->problem);
        json_integer("compute_units", d->compute_units);
        json_integer("clock_mhz", d->clock_mhz);
        json_integer("memory_bytes", (int64_t)d->memory_bytes);
        json_integer("max_allocation_bytes", (int64_t)d->max_allocation_bytes);
        json_integer("local_memory_bytes", (int64_t)d->local_memory_bytes);
        json_integer("max_work_group_size", (int64_t)d->max_work_group_size);
        json_integer("vector_width", d->vector_width);
        json_integer("subgroup_size", d->subgroup_size);
        json_integer("address_bits", d->address_bits);
        json_bool("local_memory_is_real", d->local_memory_is_real);
        json_bool("has_fp16", d->has_fp16);
        json_bool("has_fp64", d->has_fp64);
        json_bool("has_subgroups", d->has_subgroups);
        json_bool("unified_memory", d->unified_memory);
        json_number("flops_peak", d->flops_peak);
        json_number("bytes_per_second", d->bytes_per_second);
        json_number("launch_overhead_us", d->launch_overhead_us);
        json_close();
    }
    json_close();
    json_close();
}

/* With a name, the devices whose id, name or platform holds it. */
static bool is_meant(const fovea_device_info *d, const char *name) {
    return !name || strcmp(type_name(d->type), name) == 0 || strstr(d->id, name) ||
           strstr(d->name, name) || strstr(d->platform, name);
}

static int run(const struct common *common, const struct text_list *operands) {
    struct problem p = {0};
    size_t count = 0, kept = 0;
    (void)operands;
    if (!problem_check(&p, fovea_device_list(NULL, 0, &count))) return problem_report(&p);
    fovea_device_info *devices = host_alloc(count, sizeof *devices);
    size_t capacity = count;
    if (!problem_check(&p, fovea_device_list(devices, capacity, &count))) {
        free(devices);
        return problem_report(&p);
    }
    if (count > capacity) count = capacity;
    for (size_t i = 0; i < count; i++)
        if (is_meant(&devices[i], common->device)) devices[kept++] = devices[i];
    if (common->json) print_json(devices, kept);
    else print_table(devices, kept);
    for (size_t i = 0; !common->json && common->verbose && i < kept; i++) print_all(&devices[i]);
    free(devices);
    if (kept) return EXIT_GOOD;
    problem_set(&p, EXIT_DEVICE, "no device answers to '%s'", common->device);
    return problem_report(&p);
}

static const struct arg args[] = {{0}};
const struct command devices_command = {
    .name = "devices",
    .summary = "list the OpenCL devices and the CPU reference",
    .usage = "",
    .text =
        "Lists every device of every OpenCL platform, then the CPU reference, which is a device\n"
        "too. A device that cannot be used shows why. Capabilities: vecN, the native vector of\n"
        "floats; fp16, fp64; local, real local memory; unified, memory shared with the host; "
        "subN,\n"
        "the size of a subgroup. -v prints all that is known.",
    .examples = "  fovea devices\n  fovea devices -v --device gpu\n  fovea devices --json\n",
    .args = args,
    .max_operands = 0,
    .run = run,
};
