/*
 * conn.c - one connection: TCP, TLS between two memory buffers, nghttp2.
 *
 * The TLS bytes pass through memory so that we write to the socket ourselves,
 * with MSG_NOSIGNAL: a library must not raise SIGPIPE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define CHUNK 16384
#define STREAM_WINDOW (1 << 20)
#define CONNECTION_WINDOW (16 << 20)
#define PING_ANSWER_MS 20000

int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the socket --------------------------------------------------------- */

static int
unreachable(const struct rsp_client *c, const char *why, struct rsp_error *e)
{
	fail(e, RSP_UNAVAILABLE, "%s:%s: %s", c->host, c->port, why);
	error_reason(e, "UNREACHABLE");
	error_remedy(e, "check the address and the network, then try again");
	return -1;
}

static int
interrupted(struct rsp_error *e)
{
	fail(e, RSP_CANCELLED, "interrupted");
	error_reason(e, "INTERRUPTED");
	return -1;
}

static int
too_late(struct rsp_error *e, const struct rsp_client *c)
{
	fail(e, RSP_DEADLINE_EXCEEDED, "%s:%s did not answer in time", c->host,
	    c->port);
	error_remedy(e, "try again, or allow more time");
	return -1;
}

/* Wait for the socket.  1 ready, 0 `until` has come, -1 interrupted. */
static int
wait_fd(const struct rsp_client *c, int fd, short events, int64_t until,
    struct rsp_error *e)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = events },
			{ .fd = c->interrupt_fd, .events = POLLIN } };
		int64_t left = until - now_ns();
		int ms = until == 0 ? -1 : left <= 0 ? 0 :
		    left > (int64_t)INT32_MAX * NS_PER_MS ? INT32_MAX :
		    (int)((left + NS_PER_MS - 1) / NS_PER_MS);
		int n = poll(p, c->interrupt_fd >= 0 ? 2 : 1, ms);

		if (n < 0 && errno != EINTR)
			return fail(e, RSP_INTERNAL, "poll: %s",
			    strerror(errno));
		if (n <= 0) {
			if (n == 0 && until != 0 && now_ns() >= until)
				return 0;
			continue;
		}
		if (c->interrupt_fd >= 0 && p[1].revents != 0)
			return interrupted(e);
		if (p[0].revents != 0)
			return 1;
	}
}

static int
try_address(struct rsp_client *c, const struct addrinfo *a, int64_t deadline,
    struct rsp_error *e)
{
	int one = 1, err = 0, rc;
	socklen_t len = sizeof err;
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return unreachable(c, strerror(errno), e);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	rc = connect(fd, a->ai_addr, a->ai_addrlen);
	if (rc < 0 && errno != EINPROGRESS && errno != EINTR) {
		unreachable(c, strerror(errno), e);
		close(fd);
		return -1;
	}
	rc = wait_fd(c, fd, POLLOUT, deadline, e);
	if (rc == 0)
		rc = too_late(e, c);
	if (rc > 0 && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ||
	    err != 0))
		rc = unreachable(c, strerror(err != 0 ? err : errno), e);
	if (rc < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
dial(struct rsp_client *c, int64_t deadline, struct rsp_error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG }, *list;
	int fd = -1, rc = getaddrinfo(c->host, c->port, &hints, &list);

	if (rc != 0)
		return unreachable(c, gai_strerror(rc), e);
	for (const struct addrinfo *a = list; a != NULL && fd < 0;
	    a = a->ai_next) {
		fd = try_address(c, a, deadline, e);
		if (fd < 0 && e != NULL && e->code != RSP_UNAVAILABLE)
			break;	/* out of time, or interrupted */
	}
	freeaddrinfo(list);
	return fd;
}

/* ---- bytes through TLS -------------------------------------------------- */

/* What TLS wants on the wire; 0, 1: the socket is full, -1. */
static int
push_out(struct conn *n, struct rsp_error *e)
{
	for (;;) {
		uint8_t *room;
		ssize_t sent;
		int got;

		while (BIO_pending(n->to_net) > 0) {
			if ((room = buf_reserve(&n->out, CHUNK)) == NULL)
				return fail(e, RSP_ERR_NOMEM, "connection");
			got = BIO_read(n->to_net, room, CHUNK);
			if (got <= 0)
				break;
			buf_added(&n->out, (size_t)got);
		}
		if (buf_len(&n->out) == 0)
			return 0;
		sent = send(n->fd, buf_head(&n->out), buf_len(&n->out),
		    MSG_NOSIGNAL);
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 1;
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return unreachable(n->client, strerror(errno), e);
		buf_take(&n->out, (size_t)sent);
	}
}

/* From the socket to TLS; 1: something came, 0: nothing now, -1: closed. */
static int
pull_in(struct conn *n, struct rsp_error *e)
{
	uint8_t chunk[CHUNK];
	ssize_t got = recv(n->fd, chunk, sizeof chunk, 0);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == EINTR))
		return 0;
	if (got <= 0)
		return unreachable(n->client, got == 0 ?
		    "the server closed the connection" : strerror(errno), e);
	n->heard = now_ns();
	n->pinged = 0;
	if (BIO_write(n->from_net, chunk, (int)got) != got)
		return fail(e, RSP_ERR_NOMEM, "connection");
	return 1;
}

