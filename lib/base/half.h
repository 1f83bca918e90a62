/* IEEE 754 binary16 and bfloat16 to float and back, round to nearest even. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>

float half_to_float(uint16_t);
uint16_t half_from_double(double); /* one rounding, no double rounding through float */
float bfloat16_to_float(uint16_t);
uint16_t bfloat16_from_double(double);

#endif
