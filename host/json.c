/* Writes JSON to stdout. One document at a time, two spaces a level. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 16 };
static struct {
    char closer[MAX_DEPTH];
    bool filled[MAX_DEPTH]; /* the level holds something already */
    int depth;
    bool lines; /* a document is one line */
} state;

/* Length of the UTF-8 sequence at s, 0 if it is not one (RFC 3629: no surrogates, no long forms). */
static int utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    int n = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : s[0] >= 0xE0 && s[0] <= 0xEF ? 3 : 0;
    if (s[0] >= 0xF0 && s[0] <= 0xF4) n = 4;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (n == 3 && ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))) return 0;
    if (n == 4 && ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))) return 0;
    return n;
}

static void put_text(const char *text) {
    putchar('"');
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int n = utf8_length(s);
        if (n == 0) {
            fputs("\\ufffd", stdout);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            printf("\\%c", *s);
        } else if (*s == '\n') {
            fputs("\\n", stdout);
        } else if (*s < 0x20 || *s == 0x7F) {
            printf("\\u%04x", *s);
        } else {
            fwrite(s, 1, (size_t)n, stdout);
        }
        s += n;
    }
    putchar('"');
}

static void begin(const char *key) {
    if (state.depth == 0) return;
    bool *filled = &state.filled[state.depth - 1];
    if (*filled) putchar(',');
    if (!state.lines) printf("\n%*s", 2 * state.depth, "");
    else if (*filled) putchar(' ');
    *filled = true;
    if (!key) return;
    put_text(key);
    fputs(": ", stdout);
}

static void open_level(const char *key, char opener, char closer) {
    begin(key);
    putchar(opener);
    if (state.depth == MAX_DEPTH) return;
    state.closer[state.depth] = closer;
    state.filled[state.depth++] = false;
}

void json_set_lines(bool on) {
    state.lines = on;
}

void json_object(const char *key) {
    open_level(key, '{', '}');
}

void json_array(const char *key) {
    open_level(key, '[', ']');
}

void json_close(void) {
    if (state.depth == 0) return;
    state.depth--;
    if (state.filled[state.depth] && !state.lines) printf("\n%*s", 2 * state.depth, "");
    putchar(state.closer[state.depth]);
    if (state.depth == 0) putchar('\n');
}

void json_text(const char *key, const char *text) {
    begin(key);
    if (text) put_text(text);
    else fputs("null", stdout);
}

void json_integer(const char *key, int64_t value) {
    begin(key);
    printf("%lld", (long long)value);
}

void json_number(const char *key, double value) {
    if (isnan(value)) json_text(key, "NaN");
    else if (isinf(value)) json_text(key, value > 0 ? "Infinity" : "-Infinity");
    else {
        begin(key);
        printf("%.9g", value);
    }
}

void json_bool(const char *key, bool value) {
    begin(key);
    fputs(value ? "true" : "false", stdout);
}
