/* One connection's byte stream, with and without TLS: the server end is a
 * conn on a loop of its own thread, the client end is OpenSSL or a socket. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/loop.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/peer.h"
#include "net/tls.h"
#include "wire/buf.h"

#include "../../support/h2client.h"
#include "../../support/pki.h"

#define BIG (8 * 1024 * 1024)

/* The application: the first byte received says what it does. */
struct fx {
	struct conn_user user; /* first: the callbacks cast back */
	struct loop *loop;
	struct conn_group *group;
	struct conn *conn;
	struct listener *listener;
	struct tls_server *tls;
	SSL_CTX *client;
	pthread_t thread;
	uint16_t port;
	char command;
	struct buf echo;
	size_t left; /* of what "big" sends */
	size_t sent;
	struct peer peer;
	char why[64];
	atomic_uint opened, failed, turns, closed;
	atomic_size_t received;
};

static struct pki *pki;

static void
opened(struct conn_user *u)
{
	struct fx *f = (struct fx *)u;

	f->opened++;
	assert_true(conn_is_open(u->conn));
	f->peer = *conn_peer(u->conn);
}

static void
failed(struct conn_user *u, const struct err *why)
{
	struct fx *f = (struct fx *)u;

	f->failed++;
	memcpy(f->why, why->msg, sizeof f->why - 1);
}

static void
received(struct conn_user *u, const uint8_t *bytes, size_t len)
{
	struct fx *f = (struct fx *)u;

	if (f->command == '\0')
		f->command = (char)bytes[0];
	f->received += len;
	switch (f->command) {
	case 'e': /* echo */
		assert_int_equal(buf_append(&f->echo, bytes, len), 0);
		break;
	case 'b': /* big */
		f->left = BIG;
		break;
	case 'd': /* drop: tell when as much has come as "big" sends */
		if (f->received == BIG)
			assert_int_equal(conn_send(u->conn, "all", 3), 0);
		break;
	case 'a': /* abort, with bytes queued: they are dropped */
		assert_int_equal(conn_send(u->conn, "never", 5), 0);
		conn_abort(u->conn);
		break;
	case 'f': /* finish, with bytes queued: they arrive */
		assert_int_equal(conn_send(u->conn, "bye", 3), 0);
		conn_finish(u->conn);
		assert_false(conn_is_open(u->conn));
		break;
	case 'l': /* answer in the next turn */
		f->left = 5;
		conn_wake_later(u->conn);
		return;
	default:
		break;
	}
	conn_wake(u->conn);
}

static void
turn(struct conn_user *u)
{
	((struct fx *)u)->turns++;
}

/* A pattern that shows bytes lost, repeated or out of order. */
static uint8_t
pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7);
}

static void
fill(struct conn_user *u, struct buf *out, size_t want)
{
	struct fx *f = (struct fx *)u;
	size_t n = f->left < want ? f->left : want;
	uint8_t *to = buf_reserve(out, n + buf_len(&f->echo));

	assert_non_null(to);
	for (size_t i = 0; i < n; i++)
		to[i] = pattern(f->sent++);
	buf_added(out, n);
	f->left -= n;
	if (buf_len(&f->echo) > 0)
		(void)buf_append(out, buf_head(&f->echo), buf_len(&f->echo));
	buf_free(&f->echo);
}

static void
closed(struct conn_user *u)
{
	struct fx *f = (struct fx *)u;

	f->conn = NULL;
	f->closed++;
	loop_stop(f->loop);
}

static const struct conn_ops ops = {
	.opened = opened,
	.failed = failed,
	.received = received,
	.turn = turn,
	.fill = fill,
	.closed = closed,
};

static void
accepted(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct fx *f = arg;

	f->conn = conn_open(f->group, f->tls, fd, from, &f->user, NULL);
	assert_non_null(f->conn);
}

static void *
run(void *arg)
{
	loop_run(((struct fx *)arg)->loop);
	return NULL;
}

static struct tls_server *
make_tls(void)
{
	struct tls_opts o = {
		.cert_file = pki_path(pki, "server.pem"),
		.key_file = pki_path(pki, "server.key"),
		.ca_file = pki_path(pki, "ca.pem"),
	};

	return tls_server_new(&o, NULL);
}