static int
handshake(struct conn *n, int64_t deadline, struct rsp_error *e)
{
	const unsigned char *alpn;
	unsigned len;

	for (;;) {
		int rc, done;

		ERR_clear_error();
		done = SSL_do_handshake(n->ssl);
		if (done != 1 && SSL_get_error(n->ssl, done) !=
		    SSL_ERROR_WANT_READ) {
			(void)push_out(n, NULL);	/* our alert */
			return tls_failure(n->client, n->ssl, e);
		}
		if ((rc = push_out(n, e)) < 0)
			return -1;
		if (done == 1 && rc == 0)
			break;
		rc = wait_fd(n->client, n->fd, rc == 1 ? POLLOUT : POLLIN,
		    deadline, e);
		if (rc <= 0)
			return rc < 0 ? -1 : too_late(e, n->client);
		if (done != 1 && pull_in(n, e) < 0)
			return tls_failure(n->client, n->ssl, e);
	}
	SSL_get0_alpn_selected(n->ssl, &alpn, &len);
	if (len != 2 || memcmp(alpn, "h2", 2) != 0) {
		fail(e, RSP_ERR_TLS, "%s:%s does not speak HTTP/2",
		    n->client->host, n->client->port);
		error_remedy(e, "check the address: is it resoprod's?");
		return -1;
	}
	return 0;
}

/* ---- nghttp2 ------------------------------------------------------------ */

static struct rsp_stream *
stream_of(nghttp2_session *h2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h2, id);
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
    void *arg)
{
	struct rsp_stream *s = stream_of(h2, f->hd.stream_id);

	(void)name_len;
	(void)value_len;
	(void)flags;
	(void)arg;
	/* nghttp2 ends both with a NUL. */
	if (s != NULL)
		stream_header(s, (const char *)name, (const char *)value);
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data,
    size_t len, void *arg)
{
	struct rsp_stream *s = stream_of(h2, id);

	(void)flags;
	(void)arg;
	if (s != NULL)
		stream_data(s, data, len);
	else
		nghttp2_session_consume(h2, id, len);
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *arg)
{
	struct rsp_stream *s = stream_of(h2, id);
	struct conn *n = arg;

	n->streams--;
	if (s != NULL)
		stream_closed(s, error);
	return 0;
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct conn *n = arg;

	(void)h2;
	if (f->hd.type == NGHTTP2_GOAWAY)
		n->goaway = true;
	return 0;
}

static int
start_http2(struct conn *n, struct rsp_error *e)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;
	int rc;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return fail(e, RSP_ERR_NOMEM, "HTTP/2");
	if (nghttp2_option_new(&option) != 0) {
		nghttp2_session_callbacks_del(cb);
		return fail(e, RSP_ERR_NOMEM, "HTTP/2");
	}
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	rc = nghttp2_session_client_new2(&n->h2, cb, n, option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(option);
	if (rc != 0 || nghttp2_submit_settings(n->h2, NGHTTP2_FLAG_NONE,
	    settings, 2) != 0 || nghttp2_session_set_local_window_size(n->h2,
	    NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0)
		return fail(e, RSP_ERR_NOMEM, "HTTP/2");
	return 0;
}

/* nghttp2's frames into TLS. */
static int
write_frames(struct conn *n, struct rsp_error *e)
{
	const uint8_t *data;
	ssize_t len;

	while (buf_len(&n->out) < (1 << 20) &&
	    (len = nghttp2_session_mem_send(n->h2, &data)) > 0) {
		ERR_clear_error();
		if (SSL_write(n->ssl, data, (int)len) != len)
			return unreachable(n->client, "TLS write failed", e);
	}
	return 0;
}

/* TLS's plaintext into nghttp2. */
static int
read_frames(struct conn *n, struct rsp_error *e)
{
	uint8_t chunk[CHUNK];

	for (;;) {
		int got;

		ERR_clear_error();
		got = SSL_read(n->ssl, chunk, sizeof chunk);
		if (got <= 0) {
			int why = SSL_get_error(n->ssl, got);

			if (why == SSL_ERROR_WANT_READ)
				return 0;
			if (why == SSL_ERROR_ZERO_RETURN)
				return unreachable(n->client, "the server "
				    "closed the connection", e);
			/* In TLS 1.3 a refused certificate shows here. */
			return tls_failure(n->client, n->ssl, e);
		}
		if (nghttp2_session_mem_recv(n->h2, chunk, (size_t)got) < 0)
			return unreachable(n->client, "HTTP/2 broke down", e);
	}
}

/* ---- life --------------------------------------------------------------- */

static int
set_up(struct conn *n, int64_t deadline, struct rsp_error *e)
{
	struct rsp_client *c = n->client;
	const char *name = c->server_name != NULL ? c->server_name : c->host;
	struct in6_addr scratch;
	bool numeric = inet_pton(AF_INET, name, &scratch) == 1 ||
	    inet_pton(AF_INET6, name, &scratch) == 1;

	if ((n->fd = dial(c, deadline, e)) < 0)
		return -1;
	n->ssl = SSL_new(c->tls);
	n->from_net = BIO_new(BIO_s_mem());
	n->to_net = BIO_new(BIO_s_mem());
	if (n->ssl == NULL || n->from_net == NULL || n->to_net == NULL)
		return fail(e, RSP_ERR_NOMEM, "TLS");
	BIO_set_mem_eof_return(n->from_net, -1);
	SSL_set_bio(n->ssl, n->from_net, n->to_net);
	SSL_set_connect_state(n->ssl);
	if (numeric) {
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(n->ssl), name);
	} else {
		SSL_ctrl(n->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		    TLSEXT_NAMETYPE_host_name, (char *)(uintptr_t)name);
		SSL_set1_host(n->ssl, name);
	}
	if (handshake(n, deadline, e) < 0 || start_http2(n, e) < 0)
		return -1;
	n->heard = now_ns();
	return 0;
}

