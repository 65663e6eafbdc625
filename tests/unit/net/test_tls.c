/* The server's side of TLS: files, who is let in, resumption, reload. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls.h"

#include "../../support/pki.h"

#define DAY 86400L

static struct pki *pki, *stranger; /* the latter: another CA */

/* ---- files ------------------------------------------------------------- */

static struct tls_opts
good_opts(void)
{
	return (struct tls_opts){
		.cert_file = pki_path(pki, "server.pem"),
		.key_file = pki_path(pki, "server.key"),
		.ca_file = pki_path(pki, "ca.pem"),
	};
}

static struct tls_server *
make(const struct tls_opts *o)
{
	struct err e = { 0 };
	struct tls_server *t = tls_server_new(o, &e);

	if (t == NULL)
		fail_msg("%s", e.msg);
	return t;
}

static void
assert_refused(const struct tls_opts *o, enum err_code code, const char *word)
{
	struct err e = { 0 };

	assert_null(tls_server_new(o, &e));
	assert_int_equal(e.code, code);
	if (strstr(e.msg, word) == NULL)
		fail_msg("\"%s\" is not in: %s", word, e.msg);
}

static void
tls_server_new__each_bad_file__is_named(void **state)
{
	struct tls_opts o = good_opts();

	(void)state;
	o.cert_file = "/nonexistent/server.pem";
	assert_refused(&o, ERR_IO, "/nonexistent/server.pem");
	o = good_opts();
	o.key_file = pki_path(pki, "client.key");
	assert_refused(&o, ERR_INVALID, "client.key");
	o = good_opts();
	o.cert_file = pki_path(pki, "garbage.pem");
	assert_refused(&o, ERR_INVALID, "garbage.pem");
	o = good_opts();
	o.ca_file = pki_path(pki, "garbage.pem");
	assert_refused(&o, ERR_INVALID, "garbage.pem");
	o = good_opts();
	o.ca_file = NULL;
	assert_refused(&o, ERR_INVALID, "CA");
	o = good_opts();
	o.crl_file = pki_path(pki, "garbage.pem");
	assert_refused(&o, ERR_INVALID, "garbage.pem");
	o = good_opts();
	o.cert_file = pki_path(pki, "old-server.pem");
	o.key_file = pki_path(pki, "old-server.key");
	assert_refused(&o, ERR_INVALID, "expired");
	o.cert_file = pki_path(pki, "early-server.pem");
	o.key_file = pki_path(pki, "early-server.key");
	assert_refused(&o, ERR_INVALID, "not valid yet");
}

static void
tls_server_not_after__is_that_of_the_certificate(void **state)
{
	struct tls_opts o = good_opts();
	struct tls_server *t = make(&o);
	int64_t left = tls_server_not_after(t) - (int64_t)time(NULL);

	(void)state;
	assert_true(left > 3500 && left <= 3600);
	tls_server_free(t);
	tls_server_free(NULL);
}

/* ---- handshakes, over a socket pair ------------------------------------ */

struct client {
	pthread_t thread;
	SSL *ssl;
	SSL_SESSION *session; /* offered, and then what came */
	bool reused;
};

static int
new_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

/* Connects, and waits for one byte: what the server thinks shows there. */
static void *
client_run(void *arg)
{
	struct client *c = arg;
	char byte;

	if (SSL_connect(c->ssl) == 1)
		(void)SSL_read(c->ssl, &byte, 1);
	c->reused = SSL_session_reused(c->ssl) == 1;
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
	return NULL;
}

static void
client_start(struct client *c, SSL_CTX *ctx, int fd)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, new_session);
	c->ssl = SSL_new(ctx);
	assert_non_null(c->ssl);
	SSL_set_app_data(c->ssl, c);
	if (c->session != NULL)
		assert_int_equal(SSL_set_session(c->ssl, c->session), 1);
	assert_int_equal(SSL_set_fd(c->ssl, fd), 1);
	assert_int_equal(pthread_create(&c->thread, NULL, client_run, c), 0);
}

/* What the server makes of a client: 0, or -1 with the reason. */
static int
judge(struct tls_server *t, SSL_CTX *ctx, struct client *c, struct peer *p,
    bool *trusted, struct err *e)
{
	int fds[2], rc = -1;
	SSL *ssl;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	memset(p, 0, sizeof *p);
	client_start(c, ctx, fds[1]);
	ssl = tls_accept(t, fds[0], NULL);
	assert_non_null(ssl);
	if (SSL_do_handshake(ssl) == 1)
		rc = tls_accepted(ssl, p, e);
	else
		tls_failure(ssl, e);
	if (rc == 0)
		assert_int_equal(SSL_write(ssl, "!", 1), 1);
	if (trusted != NULL) {
		assert_int_equal(tls_server_reload(t, e), 0);
		*trusted = tls_still_trusted(t, ssl, e);
	}
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	(void)close(fds[0]);
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	SSL_free(c->ssl);
	(void)close(fds[1]);
	return rc;
}

