/* The HTTP/2 server over loopback: a real loop on its own thread, clients in
 * the test's.  Nothing here sleeps: what is awaited is the socket's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "base/loop.h"
#include "http2/http2.h"
#include "net/listener.h"
#include "net/peer.h"
#include "net/tls.h"
#include "wire/buf.h"

#include "../../support/h2client.h"
#include "../../support/pki.h"

/* RFC 9113, 7 */
enum {
	NO_ERROR = 0,
	PROTOCOL_ERROR = 1,
	INTERNAL_ERROR = 2,
	SETTINGS_TIMEOUT = 4,
	REFUSED_STREAM = 7,
	CANCEL = 8,
	ENHANCE_YOUR_CALM = 11
};
enum {
	DATA = 0,
	HEADERS = 1,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	WINDOW_UPDATE = 8,
	CONTINUATION = 9
};

#define BIG (1024 * 1024)

/* ---- the application: a method a path ---------------------------------- */

struct call {
	struct http2_user h2; /* first: the callbacks cast back */
	const struct method *method;
	struct buf body;
	size_t left; /* bytes that "/pour" still has to send */
};

struct service {
	atomic_uint open, closed, requests, oversized, released;
	atomic_uint last_error;
	atomic_size_t most_queued, received;
	struct http2_shared shared;
};

struct method {
	const char *path;
	void (*start)(struct call *);
	void (*end)(struct call *);
	void (*writable)(struct call *);
	bool consumes, refuses;
};

static struct service app;
static uint8_t megabyte[BIG];

static const struct http2_header ok_headers[] = {
	{ ":status", "200", 7, 3 },
	{ "content-type", "application/grpc", 12, 16 },
};
static const struct http2_header ok_trailers[] = {
	{ "grpc-status", "0", 11, 1 },
};

static void
respond(struct call *c)
{
	assert_int_equal(http2_respond(c->h2.stream, ok_headers, 2, false), 0);
}

static void
finish(struct call *c)
{
	assert_int_equal(http2_trailers(c->h2.stream, ok_trailers, 1), 0);
}

static void
send_bytes(struct call *c, const void *bytes, size_t len)
{
	uint8_t *to = http2_room(c->h2.stream, len);

	assert_non_null(to);
	memcpy(to, bytes, len);
	http2_sent(c->h2.stream, len);
}

static void
echo(struct call *c)
{
	respond(c);
	send_bytes(c, buf_head(&c->body), buf_len(&c->body));
	finish(c);
}

static void
answer_now(struct call *c)
{
	respond(c);
	send_bytes(c, "hello", 5);
	finish(c);
}

static void
pour(struct call *c)
{
	while (c->left > 0 && http2_queued(c->h2.stream) < 65536) {
		size_t n = c->left < 10000 ? c->left : 10000;

		send_bytes(c, megabyte, n);
		c->left -= n;
	}
	if (http2_queued(c->h2.stream) > app.most_queued)
		app.most_queued = http2_queued(c->h2.stream);
	if (c->left == 0)
		finish(c);
	else
		http2_notify_writable(c->h2.stream, 16384);
}

static void
start_pour(struct call *c)
{
	respond(c);
	c->left = 4 * BIG;
	pour(c);
}

/* Queues more than max_connection_bytes at once. */
static void
dump(struct call *c)
{
	respond(c);
	for (int i = 0; i < 5; i++)
		send_bytes(c, megabyte, BIG);
}

static void
shared_released(struct http2_shared *s)
{
	assert_ptr_equal(s, &app.shared);
	app.released++;
}

/* Own bytes, shared, own, shared: the order must hold. */
static void
share(struct call *c)
{
	respond(c);
	send_bytes(c, "<", 1);
	assert_int_equal(http2_send_shared(c->h2.stream, &app.shared), 0);
	send_bytes(c, "|", 1);
	assert_int_equal(http2_send_shared(c->h2.stream, &app.shared), 0);
	send_bytes(c, ">", 1);
	finish(c);
}

static void
reset_self(struct call *c)
{
	respond(c);
	http2_reset(c->h2.stream, INTERNAL_ERROR);
	assert_null(http2_room(c->h2.stream, 1));
	assert_int_equal(http2_trailers(c->h2.stream, ok_trailers, 1), -1);
}

/* Trailers that no frame of nghttp2's may carry. */
static void
long_trailers(struct call *c)
{
	struct http2_header h = { "x-long", (const char *)megabyte, 6, 100000 };

	respond(c);
	assert_int_equal(http2_trailers(c->h2.stream, &h, 1), 0);
}

