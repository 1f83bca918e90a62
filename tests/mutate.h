/* Damage to files, the same in every run: what the fuzz programs of data files share. */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include <stddef.h>

/* How many mutations: the text, else $FOVEA_MUTATIONS, else 1000. From now on a crash, or a minute without
 * an answer, ends the program with the name of the mutation. */
long mutate_begin(const char *count);
/* The i-th mutation begins: its random numbers, its minute, its name for a crash and for mutate_place. */
void mutate_at(long i, const char *of);
const char *mutate_place(void);

size_t mutate_below(size_t n); /* a random number from 0 to n - 1 */
/* Flips bits, cuts, writes absurd sizes to the front, moves pieces, or writes digits; the new size, never
 * more than n. */
size_t mutate_bytes(unsigned char *data, size_t n);

#endif
