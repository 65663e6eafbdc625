/* What libresopro repeats, and what it says when it cannot know. */
#include "harness.h"

#include "../../../client/lib/clock.h"

READ(Echo);
READ(Busy);
READ(Asked);
READ(Fail);
READ(Lose);
METHOD(Write, UNARY, WRITE_ID, delete_request, record_name);
static const struct rsp_method write_anyhow = { .path = "/t/Write",
	.input = &resopro__v1__delete_request__descriptor,
	.output = &resopro__v1__record_name__descriptor,
	.kind = RSP_UNARY,
	.effect = RSP_WRITE };

static char padding[8000];

/* `how` with blanks behind, so that the relay sees a large request. */
static const char *
call_write(struct fixture *f, const struct rsp_method *method, const char *id,
    const char *how, int64_t deadline_ms)
{
	Resopro__V1__DeleteRequest request = RESOPRO__V1__DELETE_REQUEST__INIT;
	ProtobufCMessage *answer;

	memset(padding, ' ', sizeof padding - 1);
	memcpy(padding, how, strlen(how));
	request.request_id = (char *)(uintptr_t)id;
	request.id = padding;
	rsp_error_clear(&f->e);
	(void)rsp_call(f->client, method, &request.base, &answer, deadline_ms,
	    &f->e);
	return keep(f, answer);
}

static int
asked(struct fixture *f, const char *id)
{
	struct rsp_error kept = f->e;
	int n;

	(void)answered(f, call(f, &Asked, id));
	n = atoi(f->answer);
	f->e = kept;
	return n;
}

static void
read__unavailable_twice__third_answers(void **state)
{
	struct fixture *f = *state;

	assert_answer(f, &Busy, "a", "third time");
}

static void
read__no_retry__one_attempt(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);

	o.no_retry = true;
	assert_non_null(client_with(f, &o));
	assert_null(call(f, &Busy, "b"));
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	assert_int_equal(asked(f, "b"), 1);
}

static void
read__other_status__not_repeated(void **state)
{
	struct fixture *f = *state;
	int64_t before = clock_ms();

	assert_null(call(f, &Fail, "RESOURCE_EXHAUSTED"));
	assert_true(clock_ms() - before < 2000);
	assert_int_equal(f->e.code, RSP_RESOURCE_EXHAUSTED);
}

static void
write__lost_with_request_id__repeated_and_done_once(void **state)
{
	struct fixture *f = *state;

	(void)answered(f, call_write(f, &Write, "id-1", "cut once", 0));
	assert_string_equal(f->answer, "cut once");
	assert_int_equal(asked(f, "id-1"), 2);
}

static void
write__lost_on_its_way__repeated(void **state)
{
	struct fixture *f = *state;

	(void)answered(f, call(f, &Lose, "2"));
	(void)answered(f, call_write(f, &Write, "id-2", "well", 0));
	assert_string_equal(f->answer, "well");
	assert_int_equal(asked(f, "id-2"), 1);
}

static void
write__always_lost__uncertain_after_four_attempts(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &Write, "id-3", "cut", 0));
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
	assert_true(f->e.maybe_written);
	assert_false(f->e.from_server);
	assert_string_not_equal(f->e.remedy, "");
	assert_int_equal(asked(f, "id-3"), 4);
}

static void
write__lost_without_request_id__uncertain_at_once(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &Write, "", "cut", 0));
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
	assert_int_equal(asked(f, "cut"), 1);
	assert_null(call_write(f, &write_anyhow, "id-4", "cut", 0));
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
	assert_int_equal(asked(f, "id-4"), 1);
}

static void
write__lost_then_refused__still_uncertain(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &Write, "id-5", "cut, refuse", 0));
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
	assert_true(f->e.maybe_written);
}

static void
write__refused_by_server__nothing_was_written(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &write_anyhow, "", "refuse", 0));
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	assert_false(f->e.maybe_written);
	assert_int_equal(asked(f, "refuse"), 1);
}

static void
write__deadline_passes__maybe_written(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &Write, "id-6", "hang", 150));
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	assert_true(f->e.maybe_written);
}

static void
connection__lost_while_idle__next_call_makes_another(void **state)
{
	struct fixture *f = *state;

	assert_null(call_write(f, &Write, "", "cut", 0));
	assert_answer(f, &Echo, "a", "a");
	/* The relay cuts every connection at the other's call. */
	(void)answered(f, call_write(f, &Write, "id-7", "cut once", 0));
	assert_answer(f, &Echo, "b", "b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(read__unavailable_twice__third_answers),
		T(read__no_retry__one_attempt),
		T(read__other_status__not_repeated),
		T(write__lost_with_request_id__repeated_and_done_once),
		T(write__lost_on_its_way__repeated),
		T(write__always_lost__uncertain_after_four_attempts),
		T(write__lost_without_request_id__uncertain_at_once),
		T(write__lost_then_refused__still_uncertain),
		T(write__refused_by_server__nothing_was_written),
		T(write__deadline_passes__maybe_written),
		T(connection__lost_while_idle__next_call_makes_another),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
