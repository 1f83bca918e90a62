/* The text of a kernel file made fit to stand with others in one program: a runtime's fixed cost of a
 * build is then paid once for many kernels.
 *
 *     #define KH 3                          the options, as text
 *     #define conv_direct conv_direct_x..   every name that the file declares at its outermost level
 *     common.h and the file                 without the kernels that nobody wants
 *     #undef KH ...                         nothing is left for the next member
 *
 * What a file declares is found by reading it as tokens; a file whose braces do not match outside of
 * preprocessor branches is left as it is and built alone. */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "opencl/internal.h"

/* A piece of the text. */
struct piece {
    const char *s;
    size_t n;
};

struct pieces {
    struct piece *list;
    size_t count, capacity;
    bool failed;
};

static bool piece_is(struct piece p, const char *word) {
    return p.n == strlen(word) && strncmp(p.s, word, p.n) == 0;
}

static bool pieces_have(const struct pieces *set, struct piece p) {
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i].n == p.n && memcmp(set->list[i].s, p.s, p.n) == 0) return true;
    return false;
}

static void pieces_add(struct pieces *set, struct piece p) {
    if (!p.n || pieces_have(set, p)) return;
    struct piece *slot = mem_push(&set->list, &set->count, &set->capacity, sizeof *slot);
    if (slot) *slot = p;
    else set->failed = true;
}

/* ---- Tokens ---- */

enum token { END, WORD, SIGN, DIRECTIVE };

static bool starts_word(char c) {
    return isalpha((unsigned char)c) || c == '_';
}

static size_t word_length(const char *s) {
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_') n++;
    return n;
}

static const char *skip_comment(const char *s) {
    if (s[1] == '/') return s + strcspn(s, "\n");
    const char *end = strstr(s + 2, "*/");
    return end ? end + 2 : s + strlen(s);
}

static const char *skip_space(const char *s) {
    for (;;) {
        if (isspace((unsigned char)*s)) s++;
        else if (*s == '/' && (s[1] == '/' || s[1] == '*')) s = skip_comment(s);
        else if (*s == '\\' && s[1] == '\n') s += 2;
        else return s;
    }
}

static size_t directive_length(const char *s) {
    size_t n = 0;
    while (s[n] && (s[n] != '\n' || (n && s[n - 1] == '\\'))) n++;
    return n;
}

static size_t quoted_length(const char *s) {
    size_t n = 1;
    while (s[n] && s[n] != s[0]) n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return n + (s[n] != 0);
}

static size_t number_length(const char *s) { /* a preprocessing number: 1e-5f, 0x1p24 */
    size_t n = 1;
    while (isalnum((unsigned char)s[n]) || s[n] == '.' || s[n] == '_' ||
           ((s[n] == '+' || s[n] == '-') && strchr("eEpP", s[n - 1])))
        n++;
    return n;
}

/* The token at or after *s, which then stands behind it. Numbers and strings are signs. */
static enum token next_token(const char **s, struct piece *token) {
    const char *p = skip_space(*s);
    enum token kind = !*p ? END : *p == '#' ? DIRECTIVE : starts_word(*p) ? WORD : SIGN;
    size_t n = kind == END                  ? 0
               : kind == DIRECTIVE          ? directive_length(p)
               : kind == WORD               ? word_length(p)
               : *p == '"' || *p == '\''    ? quoted_length(p)
               : isdigit((unsigned char)*p) ? number_length(p)
                                            : 1;
    *token = (struct piece){p, n};
    *s = p + n;
    return kind;
}

/* ---- What the text declares ---- */

struct reader {
    struct pieces macros, names;
    struct pieces unwanted, unwanted_names; /* whole kernels, and what they are called */
    const char *wanted;                     /* a kernel's name, or NULL for all */
    int braces, parens;
    /* The declaration being read. */
    const char *begin;
    bool is_kernel, is_enum, has_parens;
    struct piece kernel, last; /* last: the word right before this token */
};

static void begin_declaration(struct reader *r) {
    r->begin = NULL;
    r->is_kernel = r->is_enum = r->has_parens = false;
    r->kernel = r->last = (struct piece){NULL, 0};
}

static void read_directive(struct reader *r, struct piece d) {
    const char *s = d.s + 1 + strspn(d.s + 1, " \t");
    if (strncmp(s, "define", 6) != 0) return;
    s += 6 + strspn(s + 6, " \t");
    pieces_add(&r->macros, (struct piece){s, word_length(s)});
}

static void read_word(struct reader *r, struct piece word) {
    if (r->braces == 0 && r->parens == 0) {
        if (!r->begin) r->begin = word.s;
        if (piece_is(word, "__kernel") || piece_is(word, "kernel")) r->is_kernel = true;
        if (piece_is(word, "enum")) r->is_enum = true;
        if (piece_is(r->last, "struct") || piece_is(r->last, "union") || piece_is(r->last, "enum"))
            pieces_add(&r->names, word);
    }
    r->last = word;
}

/* A word and then one of ( [ = , ; is declared; what begins with "__" belongs to the compiler. */
static void declare(struct reader *r, char sign) {
    if (!r->last.n || !strchr("([=,;", sign) || strncmp(r->last.s, "__", 2) == 0) return;
    pieces_add(&r->names, r->last);
    if (sign == '(' && r->is_kernel && !r->kernel.n) r->kernel = r->last;
}

static void end_body(struct reader *r, const char *end) {
    bool unwanted = r->is_kernel && r->kernel.n && r->wanted && !piece_is(r->kernel, r->wanted);
    if (unwanted && !pieces_have(&r->unwanted_names, r->kernel)) {
        pieces_add(&r->unwanted, (struct piece){r->begin, (size_t)(end - r->begin)});
        pieces_add(&r->unwanted_names, r->kernel);
    }
    begin_declaration(r);
}

