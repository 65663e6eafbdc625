/* term.c - see term.h. */
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

enum { COLUMNS_MAX = 10000 };

static const struct colour_code {
	const char *start;
} colours[] = {
	[COLOUR_NONE] = { "" },
	[COLOUR_BOLD] = { "\033[1m" },
	[COLOUR_DIM] = { "\033[2m" },
	[COLOUR_GOOD] = { "\033[32m" },
	[COLOUR_CHANGE] = { "\033[33m" },
	[COLOUR_BAD] = { "\033[31m" },
};

/* Characters that change how what follows is shown, or where. */
static const struct range {
	int32_t first, last;
} unsafe[] = {
	{ 0x00, 0x1f },     /* C0 */
	{ 0x7f, 0x9f },     /* DEL, C1: CSI and OSC in one character */
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x200e, 0x200f }, /* directional marks */
	{ 0x2028, 0x202e }, /* separators, embeddings, overrides */
	{ 0x2066, 0x2069 }, /* isolates */
	{ 0xfeff, 0xfeff }, { 0xe0000, 0xe007f }, /* tags: invisible text */
};

const char *
term_start(bool on, enum colour colour)
{
	return on ? colours[colour].start : "";
}

const char *
term_end(bool on, enum colour colour)
{
	return on && colour != COLOUR_NONE ? "\033[0m" : "";
}

void
term_print(FILE *file, bool on, enum colour colour, const char *text)
{
	char *safe = term_safe(text, strlen(text), true);

	fprintf(file, "%s%s%s", term_start(on, colour),
	    safe != NULL ? safe : "?", term_end(on, colour));
	free(safe);
}

bool
term_is_unsafe(int32_t c)
{
	size_t i;

	for (i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
		if (c >= unsafe[i].first && c <= unsafe[i].last)
			return true;
	return false;
}

/* Append the visible form of one unsafe character; at most 10 bytes. */
static size_t
put_escape(char *out, int32_t c)
{
	if (c == '\t' || c == '\n') {
		*out = ' ';
		return 1;
	}
	return (
	    size_t)sprintf(out, c < 0x100 ? "\\x%02x" : "\\u{%x}", (unsigned)c);
}

char *
term_safe(const char *text, size_t len, bool keep_lines)
{
	const uint8_t *in = (const uint8_t *)text;
	char *out = malloc(len * 10 + 1);
	size_t i = 0, n = 0;

	if (out == NULL)
		return NULL;
	while (i < len) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used =
		    utf8proc_iterate(in + i, (utf8proc_ssize_t)(len - i), &c);

		if (used <= 0) {
			memcpy(out + n, "\xef\xbf\xbd", 3);
			n += 3;
			i++;
			continue;
		}
		if (term_is_unsafe(c) && !(keep_lines && c == '\n')) {
			n += put_escape(out + n, c);
		} else {
			memcpy(out + n, in + i, (size_t)used);
			n += (size_t)used;
		}
		i += (size_t)used;
	}
	out[n] = '\0';
	return out;
}

/* Bytes and columns of the character at `text`. */
static size_t
step(const char *text, size_t len, size_t *columns)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t used =
	    utf8proc_iterate((const uint8_t *)text, (utf8proc_ssize_t)len, &c);

	if (used <= 0) {
		*columns = 1;
		return 1;
	}
	*columns = (size_t)utf8proc_charwidth(c);
	return (size_t)used;
}

size_t
term_width(const char *text)
{
	size_t len = strlen(text), i, w, width = 0;

	for (i = 0; i < len; width += w)
		i += step(text + i, len - i, &w);
	return width;
}

size_t
term_fit(const char *text, size_t columns)
{
	size_t len = strlen(text), i = 0, width = 0;

	while (i < len) {
		size_t w, used = step(text + i, len - i, &w);

		if (width + w > columns)
			break;
		width += w;
		i += used;
	}
	return i;
}

int
term_columns(int fd)
{
	const char *env = getenv("COLUMNS");
	struct winsize size;
	long n;

	if (!isatty(fd))
		return 0;
	if (env != NULL && (n = strtol(env, NULL, 10)) > 0 && n < COLUMNS_MAX)
		return (int)n;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}
