/* The client in a loop of the caller's: here poll(2) on its one fd. */
#include "harness.h"

#include <event2/event.h>
#include <netdb.h>
#include <poll.h>
#include <resopro/loop.h>

#include "../../../client/lib/clock.h"

READ(Echo);
READ(Fail);
READ(Hang);
READ(Asked);
READ(Busy);
READ(Drain);
STREAM(Count, SERVER_STREAM);
STREAM(Collect, CLIENT_STREAM);
STREAM(EchoEach, BIDI);
STREAM(StopAtTwo, BIDI);
STREAM(OneThenFail, SERVER_STREAM);
METHOD(Write, UNARY, WRITE_ID, delete_request, record_name);

#define SOON_MS 60000 /* what would hang fails after a while */

static char large[16385];

/* ---- the loop ------------------------------------------------------------ */

static bool
is_readable(const struct fixture *f, int timeout_ms)
{
	struct pollfd p = { .fd = rsp_client_fd(f->client), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* Turn until *left is 0. */
static void
turn_until_none(struct fixture *f, const unsigned *left)
{
	int64_t until = clock_after(SOON_MS);

	while (*left > 0) {
		if (!is_readable(f, poll_ms(until)))
			fail_msg("%u are left after %d ms", *left, SOON_MS);
		rsp_client_process(f->client);
	}
}

/* ---- unary calls --------------------------------------------------------- */

struct told { /* of one call or several */
	struct fixture *f;
	unsigned left; /* not yet called back */
	unsigned well;
	char answer[16]; /* the last one */
	struct event_base *base;
	struct rsp_pending *cancel; /* in the callback */
	bool again, finish;
};

static struct rsp_pending *
start(struct fixture *f, const struct rsp_method *method, const char *id,
    int64_t deadline_ms, rsp_answer_fn *answer, void *arg)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;

	request.id = (char *)(uintptr_t)id;
	return rsp_call_start(f->client, method, &request.base, deadline_ms,
	    answer, arg, &f->e);
}

static void
on_answer(void *arg, ProtobufCMessage *m, const struct rsp_error *e)
{
	struct told *t = arg;

	assert_true((m == NULL) != (e == NULL));
	t->left--;
	t->well += m != NULL;
	if (e != NULL)
		t->f->e = *e;
	if (m != NULL)
		(void)snprintf(t->answer, sizeof t->answer, "%.15s",
		    ((Name *)(void *)m)->id);
	(void)keep(t->f, m);
}

static void
call_start__answered__called_back_once(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };

	assert_non_null(start(f, &Echo, "Évreux", 0, on_answer, &t));
	assert_int_equal(t.left, 1); /* not before the loop's turn */
	turn_until_none(f, &t.left);
	assert_string_equal(f->answer, "Évreux");
	assert_int_equal(t.well, 1);
	rsp_client_process(f->client);
	assert_false(is_readable(f, 0)); /* the loop may sleep */
}

static void
call_start__server_fails__error_is_called_back(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };

	assert_non_null(start(f, &Fail, "NOT_FOUND", 0, on_answer, &t));
	turn_until_none(f, &t.left);
	assert_int_equal(f->e.code, RSP_NOT_FOUND);
	assert_string_equal(f->e.msg, "as asked");
}

static void
call_start__misused__fails_at_once(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);

	assert_null(start(f, &Count, "1 1", 0, on_answer, NULL));
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
	o.max_message_bytes = 1000;
	assert_non_null(client_with(f, &o));
	assert_null(start(f, &Echo, large, 0, on_answer, NULL));
	assert_int_equal(f->e.code, RSP_RESOURCE_EXHAUSTED);
	assert_false(is_readable(f, 0));
}

static void
call_start__deadline_passes__told_though_nothing_comes(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 2 };

	(void)start(f, &Hang, "", 150, on_answer, &t);
	(void)start(f, &Hang, "", 100, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	assert_int_equal(t.well, 0);
}

