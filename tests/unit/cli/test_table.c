/* Tables, wrapped text, and what may reach a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/table.h"
#include "../../../client/cli/term.h"

static const struct table_column columns[] = {
	{ "ID", false, true },
	{ "NAME", false, false },
	{ "N", true, true },
};

/* A table of these rows; `hidden` columns must have been left out. */
static void
assert_table(int width, const char *const (*rows)[3], size_t n, size_t hidden,
    const char *expected)
{
	char *text = NULL;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_open(out, width, false, columns, 3);

	for (i = 0; i < n; i++)
		table_add(t, rows[i], NULL);
	assert_int_equal(table_close(t), hidden);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void
table__wide_characters__columns_line_up(void **state)
{
	static const char *const rows[][3] = {
		{ "a", "\xe6\x97\xa5\xe6\x9c\xac", "1" },
		{ "bb", "e\xcc\x81t\xc3\xa9", "12" }
	};

	(void)state;
	assert_table(0, rows, 2, 0,
	    "ID  NAME   N\na   \xe6\x97\xa5\xe6\x9c\xac   1\n"
	    "bb  e\xcc\x81t\xc3\xa9   12\n");
}

static void
table__coloured_cell__text_alone_is_coloured(void **state)
{
	static const char *const row[3] = { "a", "stale", "1" };
	static const enum colour colours[3] = { COLOUR_NONE, COLOUR_BAD,
		COLOUR_NONE };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_open(out, 0, true, columns, 3);

	(void)state;
	table_add(t, row, colours);
	table_close(t);
	fclose(out);
	assert_non_null(strstr(text, "\na   \033[31mstale\033[0m  1\n"));
	free(text);
}

static void
table__too_wide__shortened_then_left_out(void **state)
{
	static const char *const rows[][3] = { { "mission-locale",
	    "Mission locale de Caen la Mer", "3" } };

	(void)state;
	assert_table(40, rows, 1, 0,
	    "ID              NAME                   N\n"
	    "mission-locale  Mission locale de Ca…  3\n");
	assert_table(29, rows, 1, 1,
	    "ID              NAME\nmission-locale  Mission loca…\n");
	assert_table(10, rows, 1, 2, "ID\nmission-l…\n");
}

static void
table__control_characters__shown_not_obeyed(void **state)
{
	static const char *const rows[][3] = { { "a",
	    "x\033[2J\xc2\x9b"
	    "1m\ny",
	    "" } };

	(void)state;
	assert_table(0, rows, 1, 0,
	    "ID  NAME              N\na   x\\x1b[2J\\x9b1m y\n");
}

static void
table__no_rows__nothing(void **state)
{
	(void)state;
	assert_table(80, NULL, 0, 0, "");
}

static void
table__more_rows_than_it_waits_for__all_printed(void **state)
{
	static const char *const row[3] = { "a", "b", "1" };
	char *text = NULL;
	size_t len, i, lines = 0;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_open(out, 80, false, columns, 3);

	(void)state;
	for (i = 0; i < 2 * TABLE_AHEAD; i++)
		table_add(t, row, NULL);
	table_close(t);
	fclose(out);
	for (i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 2 * TABLE_AHEAD + 1);
	free(text);
}

static void
wrap__long_text__broken_at_blanks(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	table_wrap(out, "un deux trois quatre\ncinq", 18, 2);
	table_wrap(out, "", 18, 2);
	table_wrap(out, "unmotbeaucouptroplongpourlaligne", 18, 2);
	fclose(out);
	assert_string_equal(text, "un deux trois\n  quatre\n  cinq\n\n"
				  "unmotbeaucouptro\n  plongpourlaligne\n");
	free(text);
}

static void
safe__invalid_utf8__replaced(void **state)
{
	char *text = term_safe("a\xff\xc3", 3, false);

	(void)state;
	assert_string_equal(text, "a\xef\xbf\xbd\xef\xbf\xbd");
	free(text);
	text = term_safe("\xe2\x80\xae"
			 "a\tb",
	    6, false);
	assert_string_equal(text, "\\u{202e}a b");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table__wide_characters__columns_line_up),
		cmocka_unit_test(table__coloured_cell__text_alone_is_coloured),
		cmocka_unit_test(table__too_wide__shortened_then_left_out),
		cmocka_unit_test(table__control_characters__shown_not_obeyed),
		cmocka_unit_test(table__no_rows__nothing),
		cmocka_unit_test(
		    table__more_rows_than_it_waits_for__all_printed),
		cmocka_unit_test(wrap__long_text__broken_at_blanks),
		cmocka_unit_test(safe__invalid_utf8__replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
