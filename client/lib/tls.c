/* tls.c - see tls.h. */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fail.h"
#include "tls_words.h"

#define WARN_DAYS 30

struct rsp_tls {
	SSL_CTX *ctx;
	BIO_METHOD *bio; /* a socket whose writes raise no signal */
	char *ca_file, *cert_file;
	struct tls_cert own;
};

struct rsp_tls_link {
	SSL *ssl;
	int fd;
	bool dead;                     /* no goodbye any more */
	short read_waits, write_waits; /* POLLIN, POLLOUT */
	struct tls_words words;
	char name[256];
};

/* ---- the files ----------------------------------------------------------- */

static int
file_fail(struct rsp_error *e, const char *option, const char *file,
    const char *what)
{
	char reason[64];

	(void)snprintf(reason, sizeof reason, "%s",
	    strcmp(option, "ca_file") == 0     ? "CA_FILE"
	    : strcmp(option, "cert_file") == 0 ? "CERT_FILE"
					       : "KEY_FILE");
	ERR_clear_error();
	return rsp_fail(e, RSP_ERR_CONFIG, reason, NULL, "%s: %s: %s", option,
	    file, what);
}

/* OpenSSL tells a missing file from a bad one less well. */
static int
readable(const char *option, const char *file, struct rsp_error *e)
{
	FILE *f = fopen(file, "re");
	char first[1];
	size_t n;

	if (f == NULL)
		return file_fail(e, option, file, strerror(errno));
	errno = 0;
	n = fread(first, 1, 1, f);
	(void)fclose(f);
	if (n == 0)
		return file_fail(e, option, file,
		    errno != 0 ? strerror(errno) : "the file is empty");
	return 0;
}

static int
load_ca(struct rsp_tls *t, const struct rsp_client_opts *o, struct rsp_error *e)
{
	if (o->ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(t->ctx) == 1)
			return 0;
		ERR_clear_error();
		return rsp_fail(e, RSP_ERR_CONFIG, "CA_FILE", NULL,
		    "the system's authorities cannot be loaded: give ca_file");
	}
	if (readable("ca_file", o->ca_file, e) != 0)
		return -1;
	if ((t->ca_file = strdup(o->ca_file)) == NULL)
		return rsp_fail_nomem(e);
	if (SSL_CTX_load_verify_file(t->ctx, o->ca_file) != 1)
		return file_fail(e, "ca_file", o->ca_file,
		    "holds no certificate in PEM");
	return 0;
}

