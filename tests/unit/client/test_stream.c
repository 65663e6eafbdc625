/* Streams of libresopro: order, flow control, ends, several at once. */
#include "harness.h"

#include <sys/eventfd.h>

READ(Echo);
READ(Asked);
READ(Drain);
READ(Release);
STREAM(Count, SERVER_STREAM);
STREAM(WaitReleased, SERVER_STREAM);
STREAM(OneThenFail, SERVER_STREAM);
STREAM(Collect, CLIENT_STREAM);
STREAM(EchoEach, BIDI);
STREAM(AnswerFirst, BIDI);
STREAM(StopAtTwo, BIDI);
static const struct rsp_method echo_writes = { .path = "/t/EchoEach",
	.input = &resopro__v1__record_name__descriptor,
	.output = &resopro__v1__record_name__descriptor,
	.kind = RSP_BIDI,
	.effect = RSP_WRITE };

static char large[16385];

/* ---- one way ------------------------------------------------------------- */

static void
recv__server_stream__messages_in_order_then_end(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &Count);

	assert_int_equal(send_id(f, s, "300 20"), RSP_SEND_OK);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
		assert_int_equal(atoi(f->answer), i);
	}
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

static void
recv__server_fails_later__message_first(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &OneThenFail);

	assert_int_equal(send_id(f, s, ""), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_DATA_LOSS);
	assert_string_equal(f->e.msg, "checksum");
	rsp_stream_close(s);
}

static void
recv__nothing_comes__timeout_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &EchoEach);

	assert_int_equal(recv_id(f, s, 0), RSP_RECV_TIMEOUT);
	assert_int_equal(recv_id(f, s, 30), RSP_RECV_TIMEOUT);
	assert_int_equal(send_id(f, s, "now"), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_string_equal(f->answer, "now");
	rsp_stream_close(s);
}

static void
send__client_stream__all_arrive(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &Collect);

	for (int i = 0; i < 200; i++)
		assert_int_equal(send_id(f, s, large), RSP_SEND_OK);
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_OK);
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_string_equal(f->answer, "200 3276800");
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

/* ---- both ways ----------------------------------------------------------- */

static void
bidi__in_turn__each_comes_back(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &EchoEach);
	char id[16];

	for (int i = 0; i < 50; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		assert_int_equal(send_id(f, s, id), RSP_SEND_OK);
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
		assert_string_equal(f->answer, id);
	}
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

static void
bidi__both_send_first__neither_blocks_the_other(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &AnswerFirst);

	for (int i = 0; i < 100; i++)
		assert_int_equal(send_id(f, s, large), RSP_SEND_OK);
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_OK);
	for (int i = 0; i < 256; i++)
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_string_equal(f->answer, "100 1638400");
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

static void
send__too_much_comes_unread__resource_exhausted(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct rsp_stream *s;
	enum rsp_sent sent = RSP_SEND_OK;

	o.max_buffered_bytes = 1 << 20;
	assert_non_null(client_with(f, &o));
	s = open_stream(f, &AnswerFirst);
	for (int i = 0; i < 1000 && sent == RSP_SEND_OK; i++)
		sent = send_id(f, s, large);
	assert_int_equal(sent, RSP_SEND_ERROR);
	assert_int_equal(f->e.code, RSP_RESOURCE_EXHAUSTED);
	assert_string_equal(f->e.reason, "NOT_READ");
	rsp_stream_close(s);
}

static void
send__server_ended_early__ended_then_its_status(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &StopAtTwo);
	enum rsp_sent sent = RSP_SEND_OK;

	for (int i = 0; i < 100000 && sent == RSP_SEND_OK; i++)
		sent = send_id(f, s, large);
	assert_int_equal(sent, RSP_SEND_ENDED);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_INVALID_ARGUMENT);
	assert_string_equal(f->e.msg, "two are enough");
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_ENDED);
	rsp_stream_close(s);
}

/* ---- flow control -------------------------------------------------------- */

static void
recv__slow_reader__holds_server_back_and_not_others(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &Count);

	assert_int_equal(send_id(f, s, "2000 16384"), RSP_SEND_OK);
	for (int i = 0; i < 50; i++)
		assert_answer(f, &Echo, "beside", "beside");
	/* 256 KiB of window are 16 messages; the server queues some more. */
	(void)answered(f, call(f, &Asked, "counted"));
	assert_true(atoi(f->answer) < 200);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

