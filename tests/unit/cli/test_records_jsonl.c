/* Records read from JSON lines, in the four shapes that are taken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/records_jsonl.h"

#define SITE RESOPRO__V1__KIND__KIND_SITE

struct fx {
	FILE *file;
	struct records_jsonl *r;
	Resopro__V1__SyncRecord *s;
	unsigned line;
	struct records_problem p;
};

static void
open_text(struct fx *f, const struct records_kind *kind, const char *text)
{
	memset(f, 0, sizeof *f);
	f->file = tmpfile();
	assert_non_null(f->file);
	fputs(text, f->file);
	rewind(f->file);
	f->r = records_jsonl_open(f->file, kind);
	assert_non_null(f->r);
}

static enum records_got
next(struct fx *f)
{
	records_free(f->s);
	return records_jsonl_next(f->r, &f->s, &f->line, &f->p);
}

static void
done(struct fx *f)
{
	records_free(f->s);
	records_jsonl_close(f->r);
	fclose(f->file);
}

static void
next__three_shapes__are_one_record(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, records_kind_of(SITE),
	    "{\"source_id\":\"s1\",\"site\":{\"nom\":\"Un\"},"
	    "\"organisation_source_id\":\"o1\"}\n"
	    "\n"
	    "{\"record\":{\"sourceId\":\"s1\",\"site\":{\"nom\":\"Un\"}},"
	    "\"organisation_source_id\":\"o1\"}\n"
	    "{\"source_id\":\"s1\",\"nom\":\"Un\","
	    "\"organisation_source_id\":\"o1\"}");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(next(&f), RECORDS_ITEM);
		assert_int_equal(f.line, i == 0 ? 1 : i + 2);
		assert_int_equal(f.s->record->kind, SITE);
		assert_string_equal(f.s->record->source_id, "s1");
		assert_string_equal(f.s->record->site->nom, "Un");
		assert_string_equal(f.s->organisation_source_id, "o1");
	}
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
next__gone__kind_and_identifier_and_nothing_else(void **state)
{
	static const char *const lines[] = {
		"{\"source_id\":\"s1\",\"kind\":\"site\",\"retire\":true}",
		"{\"source_id\":\"s1\",\"kind\":\"KIND_SITE\",\"nom\":4,"
		"\"retire\":true}",
		"{\"record\":{\"sourceId\":\"s1\",\"kind\":\"KIND_SITE\"},"
		"\"retire\":true}",
		"{\"source_id\":\"s1\",\"site\":{\"nom\":\"Un\"},"
		"\"retire\":true}",
	};
	struct fx f;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		open_text(&f, NULL, lines[i]);
		assert_int_equal(next(&f), RECORDS_ITEM);
		assert_int_equal(f.s->record->kind, SITE);
		assert_string_equal(f.s->record->source_id, "s1");
		assert_true(f.s->retire);
		assert_int_equal(f.s->record->body_case,
		    RESOPRO__V1__RECORD__BODY__NOT_SET);
		done(&f);
	}
	/* A file's kind is enough; a body's own "kind" is another thing. */
	open_text(&f, records_kind_of(RESOPRO__V1__KIND__KIND_ORGANISATION),
	    "{\"source_id\":\"o1\",\"kind\":\"cio\",\"retire\":true}\n"
	    "{\"source_id\":\"s1\",\"kind\":\"site\",\"retire\":true}");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(f.s->record->kind,
	    RESOPRO__V1__KIND__KIND_ORGANISATION);
	assert_int_equal(next(&f), RECORDS_BAD);
	done(&f);
	open_text(&f, NULL, "{\"source_id\":\"s1\",\"retire\":true}");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_non_null(strstr(f.p.remedy, "kind"));
	done(&f);
}

static void
next__kind_from_body__when_none_is_given(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, NULL,
	    "{\"id\":\"a\",\"organisation\":{\"kind\":\"cio\"}}\n"
	    "{\"id\":\"a\",\"nom\":\"Un\"}\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(f.s->record->kind,
	    RESOPRO__V1__KIND__KIND_ORGANISATION);
	assert_string_equal(f.s->record->source_id, "a");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_int_equal(f.p.line, 2);
	done(&f);
}

static void
next__wrong_line__named_and_the_rest_goes_on(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, records_kind_of(SITE),
	    "{\"source_id\":\"s1\",\"comune\":\"x\"}\n"
	    "[{\"source_id\":\"s1\"}]\n"
	    "{\"source_id\":\n"
	    "{\"source_id\":\"s1\",\"organisation\":{\"nom\":\"x\"}}\n"
	    "{\"nom\":\"x\"}\n"
	    "{\"source_id\":\"s1\",\"source_id\":\"s2\"}\n"
	    "{\"source_id\":\"s6\",\"nom\":\"Six\"}\n");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_int_equal(f.p.line, 1);
	assert_string_equal(f.p.field, "comune");
	assert_string_not_equal(f.p.remedy, "");
	for (unsigned i = 2; i <= 6; i++) {
		assert_int_equal(next(&f), RECORDS_BAD);
		assert_int_equal(f.p.line, i);
		assert_string_not_equal(f.p.msg, "");
	}
	assert_int_equal(next(&f), RECORDS_ITEM);
	done(&f);
}

static void
next__empty_file__no_records(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, NULL, "");
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next__three_shapes__are_one_record),
		cmocka_unit_test(
		    next__gone__kind_and_identifier_and_nothing_else),
		cmocka_unit_test(next__kind_from_body__when_none_is_given),
		cmocka_unit_test(next__wrong_line__named_and_the_rest_goes_on),
		cmocka_unit_test(next__empty_file__no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