static void read_sign(struct reader *r, struct piece sign) {
    char c = *sign.s;
    bool outer = r->braces == 0 && r->parens == 0;
    if (outer && !r->begin && c != ';') r->begin = sign.s;
    if (outer) declare(r, c);
    if (r->is_enum && r->braces == 1 && r->parens == 0 && strchr(",=}", c))
        pieces_add(&r->names, r->last);
    r->parens += (c == '(' || c == '[') - (c == ')' || c == ']');
    r->braces += (c == '{') - (c == '}');
    if (outer && c == '(' && r->last.n && strncmp(r->last.s, "__", 2) != 0) r->has_parens = true;
    r->last = (struct piece){NULL, 0};
    if (r->braces || r->parens) return;
    if (c == ';') begin_declaration(r);
    if (c == '}' && r->has_parens) end_body(r, sign.s + 1);
}

/* False if the text cannot be taken apart. */
static bool read_text(struct reader *r, const char *text) {
    const char *s = text;
    struct piece token;
    enum token kind;
    begin_declaration(r);
    while ((kind = next_token(&s, &token)) != END) {
        if (kind == DIRECTIVE) read_directive(r, token);
        else if (kind == WORD) read_word(r, token);
        else read_sign(r, token);
        if (r->braces < 0 || r->parens < 0) return false;
    }
    return r->braces == 0 && r->parens == 0;
}

/* ---- Options ---- */

/* The next of the options that spaces separate; empty at the end. */
static struct piece next_option(const char **s) {
    *s += strspn(*s, " ");
    struct piece option = {*s, strcspn(*s, " ")};
    *s += option.n;
    return option;
}

static bool is_define(struct piece option) {
    return option.n > 2 && strncmp(option.s, "-D", 2) == 0 && starts_word(option.s[2]);
}

static void define_option(struct text *t, struct reader *r, struct piece option) {
    struct piece name = {option.s + 2, word_length(option.s + 2)};
    const char *value = name.s + name.n;
    int left = (int)(option.n - 2 - name.n);
    if (left > 0) text_add(t, "#define %.*s %.*s\n", (int)name.n, name.s, left - 1, value + 1);
    else text_add(t, "#define %.*s 1\n", (int)name.n, name.s);
    pieces_add(&r->macros, name);
}

/* ---- Writing ---- */

/* Whether a kernel is named anywhere but in its own definition. */
static bool is_called(const char *text, struct piece name, struct piece definition) {
    struct piece token;
    for (const char *s = text; next_token(&s, &token) != END;) {
        bool inside = token.s >= definition.s && token.s < definition.s + definition.n;
        if (!inside && token.n == name.n && memcmp(token.s, name.s, name.n) == 0) return true;
    }
    return false;
}

/* The text without its unwanted kernels; their lines stay, so that build logs count right. */
static void add_wanted(struct text *t, const struct reader *r, const char *text) {
    const char *from = text;
    for (size_t i = 0; i < r->unwanted.count; i++) {
        struct piece u = r->unwanted.list[i];
        if (is_called(text, r->unwanted_names.list[i], u)) continue;
        text_add(t, "%.*s", (int)(u.s - from), from);
        for (size_t k = 0; k < u.n; k++)
            if (u.s[k] == '\n') text_add(t, "\n");
        from = u.s + u.n;
    }
    text_add(t, "%s\n", from);
}

static void add_renames(struct text *t, const struct reader *r, const char *suffix) {
    for (size_t i = 0; i < r->names.count; i++) {
        struct piece p = r->names.list[i];
        if (!pieces_have(&r->macros, p))
            text_add(t, "#define %.*s %.*s%s\n", (int)p.n, p.s, (int)p.n, p.s, suffix);
    }
}

static void add_undefs(struct text *t, const struct pieces *set) {
    for (size_t i = 0; i < set->count; i++)
        text_add(t, "#undef %.*s\n", (int)set->list[i].n, set->list[i].s);
}

static void reader_free(struct reader *r) {
    mem_free(r->macros.list);
    mem_free(r->names.list);
    mem_free(r->unwanted.list);
    mem_free(r->unwanted_names.list);
}

/* A file-scope pragma holds until the end of the program, and other options hold for all of it. */
static bool is_sociable(const char *text, const char *options) {
    for (struct piece o = next_option(&options); o.n; o = next_option(&options))
        if (!is_define(o)) return false;
    return !strstr(text, "FP_CONTRACT");
}

fovea_status member_write(char **out, const char *text, const char *options, const char *function,
                          const char *suffix) {
    struct reader r = {.wanted = function};
    struct text t = {0};
    *out = NULL;
    bool fits = is_sociable(text, options) && read_text(&r, text);
    const char *rest = options;
    for (struct piece o = next_option(&rest); fits && o.n; o = next_option(&rest))
        define_option(&t, &r, o);
    if (function) pieces_add(&r.names, (struct piece){function, strlen(function)});
    if (fits) {
        add_renames(&t, &r, suffix);
        add_wanted(&t, &r, text);
        add_undefs(&t, &r.names);
        add_undefs(&t, &r.macros);
    }
    bool failed = t.failed || r.macros.failed || r.names.failed || r.unwanted.failed ||
                  r.unwanted_names.failed;
    reader_free(&r);
    if (failed || !fits) text_free(&t);
    if (failed) return fail_memory(strlen(text), "a kernel source");
    if (!fits) return FOVEA_OK;
    *out = text_take(&t);
    return *out ? FOVEA_OK : fail_memory(strlen(text), "a kernel source");
}
