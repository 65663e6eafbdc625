/* tls.c - see tls.h. */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TLS_SESSIONS 8192
#define TLS_SESSION_SECONDS 7200

static const uint8_t session_context[] = "resoprod";
static const unsigned char alpn_h2[] = { 2, 'h', '2' };

struct tls_server {
	char *cert_file, *key_file, *ca_file, *crl_file;
	struct tls_opts opts;  /* its paths point to the four above */
	pthread_rwlock_t lock; /* guards the two below */
	SSL_CTX *set;
	uint64_t generation;
};

/* ---- errors ------------------------------------------------------------ */

static int
openssl_err(struct err *e, enum err_code code, const char *what,
    const char *file)
{
	unsigned long n = ERR_peek_last_error();
	const char *why = n == 0 ? NULL : ERR_reason_error_string(n);

	if (n != 0 && ERR_SYSTEM_ERROR(n))
		why = strerror(ERR_GET_REASON(n));
	err_set(e, code, "%s %s: %s", what, file,
	    why == NULL ? "unknown TLS error" : why);
	ERR_clear_error();
	return -1;
}

/* A file that cannot be opened is the commonest mistake: say it plainly. */
static int
check_readable(const char *what, const char *file, struct err *e)
{
	FILE *f;

	if (file == NULL || file[0] == '\0') {
		err_set(e, ERR_INVALID, "no %s is configured", what);
		return err_remedy(e, "name a PEM file");
	}
	f = fopen(file, "re");
	if (f == NULL) {
		err_set(e, ERR_IO, "%s %s: %s", what, file, strerror(errno));
		return err_remedy(e,
		    "check the path and that the daemon may read it");
	}
	(void)fclose(f);
	return 0;
}

/* ---- building one set -------------------------------------------------- */

static int
select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned i = 0;

	(void)ssl;
	(void)arg;
	while (i < in_len) {
		unsigned len = in[i];

		if (len == 2 && i + 2 < in_len && in[i + 1] == 'h' &&
		    in[i + 2] == '2') {
			*out = in + i + 1;
			*out_len = 2;
			return SSL_TLSEXT_ERR_OK;
		}
		i += len + 1;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
set_protocol(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
	int min = o->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
	char groups[] = "X25519:P-256:P-384"; /* a macro casts const away */

	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN |
				  SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, select_h2, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, min) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx,
		"TLS_AES_128_GCM_SHA256:"
		"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, groups) != 1)
		return openssl_err(e, ERR_INTERNAL, "TLS", "parameters");
	return 0;
}

/* Sessions live in our memory, not in the ticket: one small ticket, bounded
 * cache, and a reload forgets them all. */
static int
set_sessions(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(ctx,
	    (long)(o->sessions == 0 ? TLS_SESSIONS : o->sessions));
	SSL_CTX_set_timeout(ctx, TLS_SESSION_SECONDS);
	if (SSL_CTX_set_num_tickets(ctx, 1) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, session_context,
		sizeof session_context - 1) != 1)
		return openssl_err(e, ERR_INTERNAL, "TLS", "sessions");
	return 0;
}

static int
certificate_is_current(SSL_CTX *ctx, const char *file, struct err *e)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
		err_set(e, ERR_INVALID, "certificate %s has expired", file);
		return err_remedy(e, "renew it: resopro pki server");
	}
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
		err_set(e, ERR_INVALID, "certificate %s is not valid yet",
		    file);
		return err_remedy(e, "check this machine's clock");
	}
	return 0;
}

static int
set_own_certificate(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
	if (check_readable("certificate", o->cert_file, e) != 0 ||
	    check_readable("private key", o->key_file, e) != 0)
		return -1;
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return openssl_err(e, ERR_INVALID, "certificate", o->cert_file);
	if (certificate_is_current(ctx, o->cert_file, e) != 0)
		return -1;
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key_file, SSL_FILETYPE_PEM) !=
		1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		openssl_err(e, ERR_INVALID, "private key", o->key_file);
		return err_remedy(e, "it must be the key of %s", o->cert_file);
	}
	return 0;
}

static int
load_crl(X509_STORE *store, const char *file, struct err *e)
{
	X509_LOOKUP *lookup;

	if (file == NULL)
		return 0;
	if (check_readable("revocation list", file, e) != 0)
		return -1;
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (lookup == NULL ||
	    X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) <= 0)
		return openssl_err(e, ERR_INVALID, "revocation list", file);
	(void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return 0;
}

static int
set_client_trust(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
	int mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
	STACK_OF(X509_NAME) * names;

	if (check_readable("client CA", o->ca_file, e) != 0)
		return -1;
	if (SSL_CTX_load_verify_file(ctx, o->ca_file) != 1)
		return openssl_err(e, ERR_INVALID, "client CA", o->ca_file);
	names = SSL_load_client_CA_file(o->ca_file);
	if (names == NULL)
		return openssl_err(e, ERR_INVALID, "client CA", o->ca_file);
	SSL_CTX_set_client_CA_list(ctx, names);
	if (o->client_cert == TLS_CERT_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	if (SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) != 1)
		return openssl_err(e, ERR_INTERNAL, "TLS", "purpose");
	return load_crl(SSL_CTX_get_cert_store(ctx), o->crl_file, e);
}