/* A library does not ask anybody for a passphrase. */
static int
no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static void warn(const struct rsp_client_opts *o, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
static void
warn(const struct rsp_client_opts *o, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (o->warn == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	o->warn(o->warn_arg, text);
}

static void
warn_of_files(const struct rsp_tls *t, const struct rsp_client_opts *o)
{
	const ASN1_TIME *end =
	    X509_get0_notAfter(SSL_CTX_get0_certificate(t->ctx));
	int days, seconds;
	struct stat st;

	if (stat(o->key_file, &st) == 0 && (st.st_mode & 077) != 0)
		warn(o,
		    "key_file: %s: others may read it (mode %04o); it "
		    "should be 0600",
		    o->key_file, st.st_mode & 07777);
	if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1)
		return;
	if (days < 0 || seconds < 0)
		warn(o, "cert_file: %s: the certificate \"%s\" expired on %s",
		    o->cert_file, t->own.subject, t->own.to);
	else if (days < WARN_DAYS)
		warn(o, "cert_file: %s: the certificate \"%s\" expires on %s",
		    o->cert_file, t->own.subject, t->own.to);
}

static int
load_key(struct rsp_tls *t, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	bool asked = false;
	int rc;

	if (readable("key_file", o->key_file, e) != 0)
		return -1;
	SSL_CTX_set_default_passwd_cb(t->ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(t->ctx, &asked);
	rc = SSL_CTX_use_PrivateKey_file(t->ctx, o->key_file, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(t->ctx, NULL);
	if (rc == 1 && SSL_CTX_check_private_key(t->ctx) == 1)
		return 0;
	if (asked)
		return file_fail(e, "key_file", o->key_file,
		    "is encrypted; store it without passphrase, mode 0600");
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509)
		return file_fail(e, "key_file", o->key_file,
		    "is not the key of the certificate in cert_file");
	return file_fail(e, "key_file", o->key_file,
	    "holds no private key in PEM");
}

static int
load_cert(struct rsp_tls *t, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	if (o->cert_file == NULL && o->key_file == NULL)
		return 0;
	if (o->cert_file == NULL || o->key_file == NULL)
		return rsp_fail(e, RSP_ERR_CONFIG,
		    o->cert_file == NULL ? "CERT_FILE" : "KEY_FILE", NULL,
		    "cert_file and key_file go together: %s is missing",
		    o->cert_file == NULL ? "cert_file" : "key_file");
	if (readable("cert_file", o->cert_file, e) != 0)
		return -1;
	if ((t->cert_file = strdup(o->cert_file)) == NULL)
		return rsp_fail_nomem(e);
	if (SSL_CTX_use_certificate_chain_file(t->ctx, o->cert_file) != 1)
		return file_fail(e, "cert_file", o->cert_file,
		    "holds no certificate in PEM");
	if (load_key(t, o, e) != 0)
		return -1;
	tls_cert_read(SSL_CTX_get0_certificate(t->ctx), &t->own);
	warn_of_files(t, o);
	return 0;
}

/* ---- a socket for OpenSSL, without SIGPIPE ------------------------------- */

static int
link_fd(BIO *b)
{
	return ((struct rsp_tls_link *)BIO_get_data(b))->fd;
}

static int
retry_or_fail(BIO *b, ssize_t n, int retry)
{
	BIO_clear_retry_flags(b);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int
socket_write(BIO *b, const char *data, int len)
{
	return retry_or_fail(b,
	    send(link_fd(b), data, (size_t)len, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int
socket_read(BIO *b, char *data, int len)
{
	ssize_t n = recv(link_fd(b), data, (size_t)len, 0);

	if (n == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return retry_or_fail(b, n, BIO_FLAGS_READ);
}

static long
socket_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
socket_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "resopro socket");

	if (m == NULL)
		return NULL;
	(void)BIO_meth_set_write(m, socket_write);
	(void)BIO_meth_set_read(m, socket_read);
	(void)BIO_meth_set_ctrl(m, socket_ctrl);
	return m;
}

/* ---- the context --------------------------------------------------------- */

/* Keep what the first failed check was about, for the words. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct rsp_tls_link *l = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!ok && l->words.verify == X509_V_OK) {
		l->words.verify = X509_STORE_CTX_get_error(store);
		/* It is found on the authority's, but is about the server's. */
		if (l->words.verify == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
			cert = X509_STORE_CTX_get0_cert(store);
		if (cert != NULL)
			tls_cert_read(cert, &l->words.peer);
	}
	return ok;
}

static int
context_set(struct rsp_tls *t, struct rsp_error *e)
{
	static const unsigned char h2[] = { 2, 'h', '2' };

	if (t->ctx == NULL || t->bio == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_alpn_protos(t->ctx, h2, sizeof h2) != 0) {
		ERR_clear_error();
		return rsp_fail_nomem(e);
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, on_verify);
	(void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					   SSL_MODE_RELEASE_BUFFERS);
	return 0;
}

struct rsp_tls *
rsp_tls_new(const struct rsp_client_opts *o, struct rsp_error *e)
{
	struct rsp_tls *t = calloc(1, sizeof *t);

	if (t == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	t->bio = socket_method();
	if (context_set(t, e) != 0 || load_ca(t, o, e) != 0 ||
	    load_cert(t, o, e) != 0) {
		rsp_tls_free(t);
		return NULL;
	}
	return t;
}

void
rsp_tls_free(struct rsp_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	free(t->ca_file);
	free(t->cert_file);
	free(t);
}

/* ---- one connection ------------------------------------------------------ */

/* Verified either way; an address does not go into SNI. */
static int
expect_name(SSL *ssl, const char *name)
{
	unsigned char addr[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, addr) == 1 ||
	    inet_pton(AF_INET6, name, addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* SSL_set_tlsext_host_name() casts const away. */
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		   TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name) == 1 &&
	       SSL_set1_host(ssl, name) == 1;
}

struct rsp_tls_link *
rsp_tls_open(struct rsp_tls *t, int fd, const char *name, struct rsp_error *e)
{
	struct rsp_tls_link *l = calloc(1, sizeof *l);
	BIO *bio;

	if (l == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	l->fd = fd;
	l->dead = true;
	rsp_text_copy(l->name, sizeof l->name, name);
	l->words = (struct tls_words){ .name = l->name,
		.ca_file = t->ca_file,
		.cert_file = t->cert_file,
		.own = t->own };
	bio = BIO_new(t->bio);
	if ((l->ssl = SSL_new(t->ctx)) == NULL || bio == NULL ||
	    !expect_name(l->ssl, name)) {
		BIO_free(bio);
		rsp_tls_close(l);
		rsp_fail_nomem(e);
		return NULL;
	}
	BIO_set_data(bio, l);
	BIO_set_init(bio, 1);
	SSL_set_bio(l->ssl, bio, bio);
	(void)SSL_set_app_data(l->ssl, l);
	return l;
}

void
rsp_tls_close(struct rsp_tls_link *l)
{
	if (l == NULL)
		return;
	ERR_clear_error();
	if (!l->dead)
		(void)SSL_shutdown(l->ssl);
	ERR_clear_error();
	SSL_free(l->ssl);
	free(l);
}

/* What a result <= 0 means: 0 wait for *events, -1 *e. */
static int
outcome(struct rsp_tls_link *l, int rc, int saved, short *events,
    struct rsp_error *e)
{
	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		saved = 0;
		break;
	case SSL_ERROR_SYSCALL:
		break;
	default:
		l->dead = true;
		if (ERR_GET_REASON(ERR_peek_error()) !=
		    SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return tls_explain(&l->words, e);
		saved = 0;
	}
	l->dead = true;
	ERR_clear_error();
	return rsp_fail(e, RSP_UNAVAILABLE, "CONNECTION_LOST", NULL, "%s%s",
	    saved == 0 ? "the server closed the connection"
		       : "the connection broke: ",
	    saved == 0 ? "" : strerror(saved));
}

static int
check_alpn(struct rsp_tls_link *l, struct rsp_error *e)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(l->ssl, &name, &len);
	if (len == 2 && memcmp(name, "h2", 2) == 0)
		return 1;
	return rsp_fail(e, RSP_ERR_TLS, "TLS_NOT_HTTP2",
	    "check host and port: it is probably another service",
	    "the server speaks TLS, but not HTTP/2");
}

int
rsp_tls_handshake(struct rsp_tls_link *l, struct rsp_error *e)
{
	int rc, saved;

	l->read_waits = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_connect(l->ssl);
	saved = errno;
	if (rc != 1)
		return outcome(l, rc, saved, &l->read_waits, e);
	l->dead = false;
	return check_alpn(l, e);
}

ssize_t
rsp_tls_read(struct rsp_tls_link *l, void *to, size_t cap, struct rsp_error *e)
{
	size_t n = 0;
	int rc, saved;

	l->read_waits = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(l->ssl, to, cap, &n);
	saved = errno;
	return rc == 1 ? (ssize_t)n : outcome(l, rc, saved, &l->read_waits, e);
}

ssize_t
rsp_tls_write(struct rsp_tls_link *l, const void *from, size_t len,
    struct rsp_error *e)
{
	size_t n = 0;
	int rc, saved;

	l->write_waits = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(l->ssl, from, len, &n);
	saved = errno;
	return rc == 1 ? (ssize_t)n : outcome(l, rc, saved, &l->write_waits, e);
}

short
rsp_tls_events(const struct rsp_tls_link *l)
{
	return (short)(l->read_waits | l->write_waits | POLLIN);
}