static int
judge_leaf(const struct tls_opts *o, struct pki *of, const char *leaf,
    struct peer *p, struct err *e)
{
	struct tls_server *t = make(o);
	struct client c = { 0 };
	SSL_CTX *ctx;
	int rc;

	if (of != pki) /* a stranger that trusts our server */
		ctx = pki_client(pki, NULL);
	else
		ctx = pki_client(pki, leaf);
	if (of != pki) {
		char file[64];

		(void)snprintf(file, sizeof file, "%s.pem", leaf);
		assert_int_equal(SSL_CTX_use_certificate_file(ctx,
				     pki_path(of, file), SSL_FILETYPE_PEM),
		    1);
		(void)snprintf(file, sizeof file, "%s.key", leaf);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx,
				     pki_path(of, file), SSL_FILETYPE_PEM),
		    1);
	}
	rc = judge(t, ctx, &c, p, NULL, e);
	SSL_SESSION_free(c.session);
	SSL_CTX_free(ctx);
	tls_server_free(t);
	return rc;
}

static void
handshake__good_certificate__says_who_it_is(void **state)
{
	struct tls_opts o = good_opts();
	struct err e = { 0 };
	struct peer p;

	(void)state;
	assert_int_equal(judge_leaf(&o, pki, "client", &p, &e), 0);
	assert_true(p.has_cert);
	assert_string_equal(p.san_uri, "resopro:account:cio-14");
	assert_string_equal(p.subject_cn, "client");
	assert_string_equal(p.serial, "07");
	assert_true(p.not_after > (int64_t)time(NULL));
}

static void
handshake__each_bad_certificate__refused_with_its_reason(void **state)
{
	const struct {
		struct pki *of;
		const char *leaf, *word;
	} rows[] = {
		{ pki, "old", "expired" },
		{ pki, "early", "not valid yet" },
		{ pki, "revoked", "revoked" },
		{ pki, "server", "not for TLS clients" },
		{ stranger, "client", "another CA" },
		{ pki, NULL, "did not return a certificate" },
	};
	struct tls_opts o = good_opts();

	(void)state;
	o.crl_file = pki_path(pki, "ca.crl");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { 0 };
		struct peer p;

		assert_int_equal(judge_leaf(&o, rows[i].of, rows[i].leaf, &p,
				     &e),
		    -1);
		assert_int_equal(e.code, ERR_UNAUTHENTICATED);
		if (strstr(e.msg, rows[i].word) == NULL)
			fail_msg("\"%s\" is not in: %s", rows[i].word, e.msg);
		assert_false(p.has_cert);
	}
}

static void
handshake__certificate_only_requested__none_passes_a_bad_one_does_not(
    void **state)
{
	struct tls_opts o = good_opts();
	struct err e = { 0 };
	struct peer p;

	(void)state;
	o.client_cert = TLS_CERT_REQUESTED;
	assert_int_equal(judge_leaf(&o, pki, NULL, &p, &e), 0);
	assert_false(p.has_cert);
	assert_int_equal(judge_leaf(&o, pki, "old", &p, &e), -1);
	assert_int_equal(judge_leaf(&o, stranger, "client", &p, &e), -1);
}

static void
handshake__no_h2_offered__refused(void **state)
{
	static const unsigned char http1[] = "\x08http/1.1";
	struct tls_opts o = good_opts();
	struct tls_server *t = make(&o);
	SSL_CTX *ctx = pki_client(pki, "client");
	struct client c = { 0 };
	struct err e = { 0 };
	struct peer p;

	(void)state;
	assert_int_equal(SSL_CTX_set_alpn_protos(ctx, http1, 9), 0);
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), -1);
	assert_int_equal(SSL_CTX_set_alpn_protos(ctx, NULL, 0), 0);
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "h2"));
	SSL_SESSION_free(c.session);
	SSL_CTX_free(ctx);
	tls_server_free(t);
}

static void
handshake__tls_1_2__only_where_allowed(void **state)
{
	struct tls_opts o = good_opts();
	SSL_CTX *ctx = pki_client(pki, "client");

	(void)state;
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
	for (int allowed = 0; allowed < 2; allowed++) {
		struct client c = { 0 };
		struct err e = { 0 };
		struct tls_server *t;
		struct peer p;

		o.allow_tls12 = allowed == 1;
		t = make(&o);
		assert_int_equal(judge(t, ctx, &c, &p, NULL, &e),
		    allowed == 1 ? 0 : -1);
		SSL_SESSION_free(c.session);
		tls_server_free(t);
	}
	SSL_CTX_free(ctx);
}

/* ---- resumption and reload --------------------------------------------- */