static SSL_CTX *
set_build(const struct tls_opts *o, struct err *e)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL) {
		openssl_err(e, ERR_NOMEM, "TLS", "context");
		return NULL;
	}
	if (set_protocol(ctx, o, e) != 0 || set_sessions(ctx, o, e) != 0 ||
	    set_own_certificate(ctx, o, e) != 0 ||
	    set_client_trust(ctx, o, e) != 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* ---- the server -------------------------------------------------------- */

static int
copy_path(char **to, const char *from)
{
	*to = from == NULL ? NULL : strdup(from);
	return from != NULL && *to == NULL ? -1 : 0;
}

static int
copy_opts(struct tls_server *t, const struct tls_opts *o, struct err *e)
{
	if (copy_path(&t->cert_file, o->cert_file) != 0 ||
	    copy_path(&t->key_file, o->key_file) != 0 ||
	    copy_path(&t->ca_file, o->ca_file) != 0 ||
	    copy_path(&t->crl_file, o->crl_file) != 0)
		return err_set(e, ERR_NOMEM, "TLS server");
	t->opts = *o;
	t->opts.cert_file = t->cert_file;
	t->opts.key_file = t->key_file;
	t->opts.ca_file = t->ca_file;
	t->opts.crl_file = t->crl_file;
	return 0;
}

struct tls_server *
tls_server_new(const struct tls_opts *o, struct err *e)
{
	struct tls_server *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_set(e, ERR_NOMEM, "TLS server");
		return NULL;
	}
	(void)pthread_rwlock_init(&t->lock, NULL);
	if (copy_opts(t, o, e) != 0 ||
	    (t->set = set_build(&t->opts, e)) == NULL) {
		tls_server_free(t);
		return NULL;
	}
	return t;
}

void
tls_server_free(struct tls_server *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->set);
	(void)pthread_rwlock_destroy(&t->lock);
	free(t->cert_file);
	free(t->key_file);
	free(t->ca_file);
	free(t->crl_file);
	free(t);
}

int
tls_server_reload(struct tls_server *t, struct err *e)
{
	SSL_CTX *next = set_build(&t->opts, e), *old;

	if (next == NULL)
		return -1;
	(void)pthread_rwlock_wrlock(&t->lock);
	old = t->set;
	t->set = next;
	t->generation++;
	(void)pthread_rwlock_unlock(&t->lock);
	SSL_CTX_free(old); /* connections hold their own references */
	return 0;
}

/* The set in use, with a reference for the caller. */
static SSL_CTX *
set_now(const struct tls_server *t, uint64_t *generation)
{
	/* The lock is not part of what the server is. */
	pthread_rwlock_t *lock = (pthread_rwlock_t *)(uintptr_t)&t->lock;
	SSL_CTX *set;

	(void)pthread_rwlock_rdlock(lock);
	set = t->set;
	(void)SSL_CTX_up_ref(set);
	if (generation != NULL)
		*generation = t->generation;
	(void)pthread_rwlock_unlock(lock);
	return set;
}

uint64_t
tls_server_generation(const struct tls_server *t)
{
	uint64_t generation;

	SSL_CTX_free(set_now(t, &generation));
	return generation;
}

static int64_t
unix_time(const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

int64_t
tls_server_not_after(const struct tls_server *t)
{
	SSL_CTX *set = set_now(t, NULL);
	int64_t at =
	    unix_time(X509_get0_notAfter(SSL_CTX_get0_certificate(set)));

	SSL_CTX_free(set);
	return at;
}

/* ---- one connection ---------------------------------------------------- */

struct ssl_st *
tls_accept(struct tls_server *t, int fd, uint64_t *generation)
{
	SSL_CTX *set = set_now(t, generation);
	SSL *ssl = SSL_new(set);

	SSL_CTX_free(set);
	if (ssl != NULL && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl == NULL)
		ERR_clear_error();
	else
		SSL_set_accept_state(ssl);
	return ssl;
}

/* Copy a text whole or not at all; a NUL inside would hide its end. */
static bool
copy_text(char *out, size_t cap, const ASN1_STRING *s)
{
	size_t len = (size_t)ASN1_STRING_length(s);
	const unsigned char *p = ASN1_STRING_get0_data(s);

	if (len == 0 || len >= cap || memchr(p, '\0', len) != NULL)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

static void
peer_uri(X509 *cert, struct peer *p)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char uri[sizeof p->san_uri];
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		bool account;

		if (n->type != GEN_URI ||
		    !copy_text(uri, sizeof uri, n->d.uniformResourceIdentifier))
			continue;
		account = strncmp(uri, PEER_ACCOUNT_URI,
			      strlen(PEER_ACCOUNT_URI)) == 0;
		if (account || p->san_uri[0] == '\0')
			memcpy(p->san_uri, uri, sizeof uri);
		if (account)
			break;
	}
	GENERAL_NAMES_free(names);
}