static void
many_trailers(struct call *c)
{
	struct http2_header h[40];

	for (int i = 0; i < 40; i++)
		h[i] = ok_trailers[0];
	respond(c);
	assert_int_equal(http2_trailers(c->h2.stream, h, 40), 0);
}

static const struct method methods[] = {
	{ .path = "/echo", .end = echo, .consumes = true },
	{ .path = "/now", .start = answer_now, .consumes = true },
	{ .path = "/hold", .consumes = true },
	{ .path = "/keep", .end = echo },
	{ .path = "/pour", .start = start_pour, .writable = pour },
	{ .path = "/dump", .start = dump },
	{ .path = "/share", .start = share },
	{ .path = "/reset", .start = reset_self },
	{ .path = "/refuse", .refuses = true },
	{ .path = "/long", .start = long_trailers },
	{ .path = "/many", .start = many_trailers },
};

static const struct method *
method_of(const struct http2_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++)
			if (h[i].name_len == 5 &&
			    memcmp(h[i].name, ":path", 5) == 0 &&
			    h[i].value_len == strlen(methods[m].path) &&
			    memcmp(h[i].value, methods[m].path,
				h[i].value_len) == 0)
				return &methods[m];
	abort();
}

static struct http2_user *
on_request(struct http2_stream *stream, struct service *s,
    const struct http2_header *h, size_t n, bool end)
{
	const struct method *m;
	struct call *c;

	if (n == 0) { /* too long */
		s->oversized++;
		return NULL;
	}
	m = method_of(h, n);
	s->requests++;
	if (m->refuses)
		return NULL;
	c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->h2.stream = stream;
	c->method = m;
	s->open++;
	if (m->start != NULL)
		m->start(c);
	if (end && m->end != NULL)
		m->end(c);
	return &c->h2;
}

static void
on_data(struct http2_user *u, const uint8_t *bytes, size_t len)
{
	struct call *c = (struct call *)u;

	app.received += len;
	assert_int_equal(buf_append(&c->body, bytes, len), 0);
	if (c->method->consumes)
		http2_consumed(u->stream, len);
}

static void
on_end(struct http2_user *u)
{
	struct call *c = (struct call *)u;

	if (c->method->end != NULL)
		c->method->end(c);
}

static void
on_writable(struct http2_user *u)
{
	struct call *c = (struct call *)u;

	c->method->writable(c);
}

static void
on_closed(struct http2_user *u, uint32_t error)
{
	struct call *c = (struct call *)u;

	app.open--;
	app.closed++;
	app.last_error = error;
	buf_free(&c->body);
	free(c);
}

static const struct http2_ops ops = {
	.request = on_request,
	.data = on_data,
	.end = on_end,
	.writable = on_writable,
	.closed = on_closed,
};

/* ---- the fixture ------------------------------------------------------- */

struct fx {
	struct pki *pki;
	struct loop *loop;
	struct listener *listener;
	struct tls_server *tls;
	struct http2_server *server;
	SSL_CTX *client;
	pthread_t thread;
	uint16_t port;
	atomic_uint drained;
};

static const struct http2_limits usual = {
	.max_streams = 256,
	.max_header_bytes = 16384,
	.stream_window = 65535,
	.connection_window = 1048576,
	.max_connection_bytes = 4 * BIG,
	.max_connections = 100,
	.max_connections_per_address = 100,
	.handshake_ms = 10000,
	.preface_ms = 10000,
	.idle_ms = 60000,
	.keepalive_ms = 60000,
	.keepalive_timeout_ms = 20000,
	.abuse_per_second = 200,
};

static struct pki *pki; /* made once: keys cost time */

static void *
run(void *arg)
{
	loop_run(((struct fx *)arg)->loop);
	return NULL;
}

static struct tls_server *
make_tls(const char *crl)
{
	struct tls_opts o = {
		.cert_file = pki_path(pki, "server.pem"),
		.key_file = pki_path(pki, "server.key"),
		.ca_file = pki_path(pki, "ca.pem"),
		.crl_file = crl == NULL ? NULL : pki_path(pki, crl),
	};
	struct err e = { 0 };
	struct tls_server *t = tls_server_new(&o, &e);

	if (t == NULL)
		fail_msg("%s", e.msg);
	return t;
}

static struct fx *
fx_up(const struct http2_limits *limits, bool tls, const char *crl)
{
	struct fx *f = calloc(1, sizeof *f);
	struct err e = { 0 };

	memset(&app, 0, sizeof app);
	app.shared = (struct http2_shared){ megabyte, 100000, shared_released };
	f->pki = pki;
	f->loop = loop_new(&e);
	f->listener = listener_open("127.0.0.1:0", &e);
	f->tls = tls ? make_tls(crl) : NULL;
	f->client = tls ? pki_client(pki, "client") : NULL;
	f->server = http2_server_new(f->loop, limits, &ops, &app, &e);
	assert_non_null(f->server);
	assert_int_equal(http2_server_listen(f->server, f->listener, f->tls,
			     &e),
	    0);
	f->port = listener_port(f->listener);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
	return f;
}

