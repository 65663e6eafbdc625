/* Calls of the four kinds over a fake HTTP/2: what the client sends, byte by
 * byte, and what it gets. */
#include "harness.h"

/* ---- the four kinds ----------------------------------------------------- */

static void
unary__one_message__is_answered_with_ok(void **state)
{
	struct http2_stream *st = unary("bonjour", NULL);

	(void)state;
	assert_string_equal(fake_head(st, ":status"), "200");
	assert_string_equal(fake_head(st, "content-type"), "application/grpc");
	assert_message(st, 7, "bonjour");
	assert_int_equal(buf_len(&st->body), 0);
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_int_equal(app.closed, 1);
	assert_int_equal(app.done, 1);
	assert_int_equal(app.last_status, GRPC_OK);
	assert_int_equal(st->consumed, st->given);
	assert_nothing_waits();
}

static void
unary__byte_by_byte__is_answered(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", NULL);

	(void)state;
	frame_status(&in, 1, "petit à petit");
	for (size_t i = 0; i < buf_len(&in); i++) {
		assert_int_equal(app.messages, 0);
		fake_data(st, buf_head(&in) + i, 1);
	}
	assert_int_equal(app.messages, 0); /* the client may send more */
	fake_end(st);
	fake_read_all(st);
	assert_message(st, 1, "petit à petit");
}

static void
unary__stored_bytes__are_copied_into_the_answer(void **state)
{
	struct http2_stream *st = unary("room", NULL);

	(void)state;
	assert_message(st, 7, "room");
	assert_int_equal(fake_status(st), GRPC_OK);
}

static void
unary__answered_in_a_later_turn__is_complete(void **state)
{
	struct http2_stream *st = unary("later", NULL);
	char text[] = "at last";
	Google__Rpc__Status s = echo_message(3, text);

	(void)state;
	assert_int_equal(fake_status(st), -1);
	assert_int_equal(app.closed, 0);
	call_reply(app.kept, &s.base);
	fake_read_all(st);
	assert_message(st, 3, "at last");
	assert_int_equal(app.closed, 1);
}

static void
client_stream__three_messages__are_delivered_as_they_come(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "a");
	frame_status(&in, 2, "b");
	send_in(st);
	assert_int_equal(app.messages, 2);
	frame_status(&in, 3, "c");
	send_in(st);
	fake_end(st);
	fake_read_all(st);
	assert_int_equal(app.half_closes, 1);
	assert_message(st, 3, "c");
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_nothing_waits();
}

static void
client_stream__no_message__is_half_closed(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	fake_end(st);
	fake_read_all(st);
	assert_message(st, 0, "");
	assert_int_equal(fake_status(st), GRPC_OK);
}

static void
server_stream__slow_reader__is_never_owed_more_than_the_mark(void **state)
{
	struct rpc_limits limits = { .send_high_water = 4096 };
	struct http2_stream *st;
	unsigned n = 0;
	Google__Rpc__Status *s;

	(void)state;
	restart(&limits);
	st = call_with("/t.Echo/Pour", 500, "thirty bytes or a little more",
	    NULL);
	fake_end(st);
	while (st->user != NULL) {
		assert_true(buf_len(&st->queue) < 4096 + 64);
		fake_read(st, 1000);
	}
	while ((s = frame_take(&st->body)) != NULL) {
		assert_int_equal(s->code, 500 - (int)n);
		frame_drop(s);
		n++;
	}
	assert_int_equal(n, 500);
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_int_equal(app.closed, 1);
}

static void
bidi__each_message__comes_back(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Chat", NULL);

	(void)state;
	for (int i = 0; i < 5; i++) {
		frame_status(&in, i, "ping");
		send_in(st);
		fake_read(st, SIZE_MAX);
		assert_message(st, i, "ping");
	}
	fake_end(st);
	fake_read_all(st);
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_int_equal(app.half_closes, 1);
}

