/* The roof over a measurement (Williams, Waterman and Patterson 2009): the time that arithmetic or
 * memory traffic takes at the device's peak, whichever is longer. */
#include "bench.h"
#include "json.h"

static double compute_ms(const fovea_device_info *d, double flops) {
    return d->flops_peak > 0 ? 1e3 * flops / d->flops_peak : 0;
}

static double memory_ms(const fovea_device_info *d, double bytes) {
    return d->bytes_per_second > 0 ? 1e3 * bytes / d->bytes_per_second : 0;
}

double bench_roof_ms(const fovea_device_info *d, double flops, double bytes) {
    double compute = compute_ms(d, flops), memory = memory_ms(d, bytes);
    return compute > memory ? compute : memory;
}

const char *bench_roof_name(const fovea_device_info *d, double flops, double bytes) {
    return compute_ms(d, flops) > memory_ms(d, bytes) ? "compute" : "memory";
}

static const char *origin(const fovea_device_info *d) {
    return d->measured ? "measured" : "estimated";
}

void bench_print_roof(const fovea_device_info *d) {
    printf("roof     %.4g GFLOP/s, %.4g GB/s, %s%s\n", d->flops_peak * 1e-9,
           d->bytes_per_second * 1e-9, origin(d),
           d->measured ? " on this device" : "; 'fovea bench device' measures them");
}

void bench_json_roof(const fovea_device_info *d) {
    json_object("roof");
    json_text("origin", origin(d));
    json_number("gflops", d->flops_peak * 1e-9);
    json_number("gbytes_per_second", d->bytes_per_second * 1e-9);
    json_number("launch_us", d->launch_overhead_us);
    json_close();
}