/* The pauses between attempts come by the fd too. */
static void
call_start__unavailable_twice__third_answers(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };

	(void)start(f, &Busy, "loop", 0, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_string_equal(f->answer, "third time");
}

static void
call_start__write_lost_without_request_id__uncertain(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };
	Resopro__V1__DeleteRequest r = RESOPRO__V1__DELETE_REQUEST__INIT;

	r.id = (char *)(uintptr_t) "cut";
	assert_non_null(rsp_call_start(f->client, &Write, &r.base, 0, on_answer,
	    &t, &f->e));
	turn_until_none(f, &t.left);
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
}

static void
call_start__nobody_listens__told(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct told t = { .f = f, .left = 20 };
	char where[64];

	(void)close(silent_port(where));
	o.server = where;
	assert_non_null(client_with(f, &o));
	for (int i = 0; i < 20; i++)
		(void)start(f, &Echo, "", 0, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	assert_string_equal(f->e.reason, "CONNECT_REFUSED");
}

/* More than the server takes at once; all of one turn, on one connection. */
static void
call_start__a_thousand_at_once__each_its_own_answer(void **state)
{
	struct fixture *f = *state;
	struct told t[1000];
	char id[16];

	for (int i = 0; i < 1000; i++) {
		t[i] = (struct told){ .f = f, .left = 1 };
		(void)snprintf(id, sizeof id, "%d", i);
		assert_non_null(start(f, &Echo, id, 0, on_answer, &t[i]));
	}
	for (int i = 0; i < 1000; i++) {
		turn_until_none(f, &t[i].left);
		(void)snprintf(id, sizeof id, "%d", i);
		assert_string_equal(t[i].answer, id);
	}
}

static void
call_start__large_messages_at_once__all_come_back(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 8 };
	size_t len = (4 << 20) - 64;
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	for (int i = 0; i < 8; i++)
		assert_non_null(start(f, &Echo, text, 0, on_answer, &t));
	free(text);
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 8);
}

/* ---- in callbacks -------------------------------------------------------- */

static void
on_answer_go_on(void *arg, ProtobufCMessage *m, const struct rsp_error *e)
{
	struct told *t = arg;

	if (t->cancel != NULL)
		rsp_call_cancel(t->cancel);
	t->cancel = NULL;
	if (t->again && t->left > 1)
		assert_non_null(
		    start(t->f, &Echo, "next", 0, on_answer_go_on, t));
	if (t->finish) {
		rsp_client_free(t->f->client);
		t->f->client = NULL;
	}
	on_answer(arg, m, e);
}

static void
callback__starts_another_call__answered_too(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 5, .again = true };

	(void)start(f, &Echo, "first", 0, on_answer_go_on, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 5);
	assert_string_equal(f->answer, "next");
}

static void
callback__cancels_another__that_one_is_not_called(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };
	struct told other = { .f = f, .left = 1 };

	t.cancel = start(f, &Hang, "", 0, on_answer, &other);
	(void)start(f, &Echo, "", 0, on_answer_go_on, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(other.left, 1);
	assert_answer(f, &Echo, "the connection stands",
	    "the connection stands");
}

static void
callback__frees_the_client__nothing_is_called_after(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1, .finish = true };
	struct told rest = { .f = f, .left = 50 };
	struct rsp_client *c = f->client;

	(void)start(f, &Echo, "", 0, on_answer_go_on, &t);
	for (int i = 0; i < 50; i++)
		(void)start(f, &Hang, "", 0, on_answer, &rest);
	while (f->client != NULL) {
		(void)is_readable(f, -1);
		rsp_client_process(c);
	}
	assert_int_equal(t.left, 0);
	assert_int_equal(rest.left, 50);
}

