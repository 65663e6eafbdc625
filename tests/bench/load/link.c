/* link.c - see link.h. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536
#define WRITE_BYTES 65536
#define EVENTS 256
#define STREAM_WINDOW (4U << 20)
#define LINK_WINDOW (64 << 20)

enum link_state { LINK_CONNECTING, LINK_TLS, LINK_OPEN, LINK_DEAD };

struct link {
	struct links *set;
	struct link *next_dirty, *next_dead;
	unsigned index;
	int fd;
	SSL *ssl;
	nghttp2_session *h2;
	enum link_state state;
	bool dirty, watches_write;
	struct stream *streams; /* open ones */
	struct buf pending;     /* not taken by the socket yet */
};

struct links {
	const struct options *o;
	const struct link_ops *ops;
	struct links_user *user;
	struct sockaddr_in to;
	int epoll;
	unsigned open;
	SSL_CTX *tls;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	struct link *dirty, *dead;
	SSL_SESSION **sessions; /* by index, to be resumed */
	unsigned n_sessions;
	uint8_t in[READ_BYTES];
	struct buf out;
};

/* ---- its end ------------------------------------------------------------- */

static void
end_streams(struct link *l)
{
	struct stream *st;

	while ((st = l->streams) != NULL) {
		l->streams = st->next;
		if (st->next != NULL)
			st->next->ref = &l->streams;
		st->error = NGHTTP2_CANCEL;
		l->set->ops->done(st);
	}
}

void
link_close(struct link *l)
{
	if (l->state == LINK_DEAD)
		return;
	l->state = LINK_DEAD;
	l->set->open--;
	l->next_dead = l->set->dead;
	l->set->dead = l;
}

static void
link_free(struct link *l)
{
	nghttp2_session_del(l->h2);
	if (l->ssl != NULL && SSL_is_init_finished(l->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(l->ssl);
	}
	SSL_free(l->ssl);
	(void)close(l->fd);
	buf_free(&l->pending);
	free(l);
}

static void
free_dead(struct links *set)
{
	struct link *l;

	while ((l = set->dead) != NULL) {
		set->dead = l->next_dead;
		end_streams(l);
		link_free(l);
	}
}

static void
lose(struct link *l, const char *why)
{
	if (l->state == LINK_DEAD)
		return;
	link_close(l);
	l->set->ops->lost(l, why);
}

/* ---- nghttp2 ------------------------------------------------------------- */

static int
on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
    void *arg)
{
	struct stream *st =
	    nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);

	(void)flags;
	(void)arg;
	if (st == NULL)
		return 0;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		st->http_status = atoi((const char *)value);
	else if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
		st->grpc_status = atoi((const char *)value);
	else if (name_len == 12 && memcmp(name, "grpc-message", 12) == 0)
		(void)snprintf(st->message, sizeof st->message, "%.*s",
		    (int)value_len, (const char *)value);
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t len, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(h2, id);
	const struct link *l = arg;

	(void)flags;
	if (st == NULL)
		return 0;
	if (buf_append(&st->answer, bytes, len) < 0)
		die("no memory for an answer");
	if (l->set->ops->data != NULL)
		l->set->ops->data(st);
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(h2, id);
	const struct link *l = arg;

	if (st == NULL)
		return 0;
	*st->ref = st->next;
	if (st->next != NULL)
		st->next->ref = st->ref;
	st->error = error;
	l->set->ops->done(st);
	return 0;
}

static ssize_t
read_body(nghttp2_session *h2, int32_t id, uint8_t *to, size_t cap,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct stream *st = source->ptr;
	size_t n = st->body_len - st->body_at;

	(void)h2;
	(void)id;
	(void)arg;
	if (n == 0 && st->open_ended)
		return NGHTTP2_ERR_DEFERRED;
	if (n > cap)
		n = cap;
	if (n > 0)
		memcpy(to, st->body + st->body_at, n);
	st->body_at += n;
	if (st->body_at == st->body_len && !st->open_ended)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int
start_http2(struct link *l)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};

	if (nghttp2_session_client_new2(&l->h2, l->set->callbacks, l,
		l->set->option) != 0 ||
	    nghttp2_submit_settings(l->h2, 0, settings, 2) != 0)
		return -1;
	return nghttp2_session_set_local_window_size(l->h2, 0, 0, LINK_WINDOW);
}

/* ---- writing ------------------------------------------------------------- */

