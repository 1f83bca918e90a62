/* What unit tests share: one operator on the CPU reference, from a problem line. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <check.h>
#undef fail /* an old macro of Check; the library has a function of that name */

#include "graph/graph.h"
#include "reference/reference.h"

/* Runs `line` on the reference; contents[k] fills the k-th run-time input of the line (literals need
 * none), converted to its element type. Fails the test unless output `output` has exactly `count`
 * elements, each within `tolerance` * max(1, |expected|) of `expected` (0: equal; NaN equals NaN), and
 * every bound is finite and not negative. Values come from hand calculation or another engine. */
void expect_reference(const char *line, const double *const *contents, size_t output,
                      const double *expected, size_t count, double tolerance);
/* Fails the test unless the line is refused with this status. */
void expect_refused(const char *line, fovea_status status);
/* Fails the test unless output 0 of the line has the shape, written "1x3x4" ("scalar" for rank 0). */
void expect_shape(const char *line, const char *shape);

/* main() of a test program: runs the suite and returns 0 if nothing failed. */
int harness_main(Suite *suite);

#endif
