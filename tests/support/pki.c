/* pki.c - see pki.h. */
#include "pki.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

#define PATHS 64

struct pki {
	char dir[256];
	char *paths[PATHS];
	size_t n_paths;
	EVP_PKEY *key;
	X509 *ca;
	long serial;
};

const char *
pki_path(struct pki *p, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
	for (size_t i = 0; i < p->n_paths; i++)
		if (strcmp(p->paths[i], path) == 0)
			return p->paths[i];
	assert(p->n_paths < PATHS);
	p->paths[p->n_paths] = strdup(path);
	return p->paths[p->n_paths++];
}

void
pki_write(struct pki *p, const char *name, const char *text)
{
	FILE *f = fopen(pki_path(p, name), "w");

	assert(f != NULL);
	assert(fputs(text, f) >= 0);
	assert(fclose(f) == 0);
}

static FILE *
open_file(struct pki *p, const char *name, const char *suffix)
{
	char file[128];
	FILE *f;

	(void)snprintf(file, sizeof file, "%s%s", name, suffix);
	f = fopen(pki_path(p, file), "w");
	assert(f != NULL);
	return f;
}

static void
write_pair(struct pki *p, const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = open_file(p, name, ".pem");

	assert(PEM_write_X509(f, cert) == 1);
	assert(fclose(f) == 0);
	f = open_file(p, name, ".key");
	assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	assert(fclose(f) == 0);
}

static void
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(x != NULL);
	assert(X509_add_ext(cert, x, -1) == 1);
	X509_EXTENSION_free(x);
}

static X509 *
new_cert(EVP_PKEY *key, const char *cn, long serial, long from, long to)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	assert(X509_set_version(cert, 2) == 1);
	assert(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
	assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		   (const unsigned char *)cn, -1, -1, 0) == 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), from);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), to);
	assert(X509_set_pubkey(cert, key) == 1);
	return cert;
}

struct pki *
pki_new(void)
{
	struct pki *p = calloc(1, sizeof *p);
	const char *tmp = getenv("TMPDIR");

	assert(p != NULL);
	(void)snprintf(p->dir, sizeof p->dir, "%s/pki.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	assert(mkdtemp(p->dir) != NULL);
	p->serial = 1000;
	p->key = EVP_EC_gen("P-256");
	p->ca = new_cert(p->key, p->dir, 1, -86400, 86400);
	assert(X509_set_issuer_name(p->ca, X509_get_subject_name(p->ca)) == 1);
	add_ext(p->ca, p->ca, NID_basic_constraints, "critical,CA:TRUE");
	add_ext(p->ca, p->ca, NID_key_usage, "critical,keyCertSign,cRLSign");
	add_ext(p->ca, p->ca, NID_subject_key_identifier, "hash");
	assert(X509_sign(p->ca, p->key, EVP_sha256()) > 0);
	write_pair(p, "ca", p->ca, p->key);
	return p;
}

void
pki_free(struct pki *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_paths; i++) {
		(void)unlink(p->paths[i]);
		free(p->paths[i]);
	}
	(void)rmdir(p->dir);
	X509_free(p->ca);
	EVP_PKEY_free(p->key);
	free(p);
}

void
pki_issue(struct pki *p, const struct pki_leaf *l)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool always = l->from == 0 && l->to == 0;
	X509 *cert = new_cert(key, l->cn == NULL ? l->name : l->cn,
	    l->serial != 0 ? l->serial : ++p->serial, always ? -3600 : l->from,
	    always ? 3600 : l->to);
	char san[256] = "DNS:localhost,IP:127.0.0.1";

	if (l->uri != NULL)
		(void)snprintf(san, sizeof san, "URI:%s", l->uri);
	assert(X509_set_issuer_name(cert, X509_get_subject_name(p->ca)) == 1);
	add_ext(cert, p->ca, NID_basic_constraints, "critical,CA:FALSE");
	add_ext(cert, p->ca, NID_key_usage, "critical,digitalSignature");
	add_ext(cert, p->ca, NID_ext_key_usage,
	    l->server ? "serverAuth" : "clientAuth");
	add_ext(cert, p->ca, NID_subject_alt_name, san);
	assert(X509_sign(cert, p->key, EVP_sha256()) > 0);
	write_pair(p, l->name, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
pki_write_crl(struct pki *p, const char *name, const long *serials, size_t n)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	FILE *f = open_file(p, name, "");

	assert(X509_CRL_set_version(crl, 1) == 1);
	assert(
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(p->ca)) == 1);
	(void)X509_gmtime_adj(t, -3600);
	assert(X509_CRL_set1_lastUpdate(crl, t) == 1);
	for (size_t i = 0; i < n; i++) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		assert(ASN1_INTEGER_set(serial, serials[i]) == 1);
		assert(X509_REVOKED_set_serialNumber(r, serial) == 1);
		assert(X509_REVOKED_set_revocationDate(r, t) == 1);
		assert(X509_CRL_add0_revoked(crl, r) == 1);
		ASN1_INTEGER_free(serial);
	}
	(void)X509_gmtime_adj(t, 3600);
	assert(X509_CRL_set1_nextUpdate(crl, t) == 1);
	assert(X509_CRL_sign(crl, p->key, EVP_sha256()) > 0);
	assert(PEM_write_X509_CRL(f, crl) == 1);
	assert(fclose(f) == 0);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
}

SSL_CTX *
pki_client(struct pki *p, const char *leaf)
{
	static const unsigned char h2[] = { 2, 'h', '2' };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char file[128];

	assert(ctx != NULL);
	assert(SSL_CTX_load_verify_file(ctx, pki_path(p, "ca.pem")) == 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	assert(SSL_CTX_set_alpn_protos(ctx, h2, sizeof h2) == 0);
	if (leaf == NULL)
		return ctx;
	(void)snprintf(file, sizeof file, "%s.pem", leaf);
	assert(SSL_CTX_use_certificate_file(ctx, pki_path(p, file),
		   SSL_FILETYPE_PEM) == 1);
	(void)snprintf(file, sizeof file, "%s.key", leaf);
	assert(SSL_CTX_use_PrivateKey_file(ctx, pki_path(p, file),
		   SSL_FILETYPE_PEM) == 1);
	return ctx;
}