static void
peer_name(const X509 *cert, struct peer *p)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	int len;

	if (at < 0)
		return;
	len = ASN1_STRING_to_UTF8(&utf8,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0 && (size_t)len < sizeof p->subject_cn &&
	    memchr(utf8, '\0', (size_t)len) == NULL)
		memcpy(p->subject_cn, utf8, (size_t)len);
	OPENSSL_free(utf8);
}

static void
peer_serial(X509 *cert, struct peer *p)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n == NULL ? NULL : BN_bn2hex(n);

	if (hex != NULL && strlen(hex) < sizeof p->serial)
		(void)strcpy(p->serial, hex);
	OPENSSL_free(hex);
	BN_free(n);
}

static int
peer_certificate(X509 *cert, struct peer *p, struct err *e)
{
	unsigned len = sizeof p->cert_sha256;

	if (X509_digest(cert, EVP_sha256(), p->cert_sha256, &len) != 1)
		return openssl_err(e, ERR_INTERNAL, "certificate", "digest");
	peer_uri(cert, p);
	peer_name(cert, p);
	peer_serial(cert, p);
	p->not_after = unix_time(X509_get0_notAfter(cert));
	p->has_cert = true;
	ERR_clear_error();
	return 0;
}

int
tls_accepted(struct ssl_st *ssl, struct peer *p, struct err *e)
{
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;
	X509 *cert;

	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	if (alpn_len != 2 || memcmp(alpn, alpn_h2 + 1, 2) != 0)
		return err_set(e, ERR_INVALID,
		    "the client did not offer h2 (ALPN)");
	cert = SSL_get0_peer_certificate(ssl);
	if (cert == NULL)
		return 0;
	/* A resumed session was verified by this same set, but time passed. */
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return err_set(e, ERR_UNAUTHENTICATED,
		    "the client's certificate has expired");
	return peer_certificate(cert, p, e);
}

static int
verify_again(SSL_CTX *set, SSL *ssl, X509 *cert, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc = -1;

	if (ctx == NULL)
		return err_set(e, ERR_NOMEM, "certificate check");
	if (X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(set), cert,
		SSL_get_peer_cert_chain(ssl)) == 1 &&
	    X509_STORE_CTX_set_default(ctx, "ssl_client") == 1) {
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
		rc = X509_verify_cert(ctx) == 1 ? 0 : -1;
	}
	if (rc != 0)
		err_set(e, ERR_UNAUTHENTICATED, "client certificate: %s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

bool
tls_still_trusted(struct tls_server *t, struct ssl_st *ssl, struct err *e)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	SSL_CTX *set;
	int rc;

	if (cert == NULL)
		return t->opts.client_cert != TLS_CERT_REQUIRED;
	set = set_now(t, NULL);
	rc = verify_again(set, ssl, cert, e);
	SSL_CTX_free(set);
	return rc == 0;
}

/* What a person at the other end got wrong, before OpenSSL's own words. */
static const struct {
	long verdict;
	const char *text;
} verdicts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "the client's certificate has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID,
	    "the client's certificate is not valid yet" },
	{ X509_V_ERR_CERT_REVOKED, "the client's certificate is revoked" },
	{ X509_V_ERR_INVALID_PURPOSE,
	    "the client's certificate is not for TLS clients" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	    "the client's certificate is from another CA" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	    "the client's certificate is from another CA" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	    "the client's certificate is from another CA" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	    "the client's certificate is self-signed" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE,
	    "the client's certificate has a wrong signature" },
	{ X509_V_ERR_CRL_HAS_EXPIRED,
	    "our revocation list has expired: renew it and reload" },
	{ X509_V_ERR_UNABLE_TO_GET_CRL,
	    "no revocation list of the certificate's CA: add it and reload" },
};

void
tls_failure(struct ssl_st *ssl, struct err *e)
{
	long verdict = SSL_get_verify_result(ssl);
	unsigned long n = ERR_peek_error();
	const char *why = n == 0 ? NULL : ERR_reason_error_string(n);

	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
		if (verdicts[i].verdict == verdict) {
			err_set(e, ERR_UNAUTHENTICATED, "%s", verdicts[i].text);
			ERR_clear_error();
			return;
		}
	if (verdict != X509_V_OK)
		why = X509_verify_cert_error_string(verdict);
	err_set(e, ERR_UNAUTHENTICATED, "%s",
	    why == NULL ? "the client closed the connection" : why);
	ERR_clear_error();
}