/* Every call must have been closed, whatever happened to it. */
static void
fx_down(struct fx *f)
{
	loop_stop(f->loop);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	http2_server_free(f->server);
	assert_int_equal(app.open, 0);
	listener_free(f->listener);
	tls_server_free(f->tls);
	SSL_CTX_free(f->client);
	loop_free(f->loop);
	free(f);
}

/* Run `work` on the loop's thread and wait until it is done. */
struct job {
	struct loop_task task;
	void (*work)(struct fx *);
	struct fx *fx;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
};

static void
run_job(struct loop_task *t)
{
	struct job *j = (struct job *)t;

	j->work(j->fx);
	pthread_mutex_lock(&j->lock);
	j->done = true;
	pthread_cond_signal(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

static void
on_loop(struct fx *f, void (*work)(struct fx *))
{
	struct job j = { .task.run = run_job,
		.work = work,
		.fx = f,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };

	loop_post(f->loop, &j.task);
	pthread_mutex_lock(&j.lock);
	while (!j.done)
		pthread_cond_wait(&j.changed, &j.lock);
	pthread_mutex_unlock(&j.lock);
}

static void
nothing(struct fx *f)
{
	(void)f;
}

static struct h2c *
connected(struct fx *f)
{
	struct h2c *c = h2c_connect(f->port, f->client);

	assert_non_null(c);
	return c;
}

static struct h2c *
started(struct fx *f)
{
	struct h2c *c = connected(f);

	h2c_start(c, 0, 0);
	return c;
}

/* ---- answering --------------------------------------------------------- */

static void
assert_answered(struct h2c *c, int32_t id, size_t len)
{
	const struct h2c_answer *a = h2c_answer(c, id);

	assert_true(h2c_finish(c, id));
	assert_int_equal(a->status, 200);
	assert_int_equal(a->body_len, len);
	assert_string_equal(a->trailer, "0");
	assert_int_equal(a->error, NO_ERROR);
}

static void
echo__over_mutual_tls__comes_back(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/echo", "ping", 4);

	(void)state;
	assert_answered(c, id, 4);
	assert_memory_equal(h2c_answer(c, id)->body, "ping", 4);
	h2c_free(c);
	fx_down(f);
}

static void
echo__a_hundred_streams_at_once__each_gets_its_own(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t ids[100];
	char bodies[100][8] = { "" };

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(bodies[i], sizeof bodies[i], "body%d", i);
		ids[i] = h2c_request(c, "/echo", bodies[i], sizeof bodies[i]);
	}
	for (int i = 0; i < 100; i++) {
		assert_answered(c, ids[i], sizeof bodies[i]);
		assert_memory_equal(h2c_answer(c, ids[i])->body, bodies[i],
		    sizeof bodies[i]);
	}
	h2c_free(c);
	fx_down(f);
}

static void
echo__a_body_larger_than_every_window__comes_back(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/echo", megabyte, BIG);

	(void)state;
	assert_answered(c, id, BIG);
	h2c_free(c);
	fx_down(f);
}

static void
respond__inside_request__headers_body_and_trailers_in_one_read(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/now", NULL, 0);
	unsigned before;

	(void)state;
	assert_answered(c, id, 5); /* the settings are out of the way */
	id = h2c_request(c, "/now", NULL, 0);
	before = h2c_reads(c);
	assert_answered(c, id, 5);
	assert_int_equal(h2c_reads(c) - before, 1);
	h2c_free(c);
	fx_down(f);
}

static void
respond__before_the_body_has_come__the_rest_is_not_wanted(void **state)
{
	struct fx *f = fx_up(&usual, false, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/now", megabyte, BIG);

	(void)state;
	assert_answered(c, id, 5);
	/* What it took of the body is given back to the connection. */
	for (int i = 0; i < 20; i++)
		assert_answered(c, h2c_request(c, "/now", megabyte, 50000), 5);
	assert_answered(c, h2c_request(c, "/echo", megabyte, BIG), BIG);
	h2c_free(c);
	fx_down(f);
}

static void
send_shared__between_own_bytes__order_holds_and_all_is_released(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t a = h2c_request(c, "/share", NULL, 0);
	int32_t b = h2c_request(c, "/share", NULL, 0);

	(void)state;
	assert_answered(c, a, 200003);
	assert_answered(c, b, 200003);
	assert_int_equal(h2c_answer(c, a)->body[0], '<');
	assert_int_equal(app.released, 4);
	h2c_free(c);
	fx_down(f);
}

static void
send_shared__client_resets_midway__is_released(void **state)
{
	struct fx *f = fx_up(&usual, false, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/share", NULL, 0);

	(void)state;
	while (!h2c_answer(c, id)->headers)
		assert_true(h2c_step(c));
	h2c_reset(c, id);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	assert_int_equal(app.released, 2);
	assert_int_equal(app.open, 0);
	h2c_free(c);
	fx_down(f);
}

static void
reset__inside_request__client_sees_the_code(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/reset", "x", 1);

	(void)state;
	assert_true(h2c_finish(c, id));
	assert_int_equal(h2c_answer(c, id)->error, INTERNAL_ERROR);
	assert_answered(c, h2c_request(c, "/echo", "y", 1), 1);
	assert_int_equal(app.closed, 2);
	h2c_free(c);
	fx_down(f);
}

static void
request__refused_by_the_application__stream_is_refused(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/refuse", NULL, 0);

	(void)state;
	assert_true(h2c_finish(c, id));
	assert_int_equal(h2c_answer(c, id)->error, REFUSED_STREAM);
	assert_int_equal(app.closed, 0);
	h2c_free(c);
	fx_down(f);
}

static void
trailers__longer_than_a_frame_may_be__stream_is_reset(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/long", NULL, 0);

	(void)state;
	assert_true(h2c_finish(c, id));
	assert_int_equal(h2c_answer(c, id)->error, INTERNAL_ERROR);
	assert_answered(c, h2c_request(c, "/many", NULL, 0), 0);
	h2c_free(c);
	fx_down(f);
}

/* ---- flow control and limits ------------------------------------------- */

static void
pour__client_that_does_not_read__queue_stays_small(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = connected(f);
	int32_t id, other;

	(void)state;
	h2c_start(c, 0, 0);
	id = h2c_request(c, "/pour", NULL, 0);
	while (h2c_answer(c, id)->body_len == 0)
		assert_true(h2c_step(c));
	assert_true(app.most_queued < 65536 + 10000);
	/* Once it reads, all of it comes, and others with it. */
	other = h2c_request(c, "/now", NULL, 0);
	assert_answered(c, other, 5);
	assert_false(h2c_answer(c, id)->closed);
	assert_answered(c, id, 4 * BIG);
	assert_true(app.most_queued < 65536 + 10000);
	h2c_free(c);
	fx_down(f);
}

static void
pour__to_a_client_with_huge_windows__is_whole(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = connected(f);

	(void)state;
	h2c_start(c, 1 << 30, 1 << 30);
	assert_answered(c, h2c_request(c, "/pour", NULL, 0), 4 * BIG);
	h2c_free(c);
	fx_down(f);
}

static void
queue__beyond_the_connection_limit__connection_is_closed(void **state)
{
	struct fx *f = fx_up(&usual, false, NULL);
	struct h2c *c = started(f);

	(void)state;
	(void)h2c_request(c, "/dump", NULL, 0);
	h2c_until_closed(c);
	assert_int_equal(app.last_error, ENHANCE_YOUR_CALM);
	assert_int_equal(app.open, 0);
	h2c_free(c);
	fx_down(f);
}

static void
body__nobody_consumes__stops_at_the_window(void **state)
{
	struct fx *f = fx_up(&usual, false, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/keep", megabyte, BIG);

	(void)state;
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	assert_int_equal(app.received, 65535);
	assert_false(h2c_answer(c, id)->closed);
	h2c_free(c);
	fx_down(f);
}

static void
request__client_resets_mid_body__closed_with_its_code(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request(c, "/keep", megabyte, BIG);

	(void)state;
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	h2c_reset(c, id);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	assert_int_equal(app.closed, 3);
	assert_int_equal(app.open, 0);
	/* The window of what was never consumed came back. */
	for (int i = 0; i < 30; i++) {
		id = h2c_request(c, "/keep", megabyte, BIG);
		assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
		h2c_reset(c, id);
	}
	assert_answered(c, h2c_request(c, "/echo", megabyte, BIG), BIG);
	h2c_free(c);
	fx_down(f);
}

static void
streams__more_than_allowed__wait_and_are_served(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;
	int32_t ids[50];

	(void)state;
	l.max_streams = 4;
	f = fx_up(&l, true, NULL);
	c = started(f);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	for (int i = 0; i < 50; i++)
		ids[i] = h2c_request(c, "/echo", "abc", 3);
	for (int i = 0; i < 50; i++)
		assert_answered(c, ids[i], 3);
	h2c_free(c);
	fx_down(f);
}

static void
headers__larger_than_the_limit__handed_on_without_them(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	int32_t id = h2c_request_big(c, "/now", 20000);

	(void)state;
	assert_true(h2c_finish(c, id));
	assert_int_equal(h2c_answer(c, id)->error, REFUSED_STREAM);
	assert_int_equal(app.oversized, 1);
	assert_int_equal(app.requests, 0);
	id = h2c_request_big(c, "/now", 16000);
	assert_answered(c, id, 5);
	h2c_free(c);
	fx_down(f);
}

static void
connections__more_than_one_address_may_have__are_closed(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *a, *b, *refused;

	(void)state;
	l.max_connections_per_address = 2;
	f = fx_up(&l, false, NULL);
	a = started(f);
	b = started(f);
	assert_answered(a, h2c_request(a, "/now", NULL, 0), 5);
	assert_answered(b, h2c_request(b, "/now", NULL, 0), 5);
	refused = started(f);
	h2c_until_closed(refused);
	h2c_free(refused);
	h2c_free(a);
	/* Its place is free once the server has seen it go: until then the
	 * next is closed. */
	do {
		a = started(f);
		(void)h2c_request(a, "/now", NULL, 0);
		if (h2c_step(a))
			break;
		h2c_free(a);
	} while (true);
	h2c_free(a);
	h2c_free(b);
	fx_down(f);
}

/* ---- abuse ------------------------------------------------------------- */

static uint32_t
hpack_request(uint8_t *out)
{
	/* :method GET, :scheme https, :path /hold, :authority a */
	static const uint8_t block[] = { 0x82, 0x87, 0x04, 5, '/', 'h', 'o',
		'l', 'd', 0x01, 1, 'a' };

	memcpy(out, block, sizeof block);
	return sizeof block;
}

struct flood {
	const char *what;
	bool (*frame)(struct h2c *, int i);
};

static bool
rapid_reset(struct h2c *c, int i)
{
	static const uint8_t cancel[4] = { 0, 0, 0, CANCEL };
	uint8_t block[32];
	size_t len = hpack_request(block);

	return h2c_write_frame(c, HEADERS, 0x5, 2 * i + 1, block, len) &&
	       h2c_write_frame(c, RST_STREAM, 0, 2 * i + 1, cancel, 4);
}

static bool
pings(struct h2c *c, int i)
{
	(void)i;
	return h2c_write_frame(c, PING, 0, 0, "12345678", 8);
}

static bool
settings(struct h2c *c, int i)
{
	(void)i;
	return h2c_write_frame(c, SETTINGS, 0, 0, NULL, 0);
}

static bool
continuations(struct h2c *c, int i)
{
	uint8_t block[32];

	if (i == 0)
		return h2c_write_frame(c, HEADERS, 0x1, 1, block,
		    hpack_request(block));
	return h2c_write_frame(c, CONTINUATION, 0, 1, "\x00\x01x\x01y", 5);
}

static bool
empty_data(struct h2c *c, int i)
{
	uint8_t block[32];

	if (i == 0)
		return h2c_write_frame(c, HEADERS, 0x4, 1, block,
		    hpack_request(block));
	return h2c_write_frame(c, DATA, 0, 1, NULL, 0);
}

static bool
window_updates(struct h2c *c, int i)
{
	(void)i;
	return h2c_write_frame(c, WINDOW_UPDATE, 0, 0, "\0\0\0\x01", 4);
}

/* Makes the server reset: more data than content-length says
 * (CVE-2025-8671 is of this kind). */
static bool
provoked_resets(struct h2c *c, int i)
{
	static const uint8_t one_byte[] = { 0x0f, 13, 1, '1' };
	uint8_t block[32];
	size_t len = hpack_request(block);

	memcpy(block + len, one_byte, sizeof one_byte);
	len += sizeof one_byte;
	return h2c_write_frame(c, HEADERS, 0x4, 2 * i + 1, block, len) &&
	       h2c_write_frame(c, DATA, 0x1, 2 * i + 1, "xy", 2);
}

static const struct flood floods[] = {
	{ "rapid reset", rapid_reset },
	{ "PING", pings },
	{ "SETTINGS", settings },
	{ "CONTINUATION", continuations },
	{ "empty DATA", empty_data },
	{ "WINDOW_UPDATE", window_updates },
	{ "provoked RST_STREAM", provoked_resets },
};

static void
flood__of_any_kind__ended_by_goaway_enhance_your_calm(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof floods / sizeof floods[0]; k++) {
		struct fx *f = fx_up(&usual, k % 2 == 0, NULL);
		struct h2c *c = connected(f), *other = started(f);

		h2c_write_preface(c);
		for (int i = 0; i < 3000 && floods[k].frame(c, i); i++)
			;
		h2c_read_to_end(c);
		if (h2c_goaway_error(c) != ENHANCE_YOUR_CALM)
			fail_msg("%s: %u GOAWAY, error %u", floods[k].what,
			    h2c_goaways(c), h2c_goaway_error(c));
		/* The others do not notice. */
		assert_answered(other, h2c_request(other, "/now", NULL, 0), 5);
		h2c_free(c);
		h2c_free(other);
		assert_int_equal(http2_server_counters(f->server)->goaway_abuse,
		    1);
		fx_down(f);
	}
}

/* gRPC clients measure the path with a ping for each burst of data. */
static void
ping__with_each_answer__is_no_flood(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.abuse_per_second = 20;
	f = fx_up(&l, false, NULL);
	c = started(f);
	for (int i = 0; i < 500; i++) {
		assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
		h2c_ping(c);
	}
	assert_int_equal(h2c_goaways(c), 0);
	h2c_free(c);
	fx_down(f);
}

/* Its answers are frames that no stream's queue counts: resets, here. */
static void
client__asks_on_and_does_not_read__connection_ends(void **state)
{
	static const uint8_t pour_block[] = { 0x82, 0x87, 0x04, 5, '/', 'p',
		'o', 'u', 'r', 0x01, 1, 'a' };
	struct http2_limits l = usual;
	uint8_t block[32];
	size_t len = hpack_request(block);
	struct fx *f;
	struct h2c *c;
	int32_t id = 1;

	(void)state;
	l.max_streams = 8;
	l.abuse_per_second = 1000000;
	f = fx_up(&l, false, NULL);
	c = connected(f);
	h2c_write_preface(c);
	assert_true(
	    h2c_write_frame(c, SETTINGS, 0, 0, "\0\x04\x7f\xff\xff\xff", 6));
	assert_true(h2c_write_frame(c, WINDOW_UPDATE, 0, 0, "\x7f\xff\0\0", 4));
	for (; id < 16; id += 2)
		assert_true(h2c_write_frame(c, HEADERS, 0x5, id, pour_block,
		    sizeof pour_block));
	/* Until the server has had enough, with or without a GOAWAY: there is
	 * no room left on the way to us. */
	while (id < 2000000 && h2c_write_frame(c, HEADERS, 0x5, id, block, len))
		id += 2;
	assert_true(id < 2000000);
	h2c_free(c);
	while (app.open > 0)
		on_loop(f, nothing);
	assert_int_equal(app.last_error, ENHANCE_YOUR_CALM);
	fx_down(f);
}

static void
preface__not_http2__goaway_protocol_error(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = connected(f);

	(void)state;
	assert_true(
	    h2c_write(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35));
	h2c_read_to_end(c);
	assert_int_equal(h2c_goaway_error(c), PROTOCOL_ERROR);
	h2c_free(c);
	fx_down(f);
}

/* ---- deadlines --------------------------------------------------------- */

static void
handshake__that_never_starts__closed_at_the_deadline(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.handshake_ms = 30;
	f = fx_up(&l, true, NULL);
	c = h2c_connect(f->port, NULL); /* TCP, and then nothing */
	h2c_read_to_end(c);
	h2c_free(c);
	fx_down(f);
}

static void
preface__that_never_comes__goaway_settings_timeout(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.preface_ms = 30;
	f = fx_up(&l, true, NULL);
	c = connected(f);
	h2c_read_to_end(c);
	assert_int_equal(h2c_goaway_error(c), SETTINGS_TIMEOUT);
	h2c_free(c);
	fx_down(f);
}

static void
header_list__never_completed__goaway(void **state)
{
	struct http2_limits l = usual;
	uint8_t block[32];
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.preface_ms = 30;
	f = fx_up(&l, true, NULL);
	c = connected(f);
	h2c_write_preface(c);
	assert_true(
	    h2c_write_frame(c, HEADERS, 0x1, 1, block, hpack_request(block)));
	h2c_read_to_end(c);
	assert_int_equal(h2c_goaway_error(c), ENHANCE_YOUR_CALM);
	h2c_free(c);
	fx_down(f);
}

static void
connection__idle__closed_with_goaway(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.idle_ms = 30;
	f = fx_up(&l, true, NULL);
	c = started(f);
	h2c_until_closed(c);
	assert_int_equal(h2c_goaways(c), 2);
	assert_int_equal(h2c_goaway_error(c), NO_ERROR);
	h2c_free(c);
	fx_down(f);
}

static void
ping__not_answered_with_a_stream_open__connection_is_closed(void **state)
{
	struct http2_limits l = usual;
	uint8_t block[32];
	struct fx *f;
	struct h2c *c;

	(void)state;
	l.keepalive_ms = l.keepalive_timeout_ms = 30;
	f = fx_up(&l, true, NULL);
	c = connected(f);
	h2c_write_preface(c);
	assert_true(
	    h2c_write_frame(c, HEADERS, 0x5, 1, block, hpack_request(block)));
	h2c_read_to_end(c); /* raw: it does not answer pings */
	assert_int_equal(app.last_error, CANCEL);
	h2c_free(c);
	fx_down(f);
}

static void
ping__answered__the_stream_lives_on(void **state)
{
	struct http2_limits l = usual;
	struct fx *f;
	struct h2c *c;
	int32_t id;

	(void)state;
	l.keepalive_ms = 20;
	l.keepalive_timeout_ms = 10000;
	f = fx_up(&l, true, NULL);
	c = started(f);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	id = h2c_request(c, "/hold", NULL, 0);
	for (int i = 0; i < 4; i++) /* each read is a ping */
		assert_true(h2c_step(c));
	assert_false(h2c_answer(c, id)->closed);
	h2c_free(c);
	fx_down(f);
}

/* ---- draining, certificates -------------------------------------------- */

static void
on_drained(void *arg)
{
	((struct fx *)arg)->drained++;
}

static void
drain(struct fx *f)
{
	http2_server_drain(f->server, on_drained, f);
}

static void
recheck(struct fx *f)
{
	http2_server_recheck(f->server);
}

static void
drain__with_an_open_stream__it_is_served_then_all_is_closed(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f), *idle = started(f);
	int32_t id;

	(void)state;
	assert_answered(idle, h2c_request(idle, "/now", NULL, 0), 5);
	id = h2c_request(c, "/pour", NULL, 0);
	while (!h2c_answer(c, id)->headers)
		assert_true(h2c_step(c));
	on_loop(f, drain);
	h2c_until_closed(idle);
	assert_int_equal(h2c_goaways(idle), 2);
	assert_answered(c, id, 4 * BIG);
	h2c_until_closed(c);
	assert_int_equal(h2c_goaways(c), 2);
	assert_int_equal(h2c_goaway_error(c), NO_ERROR);
	assert_int_equal(h2c_goaway_last_id(c), id);
	h2c_free(idle);
	h2c_free(c);
	while (f->drained == 0)
		on_loop(f, nothing);
	assert_int_equal(f->drained, 1);
	fx_down(f);
}

static void
drain__with_no_connection__is_told_at_once(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);

	(void)state;
	on_loop(f, drain);
	while (f->drained == 0)
		on_loop(f, nothing);
	fx_down(f);
}

static void
free__with_calls_open__every_call_is_closed(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);

	(void)state;
	(void)h2c_request(c, "/hold", "x", 1);
	(void)h2c_request(c, "/share", NULL, 0);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	fx_down(f);
	assert_true(app.closed >= 2);
	assert_int_equal(app.released, 2);
	h2c_free(c);
}