static void
on_answer_block(void *arg, ProtobufCMessage *m, const struct rsp_error *e)
{
	struct told *t = arg;
	struct fixture *f = t->f;
	struct rsp_error kept;

	assert_null(call(f, &Echo, ""));
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
	assert_null(rsp_stream_open(f->client, &Count, 0, &f->e));
	assert_int_equal(rsp_client_connect(f->client, &f->e), -1);
	kept = f->e;
	rsp_client_process(f->client); /* does nothing */
	on_answer(arg, m, e);
	f->e = kept;
}

static void
callback__blocks__usage(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 1 };

	(void)start(f, &Echo, "", 0, on_answer_block, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 1);
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
}

/* ---- beside blocking calls ----------------------------------------------- */

static void
blocking_call__others_under_way__they_are_told_by_process(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 10 };

	for (int i = 0; i < 10; i++)
		(void)start(f, &Echo, "loop", 0, on_answer, &t);
	for (int i = 0; i < 20; i++)
		assert_answer(f, &Echo, "blocking", "blocking");
	assert_int_equal(t.left, 10);
	assert_true(is_readable(f, 0)); /* they are done: the loop is woken */
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 10);
}

static void
client_free__calls_and_streams_open__nothing_is_called(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 2 };
	static const struct rsp_stream_events none;

	(void)start(f, &Hang, "", 0, on_answer, &t);
	(void)start(f, &Echo, "", 0, on_answer, &t);
	assert_non_null(
	    rsp_stream_start(f->client, &EchoEach, 0, &none, NULL, &f->e));
	rsp_client_process(f->client);
	rsp_client_free(f->client);
	f->client = NULL;
	assert_int_equal(t.left, 2);
}

/* ---- streams ------------------------------------------------------------- */

struct flow {
	struct fixture *f;
	struct rsp_stream *s;
	unsigned left; /* until its end */
	unsigned messages, sent, to_send;
	unsigned hold_at; /* messages */
	bool close_at_message, close_at_end, echo;
	struct rsp_error end;
};

static void
fill(struct flow *w)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	enum rsp_sent sent = RSP_SEND_OK;

	request.id = large;
	while (w->sent < w->to_send && sent == RSP_SEND_OK) {
		sent = rsp_stream_send(w->s, &request.base, &w->f->e);
		w->sent += sent == RSP_SEND_OK;
	}
	if (sent == RSP_SEND_OK && w->to_send > 0)
		assert_int_equal(rsp_stream_half_close(w->s, &w->f->e),
		    RSP_SEND_OK);
}

static void
on_message(void *arg, struct rsp_stream *s, ProtobufCMessage *m)
{
	struct flow *w = arg;

	assert_ptr_equal(s, w->s);
	w->messages++;
	(void)keep(w->f, m);
	if (w->messages == w->hold_at)
		rsp_stream_hold(s, true);
	if (w->close_at_message) {
		rsp_stream_close(s);
		w->s = NULL;
		w->left = 0;
	}
}

static void
on_room(void *arg, struct rsp_stream *s)
{
	struct flow *w = arg;

	assert_ptr_equal(s, w->s);
	fill(w);
}

static void
on_end(void *arg, struct rsp_stream *s, const struct rsp_error *e)
{
	struct flow *w = arg;

	assert_ptr_equal(s, w->s);
	assert_int_equal(w->left, 1);
	w->left = 0;
	w->end = *e;
	if (w->close_at_end) {
		rsp_stream_close(s);
		w->s = NULL;
	}
}

static const struct rsp_stream_events events = { .message = on_message,
	.room = on_room,
	.end = on_end };

static void
open_flow(struct flow *w, const struct rsp_method *method, const char *id)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;

	w->left = 1;
	w->s = rsp_stream_start(w->f->client, method, SOON_MS, &events, w,
	    &w->f->e);
	assert_non_null(w->s);
	request.id = (char *)(uintptr_t)id;
	if (id != NULL)
		assert_int_equal(rsp_stream_send(w->s, &request.base, &w->f->e),
		    RSP_SEND_OK);
}