static struct fx *
fx_up(bool tls, unsigned handshake_ms)
{
	struct fx *f = calloc(1, sizeof *f);

	f->loop = loop_new(NULL);
	f->group = conn_group_new(f->loop, &ops, handshake_ms);
	f->tls = tls ? make_tls() : NULL;
	f->client = tls ? pki_client(pki, "client") : NULL;
	f->listener = listener_open("127.0.0.1:0", NULL);
	assert_int_equal(listener_start(f->listener, f->loop, accepted, f,
			     NULL),
	    0);
	f->port = listener_port(f->listener);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
	return f;
}

/* The loop stops by itself when the connection is closed. */
static void
until_closed(struct fx *f)
{
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->closed, 1);
}

static void
fx_down(struct fx *f)
{
	conn_free(f->conn);
	listener_free(f->listener);
	conn_group_free(f->group);
	tls_server_free(f->tls);
	SSL_CTX_free(f->client);
	loop_free(f->loop);
	buf_free(&f->echo);
	free(f);
}

static struct h2c *
say(struct fx *f, const char *what)
{
	struct h2c *c = h2c_connect(f->port, f->client);

	assert_non_null(c);
	assert_true(h2c_write(c, what, strlen(what)));
	return c;
}

static void
assert_read(struct h2c *c, const char *what)
{
	char got[64] = "";
	size_t n = 0, more;

	while (n < strlen(what) &&
	       (more = h2c_read(c, got + n, sizeof got - 1 - n)) > 0)
		n += more;
	assert_string_equal(got, what);
}

static void
bytes__echoed__come_back_and_the_close_is_seen(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct fx *f = fx_up(tls == 1, 10000);
		struct h2c *c = say(f, "echo this");

		assert_read(c, "echo this");
		h2c_free(c);
		until_closed(f);
		assert_int_equal(f->opened, 1);
		assert_string_equal(f->peer.host, "127.0.0.1");
		assert_int_equal(f->peer.has_cert, tls == 1);
		if (tls == 1)
			assert_string_equal(f->peer.subject_cn, "client");
		fx_down(f);
	}
}

static void
megabytes__to_a_client_that_reads_late__arrive_whole(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct fx *f = fx_up(tls == 1, 10000);
		struct h2c *c = say(f, "big");
		uint8_t *got = malloc(BIG);
		size_t n = 0, more;

		assert_non_null(got);
		/* Its kernel is full and so is ours before we read. */
		while (h2c_unread(c) < 65536)
			;
		while (n < BIG && (more = h2c_read(c, got + n, BIG - n)) > 0)
			n += more;
		assert_int_equal(n, BIG);
		for (size_t i = 0; i < BIG; i++)
			if (got[i] != pattern(i))
				fail_msg("byte %zu is wrong", i);
		free(got);
		h2c_free(c);
		until_closed(f);
		fx_down(f);
	}
}

static void
megabytes__from_a_client__are_all_received(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct fx *f = fx_up(tls == 1, 10000);
		struct h2c *c = say(f, "drop");
		uint8_t *bytes = calloc(1, BIG);

		assert_true(h2c_write(c, bytes, BIG - 4));
		free(bytes);
		assert_read(c, "all");
		h2c_free(c);
		until_closed(f);
		fx_down(f);
	}
}

static void
conn_finish__with_input_unread__what_was_queued_arrives(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct fx *f = fx_up(tls == 1, 10000);
		struct h2c *c = say(f, "finish");
		char byte;

		/* Still on its way when the server has long said good-bye:
		 * a plain close would answer it with a reset. */
		for (int i = 0; i < 100; i++)
			(void)h2c_write(c, "more and more", 13);
		assert_read(c, "bye");
		for (int i = 0; i < 100; i++)
			(void)h2c_write(c, "and more", 8);
		assert_int_equal(h2c_read(c, &byte, 1), 0);
		assert_true(h2c_ended_well(c));
		h2c_free(c);
		until_closed(f);
		fx_down(f);
	}
}

static void
conn_abort__inside_received__closed_once(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct fx *f = fx_up(tls == 1, 10000);
		struct h2c *c = say(f, "abort");
		char byte;

		assert_int_equal(h2c_read(c, &byte, 1), 0);
		until_closed(f);
		h2c_free(c);
		fx_down(f);
	}
}

