/* Writes JSON to stdout. Every call that opens something pairs with json_close. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* From now on each document is one line (JSON Lines), or laid out again. */
void json_set_lines(bool on);
/* `key` is the member's name inside an object, NULL inside an array and at the top. */
void json_object(const char *key);
void json_array(const char *key);
void json_close(void); /* of the innermost object or array; a newline after the outermost */
/* Text that is not UTF-8 shows U+FFFD in place of each bad byte; NULL is null. */
void json_text(const char *key, const char *text);
void json_integer(const char *key, int64_t value);
/* JSON has no infinities and no NaN: they are the strings "Infinity", "-Infinity" and "NaN". */
void json_number(const char *key, double value);
void json_bool(const char *key, bool value);

#endif
