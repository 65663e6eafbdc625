/* How libresopro connects, and what it says when it cannot. */
#include "harness.h"

#include <openssl/ssl.h>
#include <sys/eventfd.h>

#include "../../../client/lib/clock.h"

READ(Echo);

static char warned[512];

static void
on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(warned, sizeof warned, "%s", text);
}

static void
assert_connect_fails(struct fixture *f, const struct rsp_client_opts *o,
    enum rsp_code code, const char *reason, const char *words)
{
	assert_non_null(client_with(f, o));
	assert_int_equal(rsp_client_connect(f->client, &f->e), -1);
	if (f->e.code != code || strcmp(f->e.reason, reason) != 0 ||
	    strstr(f->e.msg, words) == NULL)
		fail_msg("%s, %s: %s", rsp_code_name(f->e.code), f->e.reason,
		    f->e.msg);
	assert_string_not_equal(f->e.remedy, "");
	assert_int_equal(strncmp(f->e.msg, o->server, strlen(o->server)), 0);
}

/* ---- names --------------------------------------------------------------- */

static void
connect__by_name_or_address__both_verified(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char where[64];

	assert_int_equal(rsp_client_connect(f->client, &f->e), 0);
	assert_int_equal(rsp_client_connect(f->client, &f->e), 0);
	(void)snprintf(where, sizeof where, "127.0.0.1:%s", f->port);
	o.server = where;
	assert_non_null(client_with(f, &o));
	assert_answer(f, &Echo, "a", "a");
}

static void
connect__certificate_of_another_name__says_both(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);

	o.server_name = "registre.example.org";
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_WRONG_NAME",
	    "is for DNS:localhost, IP Address:127.0.0.1, "
	    "not for \"registre.example.org\"");
	o.server_name = "192.0.2.1";
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_WRONG_NAME",
	    "not for \"192.0.2.1\"");
}

static void
connect__other_authority__says_who_signed(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct pki *other = pki_new();

	o.ca_file = pki_path(other, "ca.pem");
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_UNKNOWN_AUTHORITY",
	    "the server's certificate \"server\" is signed by");
	assert_non_null(strstr(f->e.remedy, "ca.pem"));
	pki_free(other);
}

/* ---- a server whose certificate is out of date --------------------------- */

static int
choose_h2(SSL *ssl, const unsigned char **out, unsigned char *len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)in_len;
	(void)arg;
	*out = in + 1;
	*len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

/* One handshake on `fd` with this certificate; `ca`: clients need one of it,
 * and HTTP/2 is spoken. */
static pid_t
shake_once(struct fixture *f, int fd, const char *leaf, const char *ca)
{
	pid_t pid = fork();
	SSL_CTX *ctx;
	SSL *ssl;
	char file[128];
	int peer;

	if (pid != 0)
		return pid;
	ctx = SSL_CTX_new(TLS_server_method());
	(void)snprintf(file, sizeof file, "%s.pem", leaf);
	SSL_CTX_use_certificate_file(ctx, pki_path(f->pki, file),
	    SSL_FILETYPE_PEM);
	(void)snprintf(file, sizeof file, "%s.key", leaf);
	SSL_CTX_use_PrivateKey_file(ctx, pki_path(f->pki, file),
	    SSL_FILETYPE_PEM);
	if (ca != NULL) {
		SSL_CTX_load_verify_file(ctx, pki_path(f->pki, ca));
		SSL_CTX_set_verify(ctx,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		SSL_CTX_set_alpn_select_cb(ctx, choose_h2, NULL);
	}
	ssl = SSL_new(ctx);
	peer = accept(fd, NULL, NULL);
	SSL_set_fd(ssl, peer);
	(void)SSL_accept(ssl);
	(void)shutdown(peer, SHUT_WR);
	while (read(peer, file, sizeof file) > 0)
		;
	_exit(0);
}

static void
connect__server_certificate_unusable__says_why(void **state)
{
	static const struct {
		struct pki_leaf leaf;
		const char *reason, *words;
	} rows[] = {
		{ { .name = "old", .server = true, .from = -7200, .to = -3600 },
		    "TLS_EXPIRED", "expired on 20" },
		{ { .name = "new", .server = true, .from = 3600, .to = 7200 },
		    "TLS_NOT_YET_VALID", "is valid from 20" },
		{ { .name = "odd" }, "TLS_WRONG_PURPOSE", "not one for" },
		{ { .name = "plain", .server = true }, "TLS_NOT_HTTP2",
		    "speaks TLS, but not HTTP/2" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rsp_client_opts o = options(f);
		char where[64];
		int fd = silent_port(where);
		pid_t pid;

		pki_issue(f->pki, &rows[i].leaf);
		pid = shake_once(f, fd, rows[i].leaf.name, NULL);
		o.server = where;
		assert_connect_fails(f, &o, RSP_ERR_TLS, rows[i].reason,
		    rows[i].words);
		(void)waitpid(pid, NULL, 0);
		(void)close(fd);
	}
}

/* ---- our certificate ----------------------------------------------------- */

/* A stock server hangs up; OpenSSL's, like resoprod's, say why. */
static void
connect__own_certificate_missing_or_refused__says_which(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct pki *other = pki_new();
	struct pki_leaf leaf = { .name = "stranger" };
	char where[64];
	int fd = silent_port(where);
	pid_t pid = shake_once(f, fd, "server", "ca.pem");

	o.server = where;
	o.cert_file = o.key_file = NULL;
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_OWN_MISSING",
	    "it asks for a certificate and none was given");
	(void)waitpid(pid, NULL, 0);
	pki_issue(other, &leaf);
	pid = shake_once(f, fd, "server", "ca.pem");
	o.cert_file = pki_path(other, "stranger.pem");
	o.key_file = pki_path(other, "stranger.key");
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_OWN_UNKNOWN_AUTHORITY",
	    "refused our certificate \"stranger\"");
	(void)waitpid(pid, NULL, 0);
	(void)close(fd);
	pki_free(other);
}