static void
watch(struct link *l, bool write)
{
	struct epoll_event ev = { .events = EPOLLIN | (write ? EPOLLOUT : 0),
		.data.ptr = l };

	if (write == l->watches_write)
		return;
	l->watches_write = write;
	(void)epoll_ctl(l->set->epoll, EPOLL_CTL_MOD, l->fd, &ev);
}

/* The bytes that went out. */
static size_t
write_tls(struct link *l, const uint8_t *p, size_t len)
{
	size_t done = 0, n;

	while (done < len) {
		ERR_clear_error();
		if (SSL_write_ex(l->ssl, p + done, len - done, &n) == 1) {
			done += n;
			continue;
		}
		n = (size_t)SSL_get_error(l->ssl, 0);
		if (n != SSL_ERROR_WANT_WRITE && n != SSL_ERROR_WANT_READ)
			lose(l, "broken while writing");
		break;
	}
	return done;
}

static bool
write_pending(struct link *l)
{
	size_t len = buf_len(&l->pending);

	if (len == 0)
		return true;
	buf_take(&l->pending, write_tls(l, buf_head(&l->pending), len));
	if (buf_len(&l->pending) > 0)
		return false;
	buf_reset(&l->pending, 0);
	return true;
}

/* One write for all that nghttp2 has, up to a few records. */
static bool
write_some(struct link *l)
{
	struct buf *out = &l->set->out;
	const uint8_t *p;
	ssize_t n = 0;
	size_t sent;

	buf_reset(out, 4UL * WRITE_BYTES);
	while (buf_len(out) < WRITE_BYTES &&
	       (n = nghttp2_session_mem_send(l->h2, &p)) > 0)
		if (buf_append(out, p, (size_t)n) < 0)
			die("no memory to send");
	if (n < 0)
		lose(l, nghttp2_strerror((int)n));
	if (buf_len(out) == 0 || l->state == LINK_DEAD)
		return false;
	sent = write_tls(l, buf_head(out), buf_len(out));
	if (sent == buf_len(out))
		return true;
	if (buf_append(&l->pending, buf_head(out) + sent, buf_len(out) - sent) <
	    0)
		die("no memory to send");
	return false;
}

static void
flush(struct link *l)
{
	l->dirty = false;
	if (l->state != LINK_OPEN)
		return;
	if (write_pending(l))
		while (write_some(l))
			;
	if (l->state == LINK_OPEN)
		watch(l, buf_len(&l->pending) > 0);
}

static void
soil(struct link *l)
{
	if (l->dirty)
		return;
	l->dirty = true;
	l->next_dirty = l->set->dirty;
	l->set->dirty = l;
}

static void
flush_dirty(struct links *set)
{
	struct link *l;

	while ((l = set->dirty) != NULL) {
		set->dirty = l->next_dirty;
		flush(l);
	}
}

/* ---- reading ------------------------------------------------------------- */

static void
read_some(struct link *l)
{
	struct links *set = l->set;
	size_t n;

	while (l->state == LINK_OPEN) {
		ERR_clear_error();
		if (SSL_read_ex(l->ssl, set->in, sizeof set->in, &n) != 1) {
			int why = SSL_get_error(l->ssl, 0);

			if (why != SSL_ERROR_WANT_READ &&
			    why != SSL_ERROR_WANT_WRITE)
				lose(l, why == SSL_ERROR_ZERO_RETURN
					    ? "closed by the server"
					    : "broken while reading");
			break;
		}
		if (nghttp2_session_mem_recv(l->h2, set->in, n) != (ssize_t)n) {
			lose(l, "HTTP/2 error");
			break;
		}
	}
	soil(l);
}

/* ---- opening ------------------------------------------------------------- */

static void
handshake(struct link *l)
{
	int rc, why;

	ERR_clear_error();
	rc = SSL_do_handshake(l->ssl);
	if (rc == 1) {
		l->state = LINK_OPEN;
		watch(l, false);
		if (start_http2(l) != 0)
			die("HTTP/2 session");
		soil(l);
		l->set->ops->opened(l);
		return;
	}
	why = SSL_get_error(l->ssl, rc);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		watch(l, why == SSL_ERROR_WANT_WRITE);
	else
		lose(l, "TLS handshake failed");
}