static void
stream_start__server_stream__all_messages_then_end(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f };

	open_flow(&w, &Count, "3000 20");
	turn_until_none(f, &w.left);
	assert_int_equal(w.messages, 3000);
	assert_int_equal(w.end.code, RSP_OK);
	rsp_stream_close(w.s);
}

static void
stream_start__server_fails_later__message_first(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .close_at_end = true };

	open_flow(&w, &OneThenFail, "");
	turn_until_none(f, &w.left);
	assert_int_equal(w.messages, 1);
	assert_int_equal(w.end.code, RSP_DATA_LOSS);
}

/* 10 MB, of which 256 KiB wait at a time. */
static void
stream_start__client_stream__full_then_room_until_all_is_sent(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .to_send = 640 };

	open_flow(&w, &Collect, NULL);
	fill(&w);
	assert_in_range(w.sent, 16, 17);
	turn_until_none(f, &w.left);
	assert_string_equal(f->answer, "640 10485760");
	assert_int_equal(w.end.code, RSP_OK);
	rsp_stream_close(w.s);
}

static void
stream_start__both_ways__each_comes_back(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .to_send = 300 };

	open_flow(&w, &EchoEach, NULL);
	fill(&w);
	turn_until_none(f, &w.left);
	assert_int_equal(w.messages, 300);
	rsp_stream_close(w.s);
}

static void
stream_start__server_ends_early__send_says_so(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .to_send = 100000 };

	open_flow(&w, &StopAtTwo, NULL);
	fill(&w);
	turn_until_none(f, &w.left);
	assert_int_equal(w.end.code, RSP_INVALID_ARGUMENT);
	assert_int_equal(send_id(f, w.s, ""), RSP_SEND_ENDED);
	rsp_stream_close(w.s);
}

static void
stream_hold__reader_is_slow__server_is_held_back(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .hold_at = 3 };
	int64_t until = clock_after(SOON_MS);

	open_flow(&w, &Count, "2000 16384");
	while (w.messages < 3 && is_readable(f, poll_ms(until)))
		rsp_client_process(f->client);
	for (int i = 0; i < 20; i++)
		assert_answer(f, &Echo, "beside", "beside");
	rsp_client_process(f->client);
	assert_int_equal(w.messages, 3);
	(void)answered(f, call(f, &Asked, "counted"));
	assert_true(atoi(f->answer) < 200);
	rsp_stream_hold(w.s, false);
	turn_until_none(f, &w.left);
	assert_int_equal(w.messages, 2000);
	rsp_stream_close(w.s);
}

static void
stream_cancel__open__end_is_called_with_cancelled(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f };

	open_flow(&w, &EchoEach, "a");
	rsp_stream_cancel(w.s);
	turn_until_none(f, &w.left);
	assert_int_equal(w.end.code, RSP_CANCELLED);
	assert_int_equal(w.messages, 0);
	rsp_stream_close(w.s);
	assert_answer(f, &Echo, "on", "on");
}

static void
stream_close__in_its_own_callback__nothing_is_called_after(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .close_at_message = true };

	for (int i = 0; i < 20; i++) {
		open_flow(&w, &Count, "2000 16384");
		turn_until_none(f, &w.left);
	}
	assert_int_equal(w.messages, 20);
	assert_answer(f, &Echo, "on", "on");
}

static void
stream_start__deadline_passes__end_says_so(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f, .left = 1 };

	w.s = rsp_stream_start(f->client, &EchoEach, 100, &events, &w, &f->e);
	turn_until_none(f, &w.left);
	assert_int_equal(w.end.code, RSP_DEADLINE_EXCEEDED);
	rsp_stream_close(w.s);
}

static void
stream_recv__of_a_loop__usage(void **state)
{
	struct fixture *f = *state;
	struct flow w = { .f = f };

	open_flow(&w, &EchoEach, "a");
	assert_int_equal(recv_id(f, w.s, 0), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_ERR_USAGE);
	rsp_stream_close(w.s);
}