static void
client__gone_with_calls_open__every_call_is_closed(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);

	(void)state;
	(void)h2c_request(c, "/hold", "x", 1);
	assert_answered(c, h2c_request(c, "/now", NULL, 0), 5);
	h2c_free(c);
	while (app.open > 0)
		on_loop(f, nothing);
	assert_int_equal(app.last_error, CANCEL);
	fx_down(f);
}

/* Also in use by others: they must not be cut. */
static void
recheck__certificate_revoked_since__only_its_connection_ends(void **state)
{
	static const long revoked[] = { 42 };
	struct fx *f;
	struct h2c *bad, *good;
	SSL_CTX *doomed;
	struct err e = { 0 };

	(void)state;
	pki_write_crl(pki, "live.crl", NULL, 0);
	pki_issue(pki, &(struct pki_leaf){ .name = "doomed", .serial = 42 });
	f = fx_up(&usual, true, "live.crl");
	doomed = pki_client(pki, "doomed");
	bad = h2c_connect(f->port, doomed);
	assert_non_null(bad);
	h2c_start(bad, 0, 0);
	good = started(f);
	assert_answered(bad, h2c_request(bad, "/now", NULL, 0), 5);
	assert_answered(good, h2c_request(good, "/now", NULL, 0), 5);
	(void)h2c_request(bad, "/hold", NULL, 0);
	h2c_flush(bad);

	pki_write_crl(pki, "live.crl", revoked, 1);
	assert_int_equal(tls_server_reload(f->tls, &e), 0);
	on_loop(f, recheck);
	h2c_until_closed(bad);
	assert_int_equal(h2c_goaway_error(bad), NO_ERROR);
	h2c_free(bad);
	assert_answered(good, h2c_request(good, "/echo", "on", 2), 2);
	h2c_free(good);

	/* And it does not come back. */
	bad = h2c_connect(f->port, doomed);
	if (bad != NULL) {
		h2c_start(bad, 0, 0);
		assert_false(
		    h2c_finish(bad, h2c_request(bad, "/now", NULL, 0)));
	}
	h2c_free(bad);
	SSL_CTX_free(doomed);
	fx_down(f);
}