static void
connected(struct link *l)
{
	int error = 0;
	socklen_t len = sizeof error;

	(void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		lose(l, strerror(error));
		return;
	}
	l->state = LINK_TLS;
	handshake(l);
}

/* Many connections from one address would run into the server's limit. */
static void
bind_source(int fd, const struct options *o, unsigned index)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int on = 1;

	if (o->sources <= 1)
		return;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof on);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % o->sources);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
		die("bind: %s", strerror(errno));
}

static int
dial(const struct links *set, unsigned index)
{
	int on = 1,
	    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	bind_source(fd, set->o, index);
	if (connect(fd, (const struct sockaddr *)&set->to, sizeof set->to) !=
		0 &&
	    errno != EINPROGRESS && errno != ECONNREFUSED)
		die("connect to %s: %s", set->o->server, strerror(errno));
	return fd;
}

static void
use_session(struct link *l)
{
	struct links *set = l->set;
	SSL_SESSION *s =
	    l->index < set->n_sessions ? set->sessions[l->index] : NULL;

	if (s == NULL || !set->o->resume)
		return;
	set->sessions[l->index] = NULL; /* good for once */
	(void)SSL_set_session(l->ssl, s);
	SSL_SESSION_free(s);
}

struct link *
link_open(struct links *set, unsigned index)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	struct link *l = calloc(1, sizeof *l);
	char name[256];

	if (l == NULL)
		die("no memory for a connection");
	l->set = set;
	l->index = index;
	l->fd = dial(set, index);
	l->ssl = SSL_new(set->tls);
	(void)snprintf(name, sizeof name, "%s", set->o->authority);
	if (l->ssl == NULL || SSL_set_fd(l->ssl, l->fd) != 1 ||
	    SSL_set1_host(l->ssl, name) != 1 ||
	    SSL_set_tlsext_host_name(l->ssl, name) != 1)
		die("no memory for a connection");
	SSL_set_connect_state(l->ssl);
	(void)SSL_set_ex_data(l->ssl, 0, l);
	use_session(l);
	l->watches_write = true;
	ev.data.ptr = l;
	if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, l->fd, &ev) != 0)
		die("epoll: %s", strerror(errno));
	set->open++;
	return l;
}

unsigned
link_index(const struct link *l)
{
	return l->index;
}

struct links_user *
link_user(const struct link *l)
{
	return l->set->user;
}

bool
link_is_open(const struct link *l)
{
	return l->state == LINK_OPEN;
}

bool
link_resumed(const struct link *l)
{
	return SSL_session_reused(l->ssl) == 1;
}

/* ---- calls --------------------------------------------------------------- */

#define NV(name, value)                                                        \
	{                                                                      \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value),   \
		    strlen(name), strlen(value),                               \
		    NGHTTP2_NV_FLAG_NO_COPY_NAME |                             \
			NGHTTP2_NV_FLAG_NO_COPY_VALUE                          \
	}

void
link_call(struct link *l, const struct target *t, struct stream *st)
{
	const nghttp2_nv nv[] = {
		NV(":method", t->plain ? "GET" : "POST"),
		NV(":scheme", "https"),
		NV(":authority", l->set->o->authority),
		NV(":path", st->path != NULL ? st->path : t->path),
		NV("te", "trailers"),
		NV("content-type", "application/grpc"),
	};
	nghttp2_data_provider body = { .source.ptr = st,
		.read_callback = read_body };
	size_t n = t->plain ? 4 : sizeof nv / sizeof nv[0];

	st->link = l;
	st->body_at = 0;
	st->http_status = st->grpc_status = -1;
	st->error = 0;
	st->message[0] = '\0';
	buf_reset(&st->answer, 1U << 20);
	st->id = nghttp2_submit_request(l->h2, NULL, nv, n,
	    t->plain ? NULL : &body, st);
	if (st->id < 0)
		die("request: %s", nghttp2_strerror(st->id));
	st->next = l->streams;
	st->ref = &l->streams;
	if (st->next != NULL)
		st->next->ref = &st->next;
	l->streams = st;
	soil(l);
}

void
link_more(struct stream *st)
{
	(void)nghttp2_session_resume_data(st->link->h2, st->id);
	soil(st->link);
}

/* ---- the set ------------------------------------------------------------- */

