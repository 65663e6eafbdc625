/* tls.c - TLS for clients: whom we trust, who we are, why it failed. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

static int
config(struct rsp_error *e, const char *what, const char *file,
    const char *remedy)
{
	unsigned long code = ERR_peek_last_error();

	fail(e, RSP_ERR_CONFIG, "%s %s: %s", what, file, code != 0 ?
	    ERR_reason_error_string(code) : "cannot be read");
	error_remedy(e, "%s", remedy);
	ERR_clear_error();
	return -1;
}

static void
warn_readable(const struct rsp_client_opts *o)
{
	struct stat sb;

	if (o->warn != NULL && stat(o->key_file, &sb) == 0 &&
	    (sb.st_mode & 077) != 0)
		o->warn(o->warn_arg, "the key file is readable by others: "
		    "chmod 600 it");
}

static int
load_identity(SSL_CTX *ctx, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	if (o->cert_file == NULL && o->key_file == NULL)
		return 0;
	if (o->cert_file == NULL || o->key_file == NULL) {
		fail(e, RSP_ERR_CONFIG, "a certificate needs its key, and a "
		    "key its certificate");
		error_remedy(e, "give both files, or neither");
		return -1;
	}
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return config(e, "certificate", o->cert_file,
		    "give a PEM certificate, as resopro pki account makes it");
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key_file,
	    SSL_FILETYPE_PEM) != 1)
		return config(e, "key", o->key_file,
		    "give the PEM key of that certificate, not encrypted");
	if (SSL_CTX_check_private_key(ctx) != 1)
		return config(e, "key", o->key_file,
		    "give the key of that certificate");
	warn_readable(o);
	return 0;
}

SSL_CTX *
tls_context(const struct rsp_client_opts *o, struct rsp_error *e)
{
	static const unsigned char h2[] = { 2, 'h', '2' };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int rc;

	ERR_clear_error();
	if (ctx == NULL) {
		fail(e, RSP_ERR_NOMEM, "TLS");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(ctx, h2, sizeof h2);
	rc = o->ca_file != NULL ?
	    SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) :
	    SSL_CTX_set_default_verify_paths(ctx);
	if (rc != 1)
		config(e, "authority", o->ca_file != NULL ? o->ca_file :
		    "of the system", "give the PEM certificate of the "
		    "register's authority (ca.pem)");
	if (rc != 1 || load_identity(ctx, o, e) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* ---- why a handshake failed --------------------------------------------- */

static const struct {
	long code;
	const char *what, *remedy;
} reasons[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "the server's certificate has expired",
	    "tell the register's administrator; check this machine's clock" },
	{ X509_V_ERR_CERT_NOT_YET_VALID,
	    "the server's certificate is not valid yet",
	    "check this machine's clock" },
	{ X509_V_ERR_HOSTNAME_MISMATCH,
	    "the server's certificate bears another name",
	    "use the name that the certificate has, or set server_name" },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH,
	    "the server's certificate does not name this address",
	    "use the name that the certificate has, or set server_name" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	    "the server's certificate is of an unknown authority",
	    "give the register's authority (ca.pem)" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	    "the server's certificate is of an unknown authority",
	    "give the register's authority (ca.pem)" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	    "the server's certificate is of an unknown authority",
	    "give the register's authority (ca.pem)" },
	{ X509_V_ERR_INVALID_PURPOSE,
	    "the server's certificate is not for servers",
	    "tell the register's administrator" },
};

/* The server's alert about us. */
static const char *
alert_remedy(const char *text)
{
	if (strstr(text, "expired") != NULL)
		return "renew this account's certificate (resopro pki account "
		    "... --renew)";
	if (strstr(text, "revoked") != NULL)
		return "install this account's new certificate";
	if (strstr(text, "certificate required") != NULL)
		return "give this account's certificate and key";
	if (strstr(text, "unknown ca") != NULL ||
	    strstr(text, "bad certificate") != NULL)
		return "use a certificate of the register's own authority";
	return "check the address, the certificate and this machine's clock";
}

int
tls_failure(const struct rsp_client *c, SSL *ssl, struct rsp_error *e)
{
	long verdict = SSL_get_verify_result(ssl);
	unsigned long code = ERR_peek_last_error();
	const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	for (size_t i = 0; verdict != X509_V_OK &&
	    i < sizeof reasons / sizeof reasons[0]; i++) {
		if (reasons[i].code != verdict)
			continue;
		fail(e, RSP_ERR_TLS, "%s:%s: %s", c->host, c->port,
		    reasons[i].what);
		error_remedy(e, "%s", reasons[i].remedy);
		return -1;
	}
	if (verdict != X509_V_OK)
		text = X509_verify_cert_error_string(verdict);
	if (text == NULL)
		text = "the connection was closed during the handshake";
	fail(e, RSP_ERR_TLS, "%s:%s: TLS: %s", c->host, c->port, text);
	error_remedy(e, "%s", alert_remedy(text));
	return -1;
}