static void
stream_start__hundreds_at_once__each_its_own(void **state)
{
	struct fixture *f = *state;
	struct flow w[200];
	char id[16];

	for (unsigned i = 0; i < 200; i++) {
		w[i] = (struct flow){ .f = f };
		(void)snprintf(id, sizeof id, "%u 100", i);
		open_flow(&w[i], &Count, id);
	}
	for (unsigned i = 0; i < 200; i++) {
		turn_until_none(f, &w[i].left);
		assert_int_equal(w[i].messages, i);
		assert_int_equal(w[i].end.code, RSP_OK);
		rsp_stream_close(w[i].s);
	}
}

/* ---- GOAWAY -------------------------------------------------------------- */

static void
on_drained(void *arg, ProtobufCMessage *m, const struct rsp_error *e)
{
	struct told *t = arg;

	for (int i = 0; i < 150; i++)
		assert_non_null(start(t->f, &Echo, "after", 0, on_answer, t));
	on_answer(arg, m, e);
}

/* They may be on their way on the old connection when GOAWAY comes. */
static void
goaway__calls_started_just_then__none_is_lost(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 151 };
	struct flow w = { .f = f };

	open_flow(&w, &EchoEach, "held");
	(void)start(f, &Drain, "", 0, on_drained, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 151);
	assert_int_equal(w.left, 1);
	assert_int_equal(rsp_stream_half_close(w.s, &f->e), RSP_SEND_OK);
	turn_until_none(f, &w.left);
	assert_int_equal(w.end.code, RSP_OK);
	rsp_stream_close(w.s);
}

/* ---- another's loop ------------------------------------------------------ */

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct told *t = arg;

	(void)fd;
	(void)what;
	rsp_client_process(t->f->client);
	if (t->left == 0)
		(void)event_base_loopbreak(t->base);
}

/* Its epoll(7) watches ours; calls start in it, and one waits for a pause. */
static void
libevent__client_watched_once__all_answered(void **state)
{
	struct fixture *f = *state;
	struct told t = { .f = f, .left = 5, .again = true };
	struct timeval limit = { .tv_sec = SOON_MS / 1000 };
	struct event *e;

	t.base = event_base_new();
	e = event_new(t.base, rsp_client_fd(f->client), EV_READ | EV_PERSIST,
	    on_readable, &t);
	assert_int_equal(event_add(e, NULL), 0);
	(void)event_base_loopexit(t.base, &limit);
	(void)start(f, &Busy, "libevent", 0, on_answer_go_on, &t);
	(void)event_base_dispatch(t.base);
	assert_int_equal(t.well, 5);
	event_free(e);
	event_base_free(t.base);
}

/* ---- names --------------------------------------------------------------- */

struct resolver {
	struct rsp_lookup *asked;
	char host[64], port[16];
	bool at_once;
	int gai;
	unsigned times;
};

static void
resolve(struct resolver *r)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;

	if (r->gai == 0)
		assert_int_equal(getaddrinfo("127.0.0.1", r->port, &hints,
				     &list),
		    0);
	rsp_lookup_done(r->asked, r->gai, list);
	if (list != NULL)
		freeaddrinfo(list);
	r->asked = NULL;
}

static void
on_lookup(void *arg, struct rsp_lookup *l, const char *host, const char *port)
{
	struct resolver *r = arg;

	r->asked = l;
	r->times++;
	(void)snprintf(r->host, sizeof r->host, "%s", host);
	(void)snprintf(r->port, sizeof r->port, "%s", port);
	if (r->at_once)
		resolve(r);
}

static void
client_of_name(struct fixture *f, struct resolver *r, const char *host)
{
	struct rsp_client_opts o = options(f);
	char where[64];

	(void)snprintf(where, sizeof where, "%s:%s", host, f->port);
	o.server = where;
	o.server_name = "localhost";
	o.lookup = on_lookup;
	o.lookup_arg = r;
	assert_non_null(client_with(f, &o));
}

