#include "text_lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "i18n.h"

/* Windows-1252, 0x80 to 0x9F; 0: not assigned. */
static const uint16_t windows_1252[32] = { 0x20AC, 0, 0x201A, 0x0192, 0x201E,
	0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
	0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178 };

void
text_lines_open(struct text_lines *t, FILE *file)
{
	memset(t, 0, sizeof *t);
	t->file = file;
}

void
text_lines_close(struct text_lines *t)
{
	free(t->line);
	free(t->raw);
	memset(t, 0, sizeof *t);
}

static int
reserve(char **buf, size_t *room, size_t need)
{
	size_t size = *room == 0 ? 512 : *room;
	char *grown;

	if (need <= *room)
		return 0;
	while (size < need)
		size *= 2;
	grown = realloc(*buf, size);
	if (grown == NULL)
		return -1;
	*buf = grown;
	*room = size;
	return 0;
}

static bool
is_utf8(const char *s, size_t len)
{
	while (len > 0) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n =
		    utf8proc_iterate((const utf8proc_uint8_t *)s,
			(utf8proc_ssize_t)len, &c);

		if (n <= 0)
			return false;
		s += n;
		len -= (size_t)n;
	}
	return true;
}

/* Read up to and with an end of line, told as LF. */
static enum text_got
read_raw(struct text_lines *t, size_t *len)
{
	int c;

	while ((c = getc_unlocked(t->file)) != EOF) {
		bool skip = t->pending_lf && c == '\n';

		t->pending_lf = false;
		if (skip)
			continue;
		if (c == '\0')
			return TEXT_NUL;
		if (*len == TEXT_LINE_BYTES_MAX)
			return TEXT_TOO_LONG;
		if (reserve(&t->raw, &t->raw_room, *len + 2) != 0)
			return TEXT_UNREADABLE;
		t->pending_lf = c == '\r';
		t->raw[(*len)++] = (char)(c == '\r' ? '\n' : c);
		if (t->raw[*len - 1] == '\n')
			return TEXT_LINE;
	}
	if (ferror(t->file))
		return TEXT_UNREADABLE;
	return *len == 0 ? TEXT_END : TEXT_LINE;
}

static int
copy_line(struct text_lines *t, const char *raw, size_t len)
{
	if (reserve(&t->line, &t->room, len + 1) != 0)
		return -1;
	memcpy(t->line, raw, len);
	t->line[len] = '\0';
	t->len = len;
	return 0;
}

static enum text_got
convert_line(struct text_lines *t, const char *raw, size_t len)
{
	size_t n = 0;

	if (reserve(&t->line, &t->room, 3 * len + 1) != 0)
		return TEXT_UNREADABLE;
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)raw[i];
		utf8proc_int32_t c = b;

		if (b >= 0x80 && b < 0xA0)
			c = windows_1252[b - 0x80];
		if (c == 0)
			return TEXT_UNKNOWN_BYTE;
		n += (size_t)utf8proc_encode_char(c,
		    (utf8proc_uint8_t *)t->line + n);
	}
	t->line[n] = '\0';
	t->len = n;
	t->converted = true;
	return TEXT_LINE;
}

static bool
is_utf16_mark(const char *raw, size_t len)
{
	return len >= 2 && (memcmp(raw, "\xFF\xFE", 2) == 0 ||
			       memcmp(raw, "\xFE\xFF", 2) == 0);
}

enum text_got
text_lines_next(struct text_lines *t)
{
	size_t len = 0;
	enum text_got got = read_raw(t, &len);
	const char *raw = t->raw; /* NULL when len is 0 */

	t->number++;
	t->converted = false;
	/* UTF-16 text is full of NULs: say what it is. */
	if (t->number == 1 && is_utf16_mark(raw, len))
		return TEXT_UTF16;
	if (got != TEXT_LINE)
		return got;
	if (t->number == 1 && len >= 3 && memcmp(raw, "\xEF\xBB\xBF", 3) == 0) {
		raw += 3;
		len -= 3;
	}
	if (!is_utf8(raw, len))
		return convert_line(t, raw, len);
	return copy_line(t, raw, len) == 0 ? TEXT_LINE : TEXT_UNREADABLE;
}

void
text_lines_problem(enum text_got got, char *msg, size_t msg_size, char *remedy,
    size_t remedy_size)
{
	const char *what = "", *how = _("save it as UTF-8 text");

	switch (got) {
	case TEXT_TOO_LONG:
		what = _("a line longer than 1 MiB");
		how = _("check that this is a CSV or JSON lines file");
		break;
	case TEXT_NUL:
		what = _("this is no text file: it holds a NUL byte");
		how = _("export it as CSV, not as a spreadsheet or archive");
		break;
	case TEXT_UTF16:
		what = _("this file is UTF-16");
		break;
	case TEXT_UNKNOWN_BYTE:
		what = _("a byte that is neither UTF-8 nor Windows-1252");
		break;
	default:
		what = strerror(errno);
		how = _("check the file");
	}
	snprintf(msg, msg_size, "%s", what);
	snprintf(remedy, remedy_size, "%s", how);
}
