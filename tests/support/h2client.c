/* h2client.c - see h2client.h. */
#include "h2client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

#define STREAMS 2048
#define WAIT_SECONDS 20

struct h2c {
	int fd;
	SSL *ssl;
	nghttp2_session *h2;
	unsigned goaways, reads;
	int alert;
	bool ended_well;
	uint32_t goaway_error;
	int32_t goaway_last_id;
	uint8_t raw[65536];
	size_t raw_len;
	struct {
		const uint8_t *p;
		size_t len;
	} body[STREAMS];
	struct h2c_answer answers[STREAMS];
};

static struct h2c_answer *
answer_of(struct h2c *c, int32_t id)
{
	size_t i = (size_t)id / 2;

	assert(id > 0 && i < STREAMS);
	return &c->answers[i];
}

/* ---- bytes ------------------------------------------------------------- */

static int
dial(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert(fd >= 0);
	assert(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
	assert(
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0);
	assert(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
	assert(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	return fd;
}

struct h2c *
h2c_connect(uint16_t port, SSL_CTX *tls)
{
	struct h2c *c = calloc(1, sizeof *c);

	assert(c != NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	c->fd = dial(port);
	if (tls == NULL)
		return c;
	c->ssl = SSL_new(tls);
	assert(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
	if (SSL_connect(c->ssl) == 1)
		return c;
	h2c_free(c);
	return NULL;
}

void
h2c_free(struct h2c *c)
{
	if (c == NULL)
		return;
	nghttp2_session_del(c->h2);
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	(void)close(c->fd);
	free(c);
}

bool
h2c_write(struct h2c *c, const void *p, size_t len)
{
	size_t n;

	if (c->ssl != NULL)
		return SSL_write_ex(c->ssl, p, len, &n) == 1;
	return send(c->fd, p, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* 0: closed or reset by the server; it must not time out. */
size_t
h2c_read(struct h2c *c, void *to, size_t cap)
{
	size_t got = 0;
	ssize_t n;
	int why;

	c->reads++;
	if (c->ssl != NULL) {
		if (SSL_read_ex(c->ssl, to, cap, &got) == 1)
			return got;
		why = SSL_get_error(c->ssl, 0);
		assert(why != SSL_ERROR_WANT_READ);
		c->ended_well = why == SSL_ERROR_ZERO_RETURN;
		c->alert = ERR_GET_REASON(ERR_peek_error());
		ERR_clear_error();
		return 0;
	}
	n = recv(c->fd, to, cap, 0);
	assert(n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK));
	c->ended_well = n == 0;
	return n < 0 ? 0 : (size_t)n;
}

/* ---- raw --------------------------------------------------------------- */

bool
h2c_write_frame(struct h2c *c, uint8_t type, uint8_t flags, int32_t id,
    const void *payload, size_t len)
{
	uint8_t frame[9 + 16384] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8),
		(uint8_t)len, type, flags };
	uint32_t be = htonl((uint32_t)id);

	assert(len <= 16384);
	memcpy(frame + 5, &be, 4);
	if (len > 0)
		memcpy(frame + 9, payload, len);
	return h2c_write(c, frame, 9 + len);
}

void
h2c_write_preface(struct h2c *c)
{
	assert(h2c_write(c, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN));
	assert(h2c_write_frame(c, NGHTTP2_SETTINGS, 0, 0, NULL, 0));
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void
saw_goaway(struct h2c *c, int32_t last_id, uint32_t error)
{
	c->goaways++;
	c->goaway_last_id = last_id;
	c->goaway_error = error;
}

static void
scan_frames(struct h2c *c)
{
	size_t at = 0;

	while (c->raw_len - at >= 9) {
		const uint8_t *f = c->raw + at;
		size_t len = be32(f) >> 8;

		if (c->raw_len - at < 9 + len)
			break;
		if (f[3] == NGHTTP2_GOAWAY)
			saw_goaway(c, (int32_t)be32(f + 9), be32(f + 13));
		at += 9 + len;
	}
	c->raw_len -= at;
	memmove(c->raw, c->raw + at, c->raw_len);
}

void
h2c_read_to_end(struct h2c *c)
{
	size_t n;

	while ((n = h2c_read(c, c->raw + c->raw_len,
		    sizeof c->raw - c->raw_len)) > 0) {
		c->raw_len += n;
		scan_frames(c);
	}
}

/* ---- well behaved ------------------------------------------------------ */

static int
on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
    void *arg)
{
	struct h2c_answer *a = answer_of(arg, f->hd.stream_id);

	(void)h2;
	(void)flags;
	a->headers = true;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		a->status = (unsigned)atoi((const char *)value);
	if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0 &&
	    value_len < sizeof a->trailer)
		memcpy(a->trailer, value, value_len);
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t len, void *arg)
{
	struct h2c_answer *a = answer_of(arg, id);

	(void)h2;
	(void)flags;
	for (size_t i = 0; i < len; i++, a->body_len++)
		if (a->body_len < sizeof a->body)
			a->body[a->body_len] = bytes[i];
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *arg)
{
	struct h2c_answer *a = answer_of(arg, id);

	(void)h2;
	a->closed = true;
	a->error = error;
	return 0;
}

static ssize_t
read_body(nghttp2_session *h2, int32_t id, uint8_t *to, size_t cap,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2c *c = arg;
	size_t i = (size_t)id / 2, n = c->body[i].len;

	(void)h2;
	(void)source;
	if (n > cap)
		n = cap;
	if (n > 0)
		memcpy(to, c->body[i].p, n);
	c->body[i].p += n;
	c->body[i].len -= n;
	if (c->body[i].len == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

void
h2c_start(struct h2c *c, uint32_t stream_window, int32_t connection_window)
{
	nghttp2_session_callbacks *cb;
	nghttp2_settings_entry window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		stream_window };

	assert(nghttp2_session_callbacks_new(&cb) == 0);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	assert(nghttp2_session_client_new(&c->h2, cb, c) == 0);
	nghttp2_session_callbacks_del(cb);
	assert(nghttp2_submit_settings(c->h2, 0, &window,
		   stream_window == 0 ? 0 : 1) == 0);
	if (connection_window != 0)
		assert(nghttp2_session_set_local_window_size(c->h2, 0, 0,
			   connection_window) == 0);
}

#define NV(name, value)                                                        \
	{                                                                      \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value),   \
		    strlen(name), strlen(value), 0                             \
	}

static int32_t
submit(struct h2c *c, const char *path, const void *body, size_t len,
    const char *extra)
{
	nghttp2_nv nv[] = {
		NV(":method", len == 0 ? "GET" : "POST"),
		NV(":scheme", "https"),
		NV(":authority", "localhost"),
		NV(":path", path),
		NV("x-extra", extra),
	};
	nghttp2_data_provider provider = { .read_callback = read_body };
	int32_t id = nghttp2_submit_request(c->h2, NULL, nv,
	    sizeof nv / sizeof nv[0], len == 0 ? NULL : &provider, NULL);

	assert(id > 0 && id / 2 < STREAMS);
	c->body[id / 2].p = body;
	c->body[id / 2].len = len;
	return id;
}

int32_t
h2c_request(struct h2c *c, const char *path, const void *body, size_t len)
{
	return submit(c, path, body, len, "");
}

int32_t
h2c_request_big(struct h2c *c, const char *path, size_t len)
{
	char *extra = malloc(len + 1);
	int32_t id;

	assert(extra != NULL);
	memset(extra, 'x', len);
	extra[len] = '\0';
	id = submit(c, path, NULL, 0, extra);
	free(extra);
	return id;
}

void
h2c_reset(struct h2c *c, int32_t id)
{
	assert(nghttp2_submit_rst_stream(c->h2, 0, id, NGHTTP2_CANCEL) == 0);
}

void
h2c_ping(struct h2c *c)
{
	assert(nghttp2_submit_ping(c->h2, 0, NULL) == 0);
}

void
h2c_flush(struct h2c *c)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->h2, &p)) > 0)
		if (!h2c_write(c, p, (size_t)n))
			return;
	assert(n == 0);
}