static void
close__half_read__others_go_on(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 40; i++) { /* more than the connection's window */
		struct rsp_stream *s = open_stream(f, &Count);

		assert_int_equal(send_id(f, s, "2000 16384"), RSP_SEND_OK);
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
		rsp_stream_close(s);
	}
	assert_answer(f, &Echo, "still", "still");
}

/* ---- ends ---------------------------------------------------------------- */

static void
cancel__open_stream__cancelled(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &EchoEach);

	rsp_stream_cancel(s);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_CANCELLED);
	assert_int_equal(send_id(f, s, ""), RSP_SEND_ERROR);
	rsp_stream_cancel(s);
	rsp_stream_close(s);
}

static void
recv__interrupted__stream_stays_open(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &EchoEach);
	int fd = eventfd(1, EFD_CLOEXEC);

	rsp_client_set_interrupt_fd(f->client, fd);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_string_equal(f->e.reason, "INTERRUPTED");
	rsp_client_set_interrupt_fd(f->client, -1);
	assert_int_equal(send_id(f, s, "on"), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	rsp_stream_close(s);
	(void)close(fd);
}

static void
recv__deadline_passes__deadline_exceeded(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s;

	assert_int_equal(rsp_client_connect(f->client, &f->e), 0);
	s = rsp_stream_open(f->client, &EchoEach, 100, &f->e);
	assert_non_null(s);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	rsp_stream_close(s);
}

static void
recv__connection_cut__unavailable_or_uncertain(void **state)
{
	struct fixture *f = *state;
	const struct rsp_method *methods[] = { &EchoEach, &echo_writes };

	for (int i = 0; i < 2; i++) {
		struct rsp_stream *s = open_stream(f, methods[i]);

		assert_int_equal(send_id(f, s, "cut"), RSP_SEND_OK);
		assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
		assert_int_equal(f->e.code,
		    i == 0 ? RSP_UNAVAILABLE : RSP_UNCERTAIN);
		assert_int_equal(f->e.maybe_written, i == 1);
		assert_false(f->e.from_server);
		rsp_stream_close(s);
	}
}

static void
client_free__streams_open__all_freed(void **state)
{
	struct fixture *f = *state;

	(void)open_stream(f, &EchoEach);
	(void)send_id(f, open_stream(f, &Count), "1000 16384");
	rsp_client_free(f->client);
	f->client = NULL;
}

static void
send__misused__usage(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &Count);
	Resopro__V1__GetRequest other = RESOPRO__V1__GET_REQUEST__INIT;

	assert_int_equal(rsp_stream_send(s, &other.base, &f->e),
	    RSP_SEND_ERROR);
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
	rsp_stream_close(s);
	s = open_stream(f, &EchoEach);
	assert_int_equal(rsp_stream_half_close(s, &f->e), RSP_SEND_OK);
	assert_int_equal(send_id(f, s, ""), RSP_SEND_ERROR);
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
	rsp_stream_close(s);
}

/* ---- GOAWAY -------------------------------------------------------------- */

static void
goaway__stream_open__it_finishes_and_calls_go_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct rsp_stream *s = open_stream(f, &WaitReleased);

	assert_int_equal(send_id(f, s, ""), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	(void)answered(f, call(f, &Drain, ""));
	for (int i = 0; i < 100; i++)
		assert_answer(f, &Echo, "elsewhere", "elsewhere");
	assert_int_equal(recv_id(f, s, 0), RSP_RECV_TIMEOUT);
	(void)answered(f, call(f, &Release, ""));
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_string_equal(f->answer, "released");
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(recv__server_stream__messages_in_order_then_end),
		T(recv__server_fails_later__message_first),
		T(recv__nothing_comes__timeout_and_goes_on),
		T(send__client_stream__all_arrive),
		T(bidi__in_turn__each_comes_back),
		T(bidi__both_send_first__neither_blocks_the_other),
		T(send__too_much_comes_unread__resource_exhausted),
		T(send__server_ended_early__ended_then_its_status),
		T(recv__slow_reader__holds_server_back_and_not_others),
		T(close__half_read__others_go_on),
		T(cancel__open_stream__cancelled),
		T(recv__interrupted__stream_stays_open),
		T(recv__deadline_passes__deadline_exceeded),
		T(recv__connection_cut__unavailable_or_uncertain),
		T(client_free__streams_open__all_freed),
		T(send__misused__usage),
		T(goaway__stream_open__it_finishes_and_calls_go_elsewhere),
	};

	memset(large, 'a', sizeof large - 1);
	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