static void
counters__after_a_few_calls__add_up(void **state)
{
	struct fx *f = fx_up(&usual, true, NULL);
	struct h2c *c = started(f);
	const struct http2_counters *n = http2_server_counters(f->server);

	(void)state;
	assert_answered(c, h2c_request(c, "/echo", megabyte, 10000), 10000);
	h2c_free(c);
	on_loop(f, nothing);
	assert_int_equal(n->connections, 1);
	assert_int_equal(n->handshakes_failed, 0);
	assert_true(n->bytes_in > 10000 && n->bytes_in < 11000);
	assert_true(n->bytes_out > 10000 && n->bytes_out < 11000);
	fx_down(f);
}

static int
make_pki(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	memset(megabyte, 'm', sizeof megabyte);
	pki = pki_new();
	pki_issue(pki, &(struct pki_leaf){ .name = "server", .server = true });
	pki_issue(pki, &(struct pki_leaf){ .name = "client" });
	return 0;
}

static int
free_pki(void **state)
{
	(void)state;
	pki_free(pki);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo__over_mutual_tls__comes_back),
		cmocka_unit_test(
		    echo__a_hundred_streams_at_once__each_gets_its_own),
		cmocka_unit_test(
		    echo__a_body_larger_than_every_window__comes_back),
		cmocka_unit_test(
		    respond__inside_request__headers_body_and_trailers_in_one_read),
		cmocka_unit_test(
		    respond__before_the_body_has_come__the_rest_is_not_wanted),
		cmocka_unit_test(
		    send_shared__between_own_bytes__order_holds_and_all_is_released),
		cmocka_unit_test(
		    send_shared__client_resets_midway__is_released),
		cmocka_unit_test(reset__inside_request__client_sees_the_code),
		cmocka_unit_test(
		    request__refused_by_the_application__stream_is_refused),
		cmocka_unit_test(
		    trailers__longer_than_a_frame_may_be__stream_is_reset),
		cmocka_unit_test(
		    pour__client_that_does_not_read__queue_stays_small),
		cmocka_unit_test(pour__to_a_client_with_huge_windows__is_whole),
		cmocka_unit_test(
		    queue__beyond_the_connection_limit__connection_is_closed),
		cmocka_unit_test(body__nobody_consumes__stops_at_the_window),
		cmocka_unit_test(
		    request__client_resets_mid_body__closed_with_its_code),
		cmocka_unit_test(
		    streams__more_than_allowed__wait_and_are_served),
		cmocka_unit_test(
		    headers__larger_than_the_limit__handed_on_without_them),
		cmocka_unit_test(
		    connections__more_than_one_address_may_have__are_closed),
		cmocka_unit_test(
		    flood__of_any_kind__ended_by_goaway_enhance_your_calm),
		cmocka_unit_test(ping__with_each_answer__is_no_flood),
		cmocka_unit_test(
		    client__asks_on_and_does_not_read__connection_ends),
		cmocka_unit_test(preface__not_http2__goaway_protocol_error),
		cmocka_unit_test(
		    handshake__that_never_starts__closed_at_the_deadline),
		cmocka_unit_test(
		    preface__that_never_comes__goaway_settings_timeout),
		cmocka_unit_test(header_list__never_completed__goaway),
		cmocka_unit_test(connection__idle__closed_with_goaway),
		cmocka_unit_test(
		    ping__not_answered_with_a_stream_open__connection_is_closed),
		cmocka_unit_test(ping__answered__the_stream_lives_on),
		cmocka_unit_test(
		    drain__with_an_open_stream__it_is_served_then_all_is_closed),
		cmocka_unit_test(drain__with_no_connection__is_told_at_once),
		cmocka_unit_test(free__with_calls_open__every_call_is_closed),
		cmocka_unit_test(
		    client__gone_with_calls_open__every_call_is_closed),
		cmocka_unit_test(
		    recheck__certificate_revoked_since__only_its_connection_ends),
		cmocka_unit_test(counters__after_a_few_calls__add_up),
	};

	return cmocka_run_group_tests(tests, make_pki, free_pki);
}
