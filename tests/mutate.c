/* Damage to files, the same in every run. */
#include "mutate.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 60 };

static char place[128]; /* what is being done, for the sentence of a crash */
static uint64_t state = 1;

static void stop(int number) {
    const char *words = number == SIGALRM ? ": no answer in time\n" : ": crashed\n";
    ssize_t n = write(2, place, strlen(place)) + write(2, words, strlen(words));
    _exit(n > 0 ? 1 : 2);
}

long mutate_begin(const char *text) {
    long count = text ? strtol(text, NULL, 10) : 0;
    const char *set = getenv("FOVEA_MUTATIONS");
    if (count <= 0 && set) count = strtol(set, NULL, 10);
    signal(SIGSEGV, stop);
    signal(SIGALRM, stop);
    return count > 0 ? count : 1000;
}

void mutate_at(long i, const char *of) {
    state = 1000003 * (uint64_t)(i + 1);
    snprintf(place, sizeof place, "mutation %ld, of a %s", i, of);
    alarm(SECONDS);
}

const char *mutate_place(void) {
    return place;
}

size_t mutate_below(size_t n) { /* SplitMix64 (Steele, Lea, Flood 2014) */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (size_t)((z ^ z >> 31) % (n ? n : 1));
}

size_t mutate_bytes(unsigned char *data, size_t n) {
    static const uint32_t absurd[] = {0,       0xFFFFFFFF, 0x7FFFFFFF, 0x80000000,
                                      0x10000, 0xFFFF,     65500};
    switch (mutate_below(5)) {
    case 0:
        for (size_t k = 1 + mutate_below(8); k > 0; k--)
            data[mutate_below(n)] ^= (unsigned char)(1u << mutate_below(8));
        return n;
    case 1: return mutate_below(n);
    case 2: /* sizes stand at the front */
        for (size_t k = 1 + mutate_below(2); k > 0; k--) {
            uint32_t x = absurd[mutate_below(sizeof absurd / sizeof *absurd)];
            size_t at = mutate_below(n < 64 ? n : 64), bytes = n - at < 4 ? n - at : 4;
            memcpy(data + at, &x, bytes);
        }
        return n;
    case 3: { /* a piece over another */
        size_t from = mutate_below(n), to = mutate_below(n);
        size_t length = mutate_below(n - (from > to ? from : to)) + 1;
        memmove(data + to, data + from, length);
        return n;
    }
    default: /* digits and signs, for text headers */
        for (size_t k = 1 + mutate_below(4); k > 0; k--)
            data[mutate_below(n)] = (unsigned char)"0123456789- ,()'\n"[mutate_below(17)];
        return n;
    }
}