static void
handshake__second_time__is_resumed_and_still_knows_who(void **state)
{
	struct tls_opts o = good_opts();
	struct tls_server *t = make(&o);
	SSL_CTX *ctx = pki_client(pki, "client");
	struct client c = { 0 };
	struct err e = { 0 };
	struct peer p;

	(void)state;
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), 0);
	assert_false(c.reused);
	assert_non_null(c.session);
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), 0);
	assert_true(c.reused);
	assert_true(p.has_cert);
	assert_string_equal(p.san_uri, "resopro:account:cio-14");
	/* A reload forgets it: who is trusted may have changed. */
	assert_int_equal(tls_server_reload(t, &e), 0);
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), 0);
	assert_false(c.reused);
	SSL_SESSION_free(c.session);
	SSL_CTX_free(ctx);
	tls_server_free(t);
}

static void
reload__client_revoked__no_longer_trusted_nor_let_in(void **state)
{
	static const long serials[] = { 7 };
	struct tls_opts o = good_opts();
	struct tls_server *t;
	SSL_CTX *ctx = pki_client(pki, "client");
	struct client c = { 0 };
	struct err e = { 0 };
	struct peer p;
	bool trusted;

	(void)state;
	pki_write_crl(pki, "live.crl", NULL, 0);
	o.crl_file = pki_path(pki, "live.crl");
	t = make(&o);
	assert_int_equal(judge(t, ctx, &c, &p, &trusted, &e), 0);
	assert_true(trusted);
	pki_write_crl(pki, "live.crl", serials, 1);
	assert_int_equal(judge(t, ctx, &c, &p, &trusted, &e), 0);
	assert_false(trusted); /* the reload came during the connection */
	assert_non_null(strstr(e.msg, "revoked"));
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), -1);
	assert_int_equal(tls_server_generation(t), 2);
	SSL_SESSION_free(c.session);
	SSL_CTX_free(ctx);
	tls_server_free(t);
}

static void
reload__a_file_is_broken__the_set_in_use_stays(void **state)
{
	struct tls_opts o = good_opts();
	struct tls_server *t;
	SSL_CTX *ctx = pki_client(pki, "client");
	struct client c = { 0 };
	struct err e = { 0 };
	struct peer p;

	(void)state;
	pki_write_crl(pki, "broken.crl", NULL, 0);
	o.crl_file = pki_path(pki, "broken.crl");
	t = make(&o);
	pki_write(pki, "broken.crl", "nonsense\n");
	assert_int_equal(tls_server_reload(t, &e), -1);
	assert_non_null(strstr(e.msg, "broken.crl"));
	assert_int_equal(tls_server_generation(t), 0);
	assert_int_equal(judge(t, ctx, &c, &p, NULL, &e), 0);
	SSL_SESSION_free(c.session);
	SSL_CTX_free(ctx);
	tls_server_free(t);
}

static void
issue_all(void)
{
	const struct pki_leaf leaves[] = {
		{ .name = "server", .server = true },
		{ .name = "old-server",
		    .server = true,
		    .from = -2 * DAY,
		    .to = -DAY },
		{ .name = "early-server",
		    .server = true,
		    .from = DAY,
		    .to = 2 * DAY },
		{ .name = "client",
		    .uri = "resopro:account:cio-14",
		    .serial = 7 },
		{ .name = "old", .from = -2 * DAY, .to = -60 },
		{ .name = "early", .from = DAY, .to = 2 * DAY },
		{ .name = "revoked", .serial = 13 },
	};

	for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
		pki_issue(pki, &leaves[i]);
	pki_issue(stranger, &(struct pki_leaf){ .name = "client" });
}

static int
make_pki(void **state)
{
	static const long revoked[] = { 12, 13 };

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	pki = pki_new();
	stranger = pki_new();
	issue_all();
	pki_write(pki, "garbage.pem", "not PEM\n");
	pki_write_crl(pki, "ca.crl", revoked, 2);
	return 0;
}

static int
free_pki(void **state)
{
	(void)state;
	pki_free(pki);
	pki_free(stranger);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_server_new__each_bad_file__is_named),
		cmocka_unit_test(
		    tls_server_not_after__is_that_of_the_certificate),
		cmocka_unit_test(handshake__good_certificate__says_who_it_is),
		cmocka_unit_test(
		    handshake__each_bad_certificate__refused_with_its_reason),
		cmocka_unit_test(
		    handshake__certificate_only_requested__none_passes_a_bad_one_does_not),
		cmocka_unit_test(handshake__no_h2_offered__refused),
		cmocka_unit_test(handshake__tls_1_2__only_where_allowed),
		cmocka_unit_test(
		    handshake__second_time__is_resumed_and_still_knows_who),
		cmocka_unit_test(
		    reload__client_revoked__no_longer_trusted_nor_let_in),
		cmocka_unit_test(
		    reload__a_file_is_broken__the_set_in_use_stays),
	};

	return cmocka_run_group_tests(tests, make_pki, free_pki);
}