struct conn *
conn_open(struct rsp_client *c, int64_t deadline, struct rsp_error *e)
{
	struct conn *n = calloc(1, sizeof *n);
	int64_t limit = now_ns() + (int64_t)c->connect_timeout_ms * NS_PER_MS;

	if (n == NULL) {
		fail(e, RSP_ERR_NOMEM, "connection");
		return NULL;
	}
	n->client = c;
	n->fd = -1;
	if (deadline != 0 && deadline < limit)
		limit = deadline;
	if (set_up(n, limit, e) < 0) {
		conn_free(n);
		return NULL;
	}
	return n;
}

void
conn_free(struct conn *n)
{
	if (n == NULL)
		return;
	if (n->h2 != NULL)
		nghttp2_session_del(n->h2);
	if (n->ssl != NULL) {
		SSL_free(n->ssl);	/* and its two sides */
	} else {
		BIO_free(n->from_net);
		BIO_free(n->to_net);
	}
	if (n->fd >= 0)
		close(n->fd);
	buf_free(&n->out);
	free(n);
}

/* Every stream of it ends, with what is known. */
void
conn_lost(struct conn *n, const struct rsp_error *why)
{
	n->dead = true;
	for (struct rsp_stream *s = n->client->streams; s != NULL;
	    s = s->next) {
		if (s->conn != n)
			continue;
		if (!s->over)
			s->failure = *why;
		s->over = true;
		s->conn = NULL;
	}
}

/* ---- turns -------------------------------------------------------------- */

int
conn_flush(struct conn *n, struct rsp_error *e)
{
	int rc;

	do {
		if (write_frames(n, e) < 0)
			return -1;
		rc = push_out(n, e);
	} while (rc == 0 && nghttp2_session_want_write(n->h2) &&
	    buf_len(&n->out) == 0 && BIO_pending(n->to_net) > 0);
	return rc;
}

/* A server that is silent while calls wait is asked whether it is there. */
static int
keep_alive(struct conn *n, int64_t *until, struct rsp_error *e)
{
	int64_t now = now_ns(), due;

	if (n->pinged != 0) {
		due = n->pinged + (int64_t)PING_ANSWER_MS * NS_PER_MS;
		if (now >= due)
			return unreachable(n->client, "the server no longer "
			    "answers", e);
	} else {
		due = n->heard + (int64_t)n->client->keepalive_ms * NS_PER_MS;
		if (now >= due) {
			nghttp2_submit_ping(n->h2, NGHTTP2_FLAG_NONE, NULL);
			n->pinged = now;
			due = now + (int64_t)PING_ANSWER_MS * NS_PER_MS;
		}
	}
	if (*until == 0 || due < *until)
		*until = due;
	return 0;
}

int
conn_turn(struct conn *n, int64_t until, struct rsp_error *e)
{
	struct rsp_error why = { 0 };
	int64_t wake = until;
	int full, rc = keep_alive(n, &wake, &why);

	if (rc == 0)
		rc = full = conn_flush(n, &why);
	if (rc >= 0) {
		rc = wait_fd(n->client, n->fd,
		    (short)(POLLIN | (full == 1 ? POLLOUT : 0)), wake, &why);
		if (rc < 0) {		/* interrupted: it lives on */
			if (e != NULL)
				*e = why;
			return -1;
		}
		if (rc == 0)
			return until != 0 && now_ns() >= until;
		rc = pull_in(n, &why);
		/* What came before the end still counts. */
		if (read_frames(n, rc < 0 ? NULL : &why) < 0)
			rc = -1;
		if (rc >= 0)
			rc = conn_flush(n, &why);
	}
	if (rc >= 0)
		return 0;
	if (why.code == RSP_OK)
		unreachable(n->client, "the connection was lost", &why);
	conn_lost(n, &why);
	if (e != NULL)
		*e = why;
	return -1;
}