/* GOAWAY is looked for in the bytes: nghttp2 ignores the second of two. */
bool
h2c_step(struct h2c *c)
{
	uint8_t *in = c->raw + c->raw_len;
	size_t n;

	h2c_flush(c);
	n = h2c_read(c, in, 16384);
	if (n == 0)
		return false;
	assert(nghttp2_session_mem_recv(c->h2, in, n) == (ssize_t)n);
	c->raw_len += n;
	scan_frames(c);
	return true;
}

bool
h2c_finish(struct h2c *c, int32_t id)
{
	while (!answer_of(c, id)->closed)
		if (!h2c_step(c))
			return false;
	return true;
}

void
h2c_until_closed(struct h2c *c)
{
	while (h2c_step(c))
		;
}

const struct h2c_answer *
h2c_answer(const struct h2c *c, int32_t id)
{
	assert(id > 0 && id / 2 < STREAMS);
	return &c->answers[id / 2];
}

/* ---- both -------------------------------------------------------------- */

unsigned
h2c_goaways(const struct h2c *c)
{
	return c->goaways;
}

uint32_t
h2c_goaway_error(const struct h2c *c)
{
	return c->goaway_error;
}

int32_t
h2c_goaway_last_id(const struct h2c *c)
{
	return c->goaway_last_id;
}

unsigned
h2c_reads(const struct h2c *c)
{
	return c->reads;
}

bool
h2c_ended_well(const struct h2c *c)
{
	return c->ended_well;
}

int
h2c_alert(const struct h2c *c)
{
	return c->alert;
}

size_t
h2c_unread(const struct h2c *c)
{
	int n = 0;

	assert(ioctl(c->fd, FIONREAD, &n) == 0);
	return (size_t)n;
}