static void
conn_wake_later__turn_and_fill_run_again(void **state)
{
	struct fx *f = fx_up(true, 10000);
	struct h2c *c = say(f, "later");
	uint8_t got[5];
	size_t n = 0;

	(void)state;
	while (n < sizeof got)
		n += h2c_read(c, got + n, sizeof got - n);
	for (size_t i = 0; i < sizeof got; i++)
		assert_int_equal(got[i], pattern(i));
	h2c_free(c);
	until_closed(f);
	assert_true(f->turns >= 1);
	fx_down(f);
}

static void
handshake__never_started__fails_at_the_deadline(void **state)
{
	struct fx *f = fx_up(true, 30);
	struct h2c *c = h2c_connect(f->port, NULL);
	char byte;

	(void)state;
	assert_int_equal(h2c_read(c, &byte, 1), 0);
	until_closed(f);
	assert_int_equal(f->opened, 0);
	assert_int_equal(f->failed, 1);
	assert_non_null(strstr(f->why, "too long"));
	h2c_free(c);
	fx_down(f);
}

static void
handshake__bytes_that_are_no_tls__fails(void **state)
{
	struct fx *f = fx_up(true, 10000);
	struct h2c *c = h2c_connect(f->port, NULL);

	(void)state;
	assert_true(h2c_write(c, "GET / HTTP/1.0\r\n\r\n", 18));
	h2c_read_to_end(c);
	h2c_free(c);
	until_closed(f);
	assert_int_equal(f->opened, 0);
	assert_int_equal(f->failed, 1);
	fx_down(f);
}

static void
handshake__client_leaves_midway__fails(void **state)
{
	struct fx *f = fx_up(true, 10000);

	(void)state;
	h2c_free(h2c_connect(f->port, NULL));
	until_closed(f);
	assert_int_equal(f->opened, 0);
	assert_int_equal(f->failed, 1);
	fx_down(f);
}

/* The alert says why: it must arrive although the client went on sending. */
static void
handshake__certificate_is_refused__client_gets_the_alert(void **state)
{
	struct fx *f = fx_up(true, 10000);
	SSL_CTX *old = pki_client(pki, "old");
	struct h2c *c = h2c_connect(f->port, old);
	char byte;

	(void)state;
	if (c != NULL) { /* TLS 1.3: known at the first read */
		assert_true(h2c_write(c, "hello?", 6));
		assert_int_equal(h2c_read(c, &byte, 1), 0);
		assert_int_equal(h2c_alert(c),
		    SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
	}
	h2c_free(c);
	until_closed(f);
	assert_non_null(strstr(f->why, "expired"));
	SSL_CTX_free(old);
	fx_down(f);
}

static void
conn_free__while_open__no_callback(void **state)
{
	struct fx *f = fx_up(true, 10000);
	struct h2c *c = say(f, "echo");

	(void)state;
	assert_read(c, "echo");
	loop_stop(f->loop);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	fx_down(f); /* ASan tells what it leaves behind */
	h2c_free(c);
	conn_free(NULL);
	conn_group_free(NULL);
}

static int
make_pki(void **state)
{
	(void)state;
	pki = pki_new();
	pki_issue(pki, &(struct pki_leaf){ .name = "server", .server = true });
	pki_issue(pki, &(struct pki_leaf){ .name = "client" });
	pki_issue(pki,
	    &(struct pki_leaf){ .name = "old", .from = -7200, .to = -3600 });
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
		cmocka_unit_test(
		    bytes__echoed__come_back_and_the_close_is_seen),
		cmocka_unit_test(
		    megabytes__to_a_client_that_reads_late__arrive_whole),
		cmocka_unit_test(megabytes__from_a_client__are_all_received),
		cmocka_unit_test(
		    conn_finish__with_input_unread__what_was_queued_arrives),
		cmocka_unit_test(conn_abort__inside_received__closed_once),
		cmocka_unit_test(conn_wake_later__turn_and_fill_run_again),
		cmocka_unit_test(
		    handshake__never_started__fails_at_the_deadline),
		cmocka_unit_test(handshake__bytes_that_are_no_tls__fails),
		cmocka_unit_test(handshake__client_leaves_midway__fails),
		cmocka_unit_test(
		    handshake__certificate_is_refused__client_gets_the_alert),
		cmocka_unit_test(conn_free__while_open__no_callback),
	};

	return cmocka_run_group_tests(tests, make_pki, free_pki);
}