static void
lookup__answered_later_or_at_once__connected(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		struct resolver r = { .at_once = i == 1 };
		struct told t = { .f = f, .left = 1 };

		client_of_name(f, &r, "registre.invalid");
		(void)start(f, &Echo, "", 0, on_answer, &t);
		rsp_client_process(f->client);
		assert_string_equal(r.host, "registre.invalid");
		if (i == 0) {
			assert_false(is_readable(f, 20));
			resolve(&r);
		}
		turn_until_none(f, &t.left);
		assert_int_equal(t.well, 1);
	}
}

static void
lookup__name_is_unknown__told(void **state)
{
	struct fixture *f = *state;
	struct resolver r = { .at_once = true, .gai = EAI_NONAME };
	struct told t = { .f = f, .left = 1 };

	client_of_name(f, &r, "registre.invalid");
	(void)start(f, &Echo, "", 0, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_string_equal(f->e.reason, "NAME_UNKNOWN");
}

static void
lookup__never_answered__call_ends_in_time_and_client_may_go(void **state)
{
	struct fixture *f = *state;
	struct resolver r = { .gai = EAI_AGAIN };
	struct told t = { .f = f, .left = 1 };

	client_of_name(f, &r, "registre.invalid");
	(void)start(f, &Echo, "", 50, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	rsp_client_free(f->client);
	f->client = NULL;
	assert_int_equal(r.times, 1);
	resolve(&r); /* outlives the client */
}

static void
lookup__server_is_an_address__not_asked(void **state)
{
	struct fixture *f = *state;
	struct resolver r = { 0 };
	struct told t = { .f = f, .left = 1 };

	client_of_name(f, &r, "127.0.0.1");
	(void)start(f, &Echo, "", 0, on_answer, &t);
	turn_until_none(f, &t.left);
	assert_int_equal(t.well, 1);
	assert_int_equal(r.times, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(call_start__answered__called_back_once),
		T(call_start__server_fails__error_is_called_back),
		T(call_start__misused__fails_at_once),
		T(call_start__deadline_passes__told_though_nothing_comes),
		T(call_start__unavailable_twice__third_answers),
		T(call_start__write_lost_without_request_id__uncertain),
		T(call_start__nobody_listens__told),
		T(call_start__a_thousand_at_once__each_its_own_answer),
		T(call_start__large_messages_at_once__all_come_back),
		T(callback__starts_another_call__answered_too),
		T(callback__cancels_another__that_one_is_not_called),
		T(callback__frees_the_client__nothing_is_called_after),
		T(callback__blocks__usage),
		T(blocking_call__others_under_way__they_are_told_by_process),
		T(client_free__calls_and_streams_open__nothing_is_called),
		T(stream_start__server_stream__all_messages_then_end),
		T(stream_start__server_fails_later__message_first),
		T(stream_start__client_stream__full_then_room_until_all_is_sent),
		T(stream_start__both_ways__each_comes_back),
		T(stream_start__server_ends_early__send_says_so),
		T(stream_hold__reader_is_slow__server_is_held_back),
		T(stream_cancel__open__end_is_called_with_cancelled),
		T(stream_close__in_its_own_callback__nothing_is_called_after),
		T(stream_start__deadline_passes__end_says_so),
		T(stream_recv__of_a_loop__usage),
		T(stream_start__hundreds_at_once__each_its_own),
		T(goaway__calls_started_just_then__none_is_lost),
		T(libevent__client_watched_once__all_answered),
		T(lookup__answered_later_or_at_once__connected),
		T(lookup__name_is_unknown__told),
		T(lookup__never_answered__call_ends_in_time_and_client_may_go),
		T(lookup__server_is_an_address__not_asked),
	};

	memset(large, 'a', sizeof large - 1);
	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