static void
connect__server_hangs_up_after_handshake__hints_at_certificate(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);

	o.cert_file = o.key_file = NULL;
	assert_connect_fails(f, &o, RSP_UNAVAILABLE, "CLOSED_EARLY",
	    "right after the TLS handshake");
	assert_non_null(strstr(f->e.remedy, "certificate"));
}

static void
new__own_certificate_expired_or_key_open__warned(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct pki_leaf leaf = { .name = "late", .from = -7200, .to = -3600 };

	pki_issue(f->pki, &leaf);
	o.warn = on_warning;
	o.cert_file = pki_path(f->pki, "late.pem");
	o.key_file = pki_path(f->pki, "late.key");
	assert_int_equal(chmod(o.key_file, 0600), 0);
	assert_non_null(client_with(f, &o));
	assert_non_null(strstr(warned, "\"late\" expired on 20"));
	o.cert_file = pki_path(f->pki, "client.pem");
	o.key_file = pki_path(f->pki, "client.key");
	assert_non_null(client_with(f, &o));
	assert_non_null(strstr(warned, "\"client\" expires on 20"));
}

/* ---- nobody there -------------------------------------------------------- */

static void
connect__nobody_listens__unavailable(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char where[64];

	(void)close(silent_port(where));
	o.server = where;
	assert_connect_fails(f, &o, RSP_UNAVAILABLE, "CONNECT_REFUSED",
	    "Connection refused");
	o.server = "host.invalid:1";
	assert_connect_fails(f, &o, RSP_UNAVAILABLE, "NAME_UNKNOWN",
	    "the name \"host.invalid\" is not known");
}

static void
connect__server_is_silent__ends_in_time(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char where[64];
	int fd = silent_port(where);

	o.server = where;
	o.connect_timeout_ms = 150;
	assert_connect_fails(f, &o, RSP_UNAVAILABLE, "CONNECT_TIMEOUT",
	    "does not answer");
	o.connect_timeout_ms = 20000;
	assert_non_null(client_with(f, &o));
	assert_null(call_within(f, &Echo, "", 150));
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	(void)close(fd);
}

static void
connect__interrupted__cancelled(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	int interrupt = eventfd(1, EFD_CLOEXEC), fd;
	char where[64];

	fd = silent_port(where);
	o.server = where;
	assert_non_null(client_with(f, &o));
	rsp_client_set_interrupt_fd(f->client, interrupt);
	assert_int_equal(rsp_client_connect(f->client, &f->e), -1);
	assert_int_equal(f->e.code, RSP_CANCELLED);
	assert_string_equal(f->e.reason, "INTERRUPTED");
	(void)close(fd);
	(void)close(interrupt);
}

/* The kernel accepts; a greeting in clear text waits in the socket. */
static void
connect__not_tls__says_so(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char where[64];
	int fd = silent_port(where);
	pid_t pid = fork();

	if (pid == 0) {
		int c = accept(fd, NULL, NULL);
		char byte;

		(void)!write(c, "220 smtp.example.org ESMTP\r\n", 28);
		(void)shutdown(c, SHUT_WR);
		while (read(c, &byte, 1) > 0)
			;
		_exit(0);
	}
	o.server = where;
	assert_connect_fails(f, &o, RSP_ERR_TLS, "TLS_NOT_TLS",
	    "does not speak TLS");
	(void)waitpid(pid, NULL, 0);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(connect__by_name_or_address__both_verified),
		T(connect__certificate_of_another_name__says_both),
		T(connect__other_authority__says_who_signed),
		T(connect__server_certificate_unusable__says_why),
		T(connect__own_certificate_missing_or_refused__says_which),
		T(connect__server_hangs_up_after_handshake__hints_at_certificate),
		T(new__own_certificate_expired_or_key_open__warned),
		T(connect__nobody_listens__unavailable),
		T(connect__server_is_silent__ends_in_time),
		T(connect__interrupted__cancelled),
		T(connect__not_tls__says_so),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