/* TLS 1.3 sends them after the handshake. */
static int
new_session(SSL *ssl, SSL_SESSION *s)
{
	const struct link *l = SSL_get_ex_data(ssl, 0);
	struct links *set = l->set;

	if (!set->o->resume || l->index >= set->n_sessions)
		return 0;
	SSL_SESSION_free(set->sessions[l->index]);
	set->sessions[l->index] = s;
	return 1; /* it is ours */
}

static void
make_tls(struct links *set)
{
	static const unsigned char h2[] = { 2, 'h', '2' };
	const struct options *o = set->o;
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	set->tls = c;
	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(c, o->ciphers) != 1 ||
	    SSL_CTX_set_alpn_protos(c, h2, sizeof h2) != 0)
		die("TLS: cannot use ciphers %s", o->ciphers);
	if (SSL_CTX_load_verify_locations(c, o->ca, NULL) != 1)
		die("TLS: cannot read --ca %s", o->ca);
	if (o->cert != NULL &&
	    (SSL_CTX_use_certificate_chain_file(c, o->cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(c, o->key, SSL_FILETYPE_PEM) != 1))
		die("TLS: cannot use --cert %s with --key %s", o->cert, o->key);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_read_buffer_len(c, READ_BYTES);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_NO_AUTO_CHAIN);
	(void)SSL_CTX_set_session_cache_mode(c,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c, new_session);
}

static void
make_http2(struct links *set)
{
	if (nghttp2_session_callbacks_new(&set->callbacks) != 0 ||
	    nghttp2_option_new(&set->option) != 0)
		die("no memory");
	nghttp2_option_set_no_closed_streams(set->option, 1);
	/* How many a server allows it says later: do not wait for that. */
	nghttp2_option_set_peer_max_concurrent_streams(set->option, 10000);
	nghttp2_session_callbacks_set_on_header_callback(set->callbacks,
	    on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    set->callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(set->callbacks,
	    on_close);
}

static void
find_server(struct links *set)
{
	char host[64];
	const char *colon = strrchr(set->o->server, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - set->o->server);

	if (len == 0 || len >= sizeof host)
		die("--server %s: not an IPv4 address and port",
		    set->o->server);
	memcpy(host, set->o->server, len);
	host[len] = '\0';
	set->to.sin_family = AF_INET;
	set->to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &set->to.sin_addr) != 1)
		die("--server %s: not an IPv4 address and port",
		    set->o->server);
}

static void
raise_files(void)
{
	struct rlimit r;

	(void)getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

void
links_new(struct links_user *user, const struct options *o,
    const struct link_ops *ops)
{
	struct links *set = calloc(1, sizeof *set);

	if (set == NULL)
		die("no memory");
	(void)signal(SIGPIPE, SIG_IGN);
	raise_files();
	set->o = o;
	set->ops = ops;
	set->user = user;
	user->links = set;
	find_server(set);
	make_tls(set);
	make_http2(set);
	set->n_sessions = o->resume ? o->connections : 0;
	set->sessions = calloc(set->n_sessions + 1, sizeof(SSL_SESSION *));
	set->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (set->sessions == NULL || set->epoll < 0)
		die("no memory");
}

void
links_free(struct links *set)
{
	free_dead(set);
	for (unsigned i = 0; i < set->n_sessions; i++)
		SSL_SESSION_free(set->sessions[i]);
	free((void *)set->sessions);
	SSL_CTX_free(set->tls);
	nghttp2_session_callbacks_del(set->callbacks);
	nghttp2_option_del(set->option);
	(void)close(set->epoll);
	buf_free(&set->out);
	free(set);
}

unsigned
links_open(const struct links *set)
{
	return set->open;
}

static void
ready(struct link *l)
{
	switch (l->state) {
	case LINK_CONNECTING:
		connected(l);
		break;
	case LINK_TLS:
		handshake(l);
		break;
	case LINK_OPEN:
		read_some(l);
		break;
	case LINK_DEAD:
		break;
	}
}

void
links_turn(struct links *set, int64_t deadline)
{
	struct epoll_event ev[EVENTS];
	struct timespec wait;
	int64_t left;
	int n;

	flush_dirty(set);
	left = deadline - now_ns();
	if (left < 0)
		left = 0;
	wait.tv_sec = left / NS_PER_S;
	wait.tv_nsec = left % NS_PER_S;
	n = epoll_pwait2(set->epoll, ev, EVENTS, &wait, NULL);
	for (int i = 0; i < n; i++)
		ready(ev[i].data.ptr);
	flush_dirty(set);
	free_dead(set);
}
