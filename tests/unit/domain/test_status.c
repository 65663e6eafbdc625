/* Titles on a day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/status.h"

static const struct suspension autumn[] = { { 20270901, 20271130 } };
static const struct suspension since[] = { { 20280101, 0 } };

static const struct title label = {
	.code = "label-spro",
	.label = "labellisé SPRO Conseil",
	.decision_number = "2027-DEC-0345",
	.from = 20270501,
	.to = 20320430,
	.cercle = 3,
	.spro = true,
	.suspensions = autumn,
	.n_suspensions = 1,
};

static void
day__text_and_back__the_same(void **state)
{
	char text[DAY_TEXT_MAX];

	(void)state;
	assert_int_equal(day_from_text("2026-05-01"), 20260501);
	day_to_text(20260501, text);
	assert_string_equal(text, "2026-05-01");
	day_to_text(0, text);
	assert_string_equal(text, "");
}

static void
day__other_shapes__none(void **state)
{
	(void)state;
	assert_int_equal(day_from_text(""), 0);
	assert_int_equal(day_from_text("2026-5-1"), 0);
	assert_int_equal(day_from_text("2026/05/01"), 0);
	assert_int_equal(day_from_text("2026-05-011"), 0);
	assert_int_equal(day_from_text("aaaa-bb-cc"), 0);
}

/* Decision of 28 April, effect on 1 May: not the day before. */
static void
title__first_and_last_day__held(void **state)
{
	(void)state;
	assert_int_equal(title_state_at(&label, 20270430), TITLE_TO_COME);
	assert_int_equal(title_state_at(&label, 20270501), TITLE_HELD);
	assert_int_equal(title_state_at(&label, 20320430), TITLE_HELD);
	assert_int_equal(title_state_at(&label, 20320501), TITLE_ENDED);
}

static void
title__suspended__no_right_from_first_to_last_day(void **state)
{
	struct title lasting = label;

	(void)state;
	assert_true(title_holds(&label, 20270831));
	assert_int_equal(title_state_at(&label, 20270901), TITLE_SUSPENDED);
	assert_int_equal(title_state_at(&label, 20271130), TITLE_SUSPENDED);
	assert_true(title_holds(&label, 20271201));
	lasting.suspensions = since;
	assert_true(title_holds(&lasting, 20271231));
	assert_false(title_holds(&lasting, 20310101));
}

static void
title__without_end__held_for_ever(void **state)
{
	struct title t = { .code = "x",
		.decision_number = "",
		.from = 20200101 };

	(void)state;
	assert_true(title_holds(&t, 21991231));
	assert_false(title_holds(&t, 20191231));
}

static void
cercle_and_spro__independent_and_read_at_a_day(void **state)
{
	struct title t[] = {
		{ .code = "proximite",
		    .decision_number = "",
		    .from = 20200101,
		    .cercle = 4 },
		label,
		{ .code = "cfa",
		    .decision_number = "",
		    .from = 20210101,
		    .cercle = 3 },
	};

	(void)state;
	assert_int_equal(titles_cercle(t, 3, 20190101), 0);
	assert_int_equal(titles_cercle(t, 3, 20200101), 4);
	assert_int_equal(titles_cercle(t, 3, 20210101), 3);
	assert_false(titles_spro(t, 3, 20210101));
	assert_true(titles_spro(t, 3, 20270501));
	assert_false(titles_spro(t, 3, 20271001)); /* suspended */
	assert_int_equal(titles_cercle(t, 0, 20270501), 0);
}

static void
proof__first_cercle_then_oldest(void **state)
{
	struct title t[] = {
		{ .code = "none", .decision_number = "", .from = 20100101 },
		{ .code = "young",
		    .decision_number = "",
		    .from = 20220101,
		    .cercle = 2 },
		{ .code = "old",
		    .decision_number = "",
		    .from = 20200101,
		    .cercle = 2 },
	};

	(void)state;
	assert_null(titles_proof(t, 3, 20090101));
	assert_ptr_equal(titles_proof(t, 3, 20150101), &t[0]);
	assert_ptr_equal(titles_proof(t, 3, 20230101), &t[2]);
}

static void
text__dates_and_decision__in_french(void **state)
{
	struct title t = { .code = "droit",
		.decision_number = "",
		.from = 20200501 };
	char out[120];

	(void)state;
	title_text(&label, out, sizeof out);
	assert_string_equal(out, "labellisé SPRO Conseil du 2027-05-01 au "
				 "2032-04-30, décision 2027-DEC-0345");
	title_text(&t, out, sizeof out);
	assert_string_equal(out, "droit depuis le 2020-05-01");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(day__text_and_back__the_same),
		cmocka_unit_test(day__other_shapes__none),
		cmocka_unit_test(title__first_and_last_day__held),
		cmocka_unit_test(
		    title__suspended__no_right_from_first_to_last_day),
		cmocka_unit_test(title__without_end__held_for_ever),
		cmocka_unit_test(
		    cercle_and_spro__independent_and_read_at_a_day),
		cmocka_unit_test(proof__first_cercle_then_oldest),
		cmocka_unit_test(text__dates_and_decision__in_french),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
