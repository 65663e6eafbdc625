/*
 * Any text as a value of any kind, as a note, as a date: a verdict with its
 * reasons.  The first byte chooses the kind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/date.h"
#include "domain/fold.h"
#include "domain/value.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_value(enum value_kind kind, const char *s, size_t len)
{
	const struct value_rule *rule = value_rule(kind);
	struct err e = { 0 };
	size_t chars;

	if (value_check(kind, "f", s, len, &e) < 0) {
		if (e.code != ERR_INVALID || strcmp(e.field, "f") != 0 ||
		    e.reason[0] == '\0' || e.remedy[0] == '\0' ||
		    !utf8_valid(e.msg, strlen(e.msg)) ||
		    !utf8_valid(e.remedy, strlen(e.remedy)))
			abort();
		return;
	}
	chars = value_chars(s, len);
	if (e.code != ERR_NONE || len == 0 || !utf8_valid(s, len) ||
	    memchr(s, 0, len) != NULL || chars < rule->min_chars ||
	    (rule->max_chars != 0 && chars > rule->max_chars))
		abort();
	if (kind == VALUE_EMAIL)
		(void)value_email_looks_personal(s, len);
}

static void
check_date(const char *s, size_t len)
{
	char text[DATE_TEXT_SIZE];
	struct date d;

	if (date_parse(s, len, &d) != DATE_OK)
		return;
	date_format(d, text);
	if (strlen(text) != len || memcmp(text, s, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s;

	if (size < 1)
		return 0;
	s = (const char *)data + 1;
	size--;
	check_value((enum value_kind)(data[0] % VALUE_KIND_COUNT), s, size);
	(void)value_note_has_personal_data(s, size);
	check_date(s, size);
	return 0;
}
