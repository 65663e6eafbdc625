/* utf8.c - see utf8.h. */
#include "wire/utf8.h"

#include <stdint.h>
#include <string.h>

static bool
tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* Length of the sequence at `s`, 0 when it is none. */
static size_t
sequence(const unsigned char *s, size_t left)
{
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		return left >= 2 && tail(s[1]) ? 2 : 0;
	if ((s[0] & 0xF0) == 0xE0) {
		if (left < 3 || !tail(s[1]) || !tail(s[2]) ||
		    (s[0] == 0xE0 && s[1] < 0xA0) ||
		    (s[0] == 0xED && s[1] > 0x9F))
			return 0;
		return 3;
	}
	if (s[0] >= 0xF0 && s[0] <= 0xF4) {
		if (left < 4 || !tail(s[1]) || !tail(s[2]) || !tail(s[3]) ||
		    (s[0] == 0xF0 && s[1] < 0x90) ||
		    (s[0] == 0xF4 && s[1] > 0x8F))
			return 0;
		return 4;
	}
	return 0;
}

bool
utf8_valid(const void *text, size_t len)
{
	const unsigned char *s = text;
	size_t i = 0, step;

	while (i < len) {
		uint64_t word;

		/* Most text is ASCII: eight bytes at a time. */
		if (i + 8 <= len) {
			memcpy(&word, s + i, 8);
			if ((word & 0x8080808080808080u) == 0) {
				i += 8;
				continue;
			}
		}
		if (s[i] < 0x80) {
			i++;
			continue;
		}
		if ((step = sequence(s + i, len - i)) == 0)
			return false;
		i += step;
	}
	return true;
}

void
utf8_repair(char *text)
{
	if (utf8_valid(text, strlen(text)))
		return;
	for (; *text != '\0'; text++) {
		if ((*text & 0x80) != 0)
			*text = '?';
	}
}