static void
bidi__client_that_does_not_read__is_not_read_either(void **state)
{
	struct rpc_limits limits = { .send_high_water = 1000 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = fake_call("/t.Echo/Chat", NULL);
	for (int i = 0; i < 100; i++) {
		frame_status(&in, i, "a message of some length, repeated");
		send_in(st);
	}
	fake_end(st);
	assert_true(app.messages < 40);
	assert_true(st->consumed < st->given);
	assert_int_equal(app.half_closes, 0);
	fake_read_all(st);
	assert_int_equal(app.messages, 100);
	assert_int_equal(app.half_closes, 1);
	assert_int_equal(st->consumed, st->given);
	for (int i = 0; i < 100; i++)
		assert_message(st, i, "a message of some length, repeated");
	assert_nothing_waits();
}

static void
shared_message__sent_to_two_streams__is_freed_with_the_last(void **state)
{
	char text[] = "for all";
	Google__Rpc__Status s = echo_message(1, text);
	struct http2_stream *a, *b;
	uint8_t *room;

	(void)state;
	app.shared =
	    rpc_shared_new(google__rpc__status__get_packed_size(&s), &room);
	google__rpc__status__pack(&s, room);
	a = call_with("/t.Echo/Shared", 0, "", NULL);
	b = call_with("/t.Echo/Shared", 0, "", NULL);
	fake_end(a);
	fake_end(b);
	fake_read_all(a);
	fake_read_all(b);
	rpc_shared_unref(app.shared); /* ASan sees one too few or too many */
	for (int i = 0; i < 3; i++) {
		assert_message(a, 1, "for all");
		assert_message(b, 1, "for all");
	}
}

/* ---- ends --------------------------------------------------------------- */

static void
deadline__no_answer_in_time__ends_the_call_once(void **state)
{
	const char *extra[] = { "grpc-timeout: 20m", NULL };
	struct http2_stream *st = unary("later", extra);

	(void)state;
	assert_int_equal(app.closed, 0);
	app.stop = loop;
	loop_run(loop);
	assert_int_equal(app.closed, 1);
	assert_int_equal(fake_status(st), GRPC_DEADLINE_EXCEEDED);
	fake_read_all(st);
	assert_int_equal(app.closed, 1);
	assert_int_equal(app.last_status, GRPC_DEADLINE_EXCEEDED);
	assert_nothing_waits();
}

static void
deadline__client_does_not_read__resets_the_stream(void **state)
{
	const char *extra[] = { "grpc-timeout: 20m", NULL };
	struct rpc_limits limits = { .send_high_water = 1000 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = call_with("/t.Echo/Pour", 1000, "many of these", extra);
	fake_end(st);
	app.stop = loop;
	loop_run(loop);
	assert_true(st->reset);
	assert_int_equal(app.closed, 1);
	fake_read(st, 0);
	assert_int_equal(app.closed, 1);
	assert_int_equal(app.last_status, GRPC_DEADLINE_EXCEEDED);
}

static void
body__slower_than_request_ms__ends_the_call(void **state)
{
	struct rpc_limits limits = { .request_ms = 20 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = fake_call("/t.Echo/Unary", NULL);
	fake_data(st, "\0\0", 2);
	app.stop = loop;
	loop_run(loop);
	assert_int_equal(fake_status(st), GRPC_DEADLINE_EXCEEDED);
}

static void
answer__that_nobody_reads__is_dropped_in_the_end(void **state)
{
	struct rpc_limits limits = { .request_ms = 10 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = call_with("/t.Echo/Unary", 1, "answer", NULL);
	fake_end(st);
	assert_int_equal(fake_status(st), GRPC_OK);
	while (!st->reset) { /* two sweeps */
		app.stop = loop;
		(void)call_with("/t.Echo/Unary", 1, "later",
		    (const char *[]){ "grpc-timeout: 1m", NULL });
		loop_run(loop);
	}
	fake_read(st, 0);
	assert_int_equal(st->reset_error, HTTP2_CANCEL);
}

static void
reset__within_a_message__closes_the_call(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "a");
	fake_data(st, buf_head(&in), buf_len(&in));
	fake_data(st, buf_head(&in), buf_len(&in) - 2);
	assert_int_equal(app.closed, 0);
	fake_over(st, HTTP2_CANCEL);
	assert_int_equal(app.closed, 1);
	assert_int_equal(app.last_status, GRPC_CANCELLED);
	assert_nothing_waits();
}

static void
reset__within_a_unary_body__forgets_its_timers(void **state)
{
	const char *extra[] = { "grpc-timeout: 1m", NULL };
	struct rpc_limits limits = { .request_ms = 5 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = fake_call("/t.Echo/Unary", extra);
	fake_data(st, "\0\0", 2);
	fake_over(st, HTTP2_CANCEL);
	assert_false(timer_armed(&server->pool->slow));
	assert_false(timer_armed(&server->pool->deadline));
	app.stop = loop;
	(void)unary("later", (const char *[]){ "grpc-timeout: 20m", NULL });
	loop_run(loop);
	assert_int_equal(app.closed, 2);
}

static void
reset__before_a_later_answer__tells_the_handler(void **state)
{
	struct http2_stream *st = unary("later", NULL);

	(void)state;
	assert_non_null(app.kept);
	fake_over(st, HTTP2_CANCEL);
	assert_null(app.kept);
	assert_int_equal(app.closed, 1);
}

static void
server_free__open_calls__closes_each_once(void **state)
{
	(void)state;
	unary("later", NULL);
	fake_call("/t.Echo/Chat", NULL);
	call_with("/t.Echo/Pour", 3, "hang", NULL);
	rpc_server_free(server);
	server = NULL;
	assert_int_equal(app.closed, 3);
	start(NULL);
}

/* ---- pausing ------------------------------------------------------------ */

static void
pause__rest_of_the_data__waits_for_resume(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "pause");
	frame_status(&in, 2, "pause");
	frame_status(&in, 3, "end");
	send_in(st);
	fake_end(st);
	assert_int_equal(app.messages, 1);
	assert_true(st->consumed < st->given);
	call_resume(app.last);
	assert_int_equal(app.messages, 2);
	assert_int_equal(app.half_closes, 0);
	call_resume(app.last);
	assert_int_equal(app.messages, 3);
	assert_int_equal(app.half_closes, 1);
	fake_read_all(st);
	assert_message(st, 3, "end");
	assert_int_equal(st->consumed, st->given);
}

static void
pause__resumed_within_the_handler__loses_and_repeats_nothing(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "pause");
	frame_status(&in, 2, "blink");
	frame_status(&in, 3, "blink");
	frame_status(&in, 4, "end");
	send_in(st);
	fake_end(st);
	call_resume(app.last);
	fake_read_all(st);
	assert_message(st, 4, "end");
	assert_int_equal(app.messages, 4);
	assert_int_equal(app.half_closes, 1);
}

static void
pause__resumed_within_half_close__does_not_close_twice(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "blink");
	send_in(st);
	fake_end(st);
	fake_read_all(st);
	assert_int_equal(app.half_closes, 1);
	assert_message(st, 1, "blink");
}

/* The message that wakes stays whole while the other call's are handled. */
static void
pause__resumed_by_another_calls_handler__keeps_messages_apart(void **state)
{
	struct http2_stream *a = fake_call("/t.Echo/Collect", NULL);
	struct http2_stream *b = fake_call("/t.Echo/Collect", NULL);

	(void)state;
	frame_status(&in, 1, "keep");
	frame_status(&in, 2, "pause");
	frame_status(&in, 2, "this takes the place of what was freed");
	frame_status(&in, 3, "of the first call");
	send_in(a);
	fake_end(a);
	frame_status(&in, 4, "wake");
	send_in(b);
	fake_end(b);
	fake_read_all(a);
	fake_read_all(b);
	assert_message(a, 4, "of the first call");
	assert_message(b, 1, "wake");
	assert_nothing_waits();
}

/* ---- the server --------------------------------------------------------- */

static void
recheck__that_refuses__ends_open_calls_but_not_health(void **state)
{
	struct http2_stream *kept = unary("later", NULL);
	struct http2_stream *stream =
	    call_with("/t.Echo/Pour", 1, "hang", NULL);
	struct http2_stream *health =
	    fake_call("/grpc.health.v1.Health/Watch", NULL);

	(void)state;
	fake_data(health, "\0\0\0\0\0", 5);
	fake_end(stream);
	fake_end(health);
	rpc_server_recheck(server);
	assert_int_equal(fake_status(kept), -1);
	app.refuse_recheck = 1;
	rpc_server_recheck(server);
	assert_int_equal(fake_status(kept), GRPC_PERMISSION_DENIED);
	assert_int_equal(fake_status(stream), GRPC_PERMISSION_DENIED);
	assert_int_equal(fake_status(health), -1);
	assert_int_equal(app.closed, 2);
	assert_int_equal(fake_server->rechecks, 2);
}

static unsigned drained;

static void
count_drained(struct rpc_server *s, void *arg)
{
	(void)s;
	assert_ptr_equal(arg, &drained);
	drained++;
}

static void
drain__server_stream_open__ends_with_unavailable_at_once(void **state)
{
	struct http2_stream *pour = call_with("/t.Echo/Pour", 1, "hang", NULL);
	struct http2_stream *chat = fake_call("/t.Echo/Chat", NULL);

	(void)state;
	fake_end(pour);
	rpc_server_drain(server, 10000, NULL, NULL);
	assert_int_equal(fake_status(pour), GRPC_UNAVAILABLE);
	assert_int_equal(fake_status(chat), GRPC_UNAVAILABLE);
	pour = call_with("/t.Echo/Pour", 1, "hang", NULL);
	assert_int_equal(fake_status(pour), GRPC_UNAVAILABLE);
}

static void
drain__grace_over__ends_the_rest_with_unavailable(void **state)
{
	struct http2_stream *stream = fake_call("/t.Echo/Collect", NULL);
	struct http2_stream *st;

	(void)state;
	app.stop = loop;
	drained = 0;
	rpc_server_drain(server, 20, count_drained, &drained);
	st = unary("still answered", NULL);
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_int_equal(fake_status(stream), -1);
	loop_run(loop);
	if (fake_status(stream) < 0)
		loop_run(loop); /* the first stop was the unary call's */
	assert_int_equal(fake_status(stream), GRPC_UNAVAILABLE);
	fake_read_all(stream);
	fake_server->drained(fake_server->drained_arg);
	assert_int_equal(drained, 1);
}

static void
counters__calls_of_all_ends__add_up(void **state)
{
	const char *nobody[] = { "authorization: nobody", NULL };
	struct rpc_counters n;

	(void)state;
	unary("a", NULL);
	unary("refuse:rule", NULL);
	unary("b", nobody);
	unary("later", NULL);
	fake_read_all(fake_call("/t.Echo/None", NULL));
	rpc_server_counters(server, &n);
	assert_int_equal(n.calls, 5);
	assert_int_equal(n.calls_open, 1);
	assert_int_equal(n.calls_by_code[GRPC_OK], 1);
	assert_int_equal(n.calls_by_code[GRPC_FAILED_PRECONDITION], 1);
	assert_int_equal(n.calls_by_code[GRPC_UNAUTHENTICATED], 1);
	assert_int_equal(n.calls_by_code[GRPC_UNIMPLEMENTED], 1);
}

static void
many_calls__one_after_another__use_one_call_object(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(fake_status(unary("again", NULL)), GRPC_OK);
	assert_int_equal(server->pooled, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(unary__one_message__is_answered_with_ok),
		T(unary__byte_by_byte__is_answered),
		T(unary__stored_bytes__are_copied_into_the_answer),
		T(unary__answered_in_a_later_turn__is_complete),
		T(client_stream__three_messages__are_delivered_as_they_come),
		T(client_stream__no_message__is_half_closed),
		T(server_stream__slow_reader__is_never_owed_more_than_the_mark),
		T(bidi__each_message__comes_back),
		T(bidi__client_that_does_not_read__is_not_read_either),
		T(shared_message__sent_to_two_streams__is_freed_with_the_last),
		T(deadline__no_answer_in_time__ends_the_call_once),
		T(deadline__client_does_not_read__resets_the_stream),
		T(body__slower_than_request_ms__ends_the_call),
		T(answer__that_nobody_reads__is_dropped_in_the_end),
		T(reset__within_a_message__closes_the_call),
		T(reset__within_a_unary_body__forgets_its_timers),
		T(reset__before_a_later_answer__tells_the_handler),
		T(server_free__open_calls__closes_each_once),
		T(pause__rest_of_the_data__waits_for_resume),
		T(pause__resumed_within_the_handler__loses_and_repeats_nothing),
		T(pause__resumed_within_half_close__does_not_close_twice),
		T(pause__resumed_by_another_calls_handler__keeps_messages_apart),
		T(recheck__that_refuses__ends_open_calls_but_not_health),
		T(drain__server_stream_open__ends_with_unavailable_at_once),
		T(drain__grace_over__ends_the_rest_with_unavailable),
		T(counters__calls_of_all_ends__add_up),
		T(many_calls__one_after_another__use_one_call_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
