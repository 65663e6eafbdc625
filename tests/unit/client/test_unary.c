/* Unary calls of libresopro to a stock gRPC server. */
#include "harness.h"

#include <sys/eventfd.h>
#include <sys/stat.h>

READ(Echo);
READ(EchoGzip);
READ(Fail);
READ(Hang);
READ(Bytes);
READ(Trailer);
READ(Absent);
STREAM(Count, SERVER_STREAM);

#define BIG 1500000

static char *
text_of(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	return text;
}

static void
call__server_answers__message_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_answer(f, &Echo, "Évreux", "Évreux");
	assert_answer(f, &Echo, "", "");
}

static void
call__message_larger_than_windows__comes_back(void **state)
{
	struct fixture *f = *state;
	char *text = text_of(BIG);
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	ProtobufCMessage *m;

	request.id = text;
	assert_int_equal(rsp_call(f->client, &Echo, &request.base, &m,
			     RSP_DEADLINE_DEFAULT, &f->e),
	    0);
	assert_string_equal(((Name *)(void *)m)->id, text);
	rsp_message_free(m);
	free(text);
}

static void
call__answer_is_gzipped__is_read(void **state)
{
	struct fixture *f = *state;
	char *text = text_of(200);

	assert_answer(f, &EchoGzip, text, text);
	free(text);
}

/* ---- deadlines ----------------------------------------------------------- */

static void
call__server_hangs__deadline_exceeded(void **state)
{
	struct fixture *f = *state;

	assert_null(call_within(f, &Hang, "", 150));
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	assert_false(f->e.maybe_written); /* a read */
	assert_answer(f, &Echo, "on the same connection",
	    "on the same connection");
}

static void
call__interrupted__cancelled_and_client_usable(void **state)
{
	struct fixture *f = *state;
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(rsp_client_connect(f->client, &f->e), 0);
	rsp_client_set_interrupt_fd(f->client, fd);
	assert_null(call(f, &Hang, ""));
	assert_int_equal(f->e.code, RSP_CANCELLED);
	assert_string_equal(f->e.reason, "INTERRUPTED");
	rsp_client_set_interrupt_fd(f->client, -1);
	assert_answer(f, &Echo, "again", "again");
	(void)close(fd);
}

/* ---- errors -------------------------------------------------------------- */

static void
call__details_are_damaged__status_stands(void **state)
{
	struct fixture *f = *state;

	/* google.rpc.BadRequest whose bytes are cut */
	static const char cut[] =
	    "1a2f0a29747970652e676f6f676c65617069732e636f6d2f676f6f676c652e"
	    "7270632e4261645265717565737412020aff";
	static const char *const details[] = { "12ff", "ff", cut };

	for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
		assert_null(call(f, &Trailer, details[i]));
		assert_int_equal(f->e.code, RSP_NOT_FOUND);
		assert_string_equal(f->e.msg, "no such record");
		assert_int_equal(f->e.nviolations, 0);
	}
}

static void
call__server_fails__code_and_message_arrive(void **state)
{
	static const enum rsp_code codes[] = { RSP_INVALID_ARGUMENT,
		RSP_NOT_FOUND, RSP_ABORTED, RSP_PERMISSION_DENIED,
		RSP_OUT_OF_RANGE, RSP_DATA_LOSS, RSP_INTERNAL };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		assert_null(call(f, &Fail, rsp_code_name(codes[i])));
		assert_int_equal(f->e.code, codes[i]);
		assert_true(f->e.from_server);
	}
	assert_null(call(f, &Absent, ""));
	assert_int_equal(f->e.code, RSP_UNIMPLEMENTED);
}

static void
call__answer_is_malformed__internal(void **state)
{
	static const struct {
		const char *bytes, *reason;
	} rows[] = {
		{ "1205", "MALFORMED" }, /* cut */
		{ "1202c328", "UTF8" }, { "12026100", "NUL" },
		{ "1005", "WIRE_TYPE" }, /* a number for a string */
		{ "13", "MALFORMED" },   /* a group */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_null(call(f, &Bytes, rows[i].bytes));
		assert_int_equal(f->e.code, RSP_INTERNAL);
		assert_string_equal(f->e.reason, rows[i].reason);
		assert_false(f->e.from_server);
	}
	assert_answer(f, &Bytes, "08ff0f120161ba0603787878", "a");
}

static void
call__message_too_large__resource_exhausted(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char *text = text_of(5000);

	o.max_message_bytes = 4000;
	assert_non_null(client_with(f, &o));
	assert_null(call(f, &Echo, text));
	assert_int_equal(f->e.code, RSP_RESOURCE_EXHAUSTED);
	assert_string_equal(f->e.reason, "MESSAGE_TOO_LARGE");
	free(text);
	assert_answer(f, &Echo, "small", "small");
}

static void
call__answer_too_large_once_inflated__resource_exhausted(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char *text = text_of(3990);

	o.max_message_bytes = 4000;
	assert_non_null(client_with(f, &o));
	(void)answered(f, call(f, &EchoGzip, text));
	free(text);
	o.gzip = true;
	o.max_message_bytes = 100;
	assert_non_null(client_with(f, &o));
	text = text_of(99);
	assert_null(call(f, &EchoGzip, text)); /* 101 bytes with its field */
	assert_int_equal(f->e.code, RSP_RESOURCE_EXHAUSTED);
	free(text);
}

static void
call__method_is_a_stream__usage(void **state)
{
	struct fixture *f = *state;

	assert_null(call(f, &Count, "1 1"));
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(call__server_answers__message_comes_back),
		T(call__message_larger_than_windows__comes_back),
		T(call__answer_is_gzipped__is_read),
		T(call__server_hangs__deadline_exceeded),
		T(call__interrupted__cancelled_and_client_usable),
		T(call__details_are_damaged__status_stands),
		T(call__server_fails__code_and_message_arrive),
		T(call__answer_is_malformed__internal),
		T(call__message_too_large__resource_exhausted),
		T(call__answer_too_large_once_inflated__resource_exhausted),
		T(call__method_is_a_stream__usage),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
