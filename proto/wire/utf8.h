/* utf8.h - is it UTF-8?  Source: RFC 3629 (shortest form, no surrogates,
 * nothing above U+10FFFF).  Pure; any thread. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const void *text, size_t len);

/* A text that is not UTF-8 keeps its ASCII alone: other bytes become '?'. */
void utf8_repair(char *text);

#endif
