#include "pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fault.h"
#include "i18n.h"
#include "pki_file.h"
#include "pki_index.h"
#include "pki_text.h"

enum {
	DAY = 86400,
	BACKDATED = 3600, /* for clients whose clock is behind */
	SAN_SIZE = 4096,
};

/* What is to be signed. */
struct request {
	const char *cn;
	const char *san; /* in OpenSSL's notation; NULL for the CA */
	const char *key_usage, *extended_usage;
	const char *constraints;
	int64_t from, to;
};

/* The authority, opened. */
struct authority {
	struct pki_dir dir;
	X509 *cert;
	EVP_PKEY *key;
	struct pki_index index;
};

static int
ssl_fault(struct rsp_error *e, const char *doing)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return fault(e, RSP_INTERNAL, "", _("cannot %s: %s"), doing,
	    why == NULL ? _("OpenSSL does not say why") : why);
}

static int64_t
now_of(const struct pki_options *o)
{
	return o->now != 0 ? o->now : (int64_t)time(NULL);
}

/* ---- PEM in and out ------------------------------------------------------ */

static int
write_bio(const struct pki_dir *d, const char *name, enum pki_write how,
    mode_t mode, BIO *bio, struct rsp_error *e)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	return pki_file_write(d, name, how, mode, bytes, (size_t)len, e);
}

static int
write_key(const struct pki_dir *d, const char *name, enum pki_write how,
    EVP_PKEY *key, struct rsp_error *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int rc;

	if (bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		rc = ssl_fault(e, _("write the key"));
	else
		rc = write_bio(d, name, how, 0600, bio, e);
	BIO_free(bio);
	return rc;
}

static int
write_cert(const struct pki_dir *d, const char *name, enum pki_write how,
    X509 *cert, struct rsp_error *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1)
		rc = ssl_fault(e, _("write the certificate"));
	else
		rc = write_bio(d, name, how, 0644, bio, e);
	BIO_free(bio);
	return rc;
}

static X509 *
read_cert(const struct pki_dir *d, const char *name, struct rsp_error *e)
{
	size_t len = 0;
	char *text = pki_file_read(d, name, &len, e);
	BIO *bio = text == NULL ? NULL : BIO_new_mem_buf(text, (int)len);
	X509 *cert =
	    bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

	if (text != NULL && cert == NULL)
		fault(e, RSP_ERR_CONFIG,
		    _("give a file that begins with "
		      "-----BEGIN CERTIFICATE-----"),
		    _("%s/%s: no certificate in it (PEM)"), d->path, name);
	ERR_clear_error();
	BIO_free(bio);
	free(text);
	return cert;
}

static EVP_PKEY *
read_key(const struct pki_dir *d, const char *name, struct rsp_error *e)
{
	size_t len = 0;
	char *text = pki_file_read(d, name, &len, e);
	BIO *bio = text == NULL ? NULL : BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *key =
	    bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	if (text != NULL && key == NULL)
		fault(e, RSP_ERR_CONFIG, _("restore it from a backup"),
		    _("%s/%s: no private key in it (PEM)"), d->path, name);
	ERR_clear_error();
	if (text != NULL)
		OPENSSL_cleanse(text, len);
	BIO_free(bio);
	free(text);
	return key;
}

/* ---- one certificate ----------------------------------------------------- */

/* 127 random bits: positive, and never zero in practice. */
static int
set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();
	int ok = n != NULL &&
		 BN_rand(n, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ODD) == 1 &&
		 BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;

	BN_free(n);
	return ok;
}

static int
set_name(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
		   (const unsigned char *)"resopro", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		   (const unsigned char *)cn, -1, -1, 0) == 1;
}

static int
add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *x;
	int ok;

	if (value == NULL)
		return 1;
	x = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	ok = x != NULL && X509_add_ext(cert, x, -1) == 1;
	X509_EXTENSION_free(x);
	return ok;
}

static int
add_extensions(X509 *cert, X509 *issuer, const struct request *r)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	return add_extension(cert, &ctx, NID_basic_constraints,
		   r->constraints) &&
	       add_extension(cert, &ctx, NID_key_usage, r->key_usage) &&
	       add_extension(cert, &ctx, NID_ext_key_usage,
		   r->extended_usage) &&
	       add_extension(cert, &ctx, NID_subject_key_identifier, "hash") &&
	       add_extension(cert, &ctx, NID_authority_key_identifier,
		   "keyid:always") &&
	       add_extension(cert, &ctx, NID_subject_alt_name, r->san);
}

/* `issuer` NULL: self-signed. */
static X509 *
sign(const struct request *r, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
    struct rsp_error *e)
{
	X509 *cert = X509_new();
	X509 *by = issuer == NULL ? cert : issuer;

	if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
	    set_serial(cert) && set_name(cert, r->cn) &&
	    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)r->from) &&
	    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)r->to) &&
	    X509_set_pubkey(cert, key) == 1 &&
	    X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1 &&
	    add_extensions(cert, by, r) &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	ssl_fault(e, _("make the certificate"));
	X509_free(cert);
	return NULL;
}

static EVP_PKEY *
new_key(struct rsp_error *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		ssl_fault(e, _("make a key"));
	return key;
}

/* ---- the authority ------------------------------------------------------- */

static void
authority_close(struct authority *a)
{
	pki_index_free(&a->index);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	pki_dir_close(&a->dir);
}

static int
authority_open(struct authority *a, const char *path, struct rsp_error *e)
{
	memset(a, 0, sizeof *a);
	if (pki_dir_open(&a->dir, path, false, e) != 0)
		return -1;
	if (!pki_file_exists(&a->dir, "ca.pem"))
		fault(e, RSP_ERR_CONFIG,
		    _("run 'resopro pki init DIR' first, or give the directory "
		      "that it made"),
		    _("%s: no authority here (ca.pem)"), path);
	else if ((a->cert = read_cert(&a->dir, "ca.pem", e)) != NULL &&
		 (a->key = read_key(&a->dir, "ca.key", e)) != NULL &&
		 pki_index_load(&a->dir, &a->index, e) == 0) {
		if (X509_check_private_key(a->cert, a->key) == 1)
			return 0;
		ERR_clear_error();
		fault(e, RSP_ERR_CONFIG, _("restore both from the same backup"),
		    _("%s: ca.key is not the key of ca.pem"), path);
	}
	authority_close(a);
	return -1;
}

static int
record(struct authority *a, const char *name, const struct pki_cert *cert,
    struct rsp_error *e)
{
	struct pki_entry x = { .not_after = cert->not_after };

	snprintf(x.serial, sizeof x.serial, "%s", cert->serial);
	snprintf(x.name, sizeof x.name, "%s", name);
	snprintf(x.sha256, sizeof x.sha256, "%s", cert->sha256);
	if (pki_index_add(&a->index, &x, e) != 0)
		return -1;
	return pki_index_save(&a->dir, &a->index, e);
}

static void
describe(const struct pki_dir *d, const char *name, X509 *cert,
    struct pki_cert *out)
{
	memset(out, 0, sizeof *out);
	pki_text(cert, out);
	snprintf(out->cert_path, sizeof out->cert_path, "%s/%s.pem", d->path,
	    name);
	snprintf(out->key_path, sizeof out->key_path, "%s/%s.key", d->path,
	    name);
}

/* ---- revocations --------------------------------------------------------- */

static int
add_revoked(X509_CRL *crl, const struct pki_entry *x)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)x->revoked_at);
	BIGNUM *n = NULL;
	ASN1_INTEGER *serial =
	    BN_hex2bn(&n, x->serial) == 0 ? NULL : BN_to_ASN1_INTEGER(n, NULL);
	int ok = r != NULL && at != NULL && serial != NULL &&
		 X509_REVOKED_set_serialNumber(r, serial) == 1 &&
		 X509_REVOKED_set_revocationDate(r, at) == 1 &&
		 X509_CRL_add0_revoked(crl, r) == 1;

	if (!ok)
		X509_REVOKED_free(r);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
	BN_free(n);
	return ok;
}

/* An increasing number, as RFC 5280 wants: the time does. */
static int
number_crl(X509_CRL *crl, int64_t now)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	int ok = n != NULL && ASN1_INTEGER_set_int64(n, now) == 1 &&
		 X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1;

	ASN1_INTEGER_free(n);
	return ok;
}

/*
 * The list lasts as long as the authority: nobody caches it, the daemon reads
 * the file, and a list that has expired would shut out every member.
 */
static X509_CRL *
make_crl(struct authority *a, int64_t now, unsigned *revoked)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)now - BACKDATED);
	int ok =
	    crl != NULL && at != NULL &&
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert)) ==
		1 &&
	    X509_CRL_set1_lastUpdate(crl, at) == 1 &&
	    X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(a->cert)) == 1 &&
	    number_crl(crl, now);

	*revoked = 0;
	for (size_t i = 0; ok && i < a->index.n; i++)
		if (a->index.entries[i].revoked) {
			ok = add_revoked(crl, &a->index.entries[i]);
			(*revoked)++;
		}
	ok = ok && X509_CRL_sort(crl) == 1 &&
	     X509_CRL_sign(crl, a->key, EVP_sha256()) > 0;
	ASN1_TIME_free(at);
	if (ok)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

static int
write_crl(struct authority *a, int64_t now, unsigned *revoked,
    struct rsp_error *e)
{
	X509_CRL *crl = make_crl(a, now, revoked);
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (crl == NULL || bio == NULL || PEM_write_bio_X509_CRL(bio, crl) != 1)
		rc = ssl_fault(e, _("make the revocation list"));
	else
		rc = write_bio(&a->dir, "crl.pem", PKI_REPLACE, 0644, bio, e);
	BIO_free(bio);
	X509_CRL_free(crl);
	return rc;
}

int
pki_crl(const char *dir, const struct pki_options *o, unsigned *n,
    struct rsp_error *e)
{
	struct authority a;
	int rc;

	if (authority_open(&a, dir, e) != 0)
		return -1;
	rc = write_crl(&a, now_of(o), n, e);
	authority_close(&a);
	return rc;
}

static bool
means(const struct pki_entry *x, const char *what)
{
	const char *account = "account-";

	if (strcasecmp(x->serial, what) == 0 || strcmp(x->name, what) == 0)
		return true;
	return strncmp(x->name, account, strlen(account)) == 0 &&
	       strcmp(x->name + strlen(account), what) == 0;
}

int
pki_revoke(const char *dir, const char *what, const struct pki_options *o,
    unsigned *n, struct rsp_error *e)
{
	struct authority a;
	int64_t now = now_of(o);
	unsigned listed;
	int rc;

	*n = 0;
	if (authority_open(&a, dir, e) != 0)
		return -1;
	for (size_t i = 0; i < a.index.n; i++) {
		struct pki_entry *x = &a.index.entries[i];

		if (x->revoked || x->not_after < now || !means(x, what))
			continue;
		x->revoked = true;
		x->revoked_at = now;
		(*n)++;
	}
	if (*n == 0)
		rc = fault(e, RSP_NOT_FOUND,
		    _("give an account id, a certificate file, or a serial of "
		      "the file 'index'"),
		    _("%s: no certificate in force for \"%s\""), dir, what);
	else
		rc = pki_index_save(&a.dir, &a.index, e) == 0
			 ? write_crl(&a, now, &listed, e)
			 : -1;
	authority_close(&a);
	return rc;
}

/* ---- commands ------------------------------------------------------------ */

/* The authority's own key: kept when it is renewed, so that what it signed
 * stays valid. */
static int
authority_key(struct authority *a, bool renew, struct rsp_error *e)
{
	bool there = pki_file_exists(&a->dir, "ca.key");

	if (there && renew)
		a->key = read_key(&a->dir, "ca.key", e);
	else if ((a->key = new_key(e)) != NULL &&
		 write_key(&a->dir, "ca.key", PKI_NEW, a->key, e) != 0)
		return -1;
	return a->key == NULL ? -1 : 0;
}

/* Renewing keeps the name, by which what was signed finds its issuer. */
static int
authority_name(struct authority *a, bool renew, char cn[64],
    struct rsp_error *e)
{
	struct pki_cert old = { 0 };
	uint64_t r = 0;
	X509 *cert;

	if (!renew || !pki_file_exists(&a->dir, "ca.pem")) {
		BIGNUM *n = BN_new();

		if (n != NULL &&
		    BN_rand(n, 32, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1)
			r = BN_get_word(n);
		BN_free(n);
		snprintf(cn, 64, "resopro authority %08llx",
		    (unsigned long long)r);
		return 0;
	}
	cert = read_cert(&a->dir, "ca.pem", e);
	if (cert == NULL)
		return -1;
	pki_text(cert, &old);
	X509_free(cert);
	snprintf(cn, 64, "%.63s", old.subject);
	return 0;
}

static int
init_in(struct authority *a, const struct pki_options *o, struct pki_cert *out,
    struct rsp_error *e)
{
	int64_t now = now_of(o);
	char cn[64];
	unsigned revoked;
	struct request r = {
		.cn = cn,
		.constraints = "critical,CA:TRUE,pathlen:0",
		.key_usage = "critical,keyCertSign,cRLSign",
		.from = now - BACKDATED,
		.to = now + (int64_t)(o->days ? o->days : PKI_CA_DAYS) * DAY,
	};

	/* Before the key is made: a key without certificate helps nobody. */
	if (!o->renew && pki_file_exists(&a->dir, "ca.pem"))
		return fault(e, RSP_ERR_CONFIG,
		    _("use it, or add --renew for a new certificate of the "
		      "same "
		      "key"),
		    _("%s: there is an authority here already"), a->dir.path);
	if (authority_name(a, o->renew, cn, e) != 0 ||
	    authority_key(a, o->renew, e) != 0 ||
	    (a->cert = sign(&r, a->key, NULL, a->key, e)) == NULL ||
	    pki_index_load(&a->dir, &a->index, e) != 0 ||
	    write_cert(&a->dir, "ca.pem", o->renew ? PKI_RENEW : PKI_NEW,
		a->cert, e) != 0)
		return -1;
	describe(&a->dir, "ca", a->cert, out);
	return write_crl(a, now, &revoked, e);
}

int
pki_init(const char *dir, const struct pki_options *o, struct pki_cert *out,
    struct rsp_error *e)
{
	struct authority a = { 0 };
	int rc;

	if (pki_dir_open(&a.dir, dir, true, e) != 0)
		return -1;
	rc = init_in(&a, o, out, e);
	authority_close(&a);
	return rc;
}

static int
check_vacant(const struct pki_dir *d, const char *name, struct rsp_error *e)
{
	static const char *const ends[] = { "pem", "key" };

	for (size_t i = 0; i < 2; i++) {
		char file[160];

		snprintf(file, sizeof file, "%s.%s", name, ends[i]);
		if (pki_file_exists(d, file))
			return fault(e, RSP_ERR_CONFIG,
			    _("add --renew to replace it; the old one is kept "
			      "as "
			      ".previous"),
			    _("%s/%s exists already"), d->path, file);
	}
	return 0;
}

/* Never past the authority's own end: such a certificate would fail early and
 * say something else. */
static int
set_end(struct authority *a, const struct pki_options *o, struct request *r,
    struct rsp_error *e)
{
	unsigned days = o->days == 0 ? PKI_LEAF_DAYS : o->days;
	struct pki_cert ca = { 0 };

	pki_text(a->cert, &ca);
	if (days > PKI_LEAF_DAYS_MAX)
		return fault(e, RSP_INVALID_ARGUMENT,
		    _("ask for 398 days or fewer, and renew"),
		    _("%u days: TLS clients refuse more than %u"), days,
		    PKI_LEAF_DAYS_MAX);
	r->from = now_of(o) - BACKDATED;
	r->to = now_of(o) + (int64_t)days * DAY;
	if (ca.not_after < now_of(o))
		return fault(e, RSP_ERR_CONFIG,
		    _("run 'resopro pki init DIR "
		      "--renew', and give the new ca.pem to all"),
		    _("%s: the authority has expired"), a->dir.path);
	if (r->to > ca.not_after)
		r->to = ca.not_after;
	return 0;
}

static int
write_pair(struct authority *a, const char *name, enum pki_write how,
    EVP_PKEY *key, X509 *cert, struct rsp_error *e)
{
	char file[160];

	snprintf(file, sizeof file, "%s.key", name);
	if (write_key(&a->dir, file, how, key, e) != 0)
		return -1;
	snprintf(file, sizeof file, "%s.pem", name);
	return write_cert(&a->dir, file, how, cert, e);
}

/* The index first: what is not in it cannot be revoked. */
static int
issue_in(struct authority *a, const char *name, struct request *r,
    const struct pki_options *o, struct pki_cert *out, struct rsp_error *e)
{
	EVP_PKEY *key;
	X509 *cert = NULL;
	int rc = -1;

	if ((!o->renew && check_vacant(&a->dir, name, e) != 0) ||
	    set_end(a, o, r, e) != 0)
		return -1;
	r->constraints = "critical,CA:FALSE";
	r->key_usage = "critical,digitalSignature";
	key = new_key(e);
	if (key != NULL)
		cert = sign(r, key, a->cert, a->key, e);
	if (cert != NULL) {
		describe(&a->dir, name, cert, out);
		rc = record(a, name, out, e);
	}
	if (rc == 0)
		rc = write_pair(a, name, o->renew ? PKI_RENEW : PKI_NEW, key,
		    cert, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}

static int
issue(const char *dir, const char *name, struct request *r,
    const struct pki_options *o, struct pki_cert *out, struct rsp_error *e)
{
	struct authority a;
	int rc;

	if (authority_open(&a, dir, e) != 0)
		return -1;
	rc = issue_in(&a, name, r, o, out, e);
	authority_close(&a);
	return rc;
}

static bool
only_of(const char *s, const char *allowed)
{
	return s[0] != '\0' && s[strspn(s, allowed)] == '\0';
}

static bool
is_ip(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 ||
	       inet_pton(AF_INET6, s, bytes) == 1;
}

static bool
is_dns(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-";
	size_t n = strlen(s);

	if (strncmp(s, "*.", 2) == 0)
		return is_dns(s + 2);
	return n <= 253 && only_of(s, allowed) && s[0] != '.' && s[0] != '-' &&
	       s[n - 1] != '.' && s[n - 1] != '-' && strstr(s, "..") == NULL;
}

/* Is "DNS:name" one of the entries between commas? */
static bool
has_san(const char *san, const char *entry)
{
	size_t n = strlen(entry);

	while (*san != '\0') {
		size_t len = strcspn(san, ",");

		if (len == n && strncmp(san, entry, n) == 0)
			return true;
		san += len + (san[len] == ',');
	}
	return false;
}

static int
add_san(char san[SAN_SIZE], const char *name, struct rsp_error *e)
{
	bool ip = is_ip(name);
	size_t used = strlen(san);
	char one[300];

	if (!ip && !is_dns(name))
		return fault(e, RSP_INVALID_ARGUMENT,
		    _("give names as in registre.example.org or 192.0.2.7, "
		      "without port"),
		    _("\"%.100s\" is neither a DNS name nor an IP address"),
		    name);
	snprintf(one, sizeof one, "%s%s:%s", used == 0 ? "" : ",",
	    ip ? "IP" : "DNS", name);
	if (has_san(san, one + (used != 0))) /* a loopback name, given too */
		return 0;
	if (used + strlen(one) >= SAN_SIZE)
		return fault(e, RSP_INVALID_ARGUMENT,
		    _("make a second certificate with --name"),
		    _("too many names for one certificate"));
	strcat(san, one);
	return 0;
}

static int
check_file_name(const char *name, struct rsp_error *e)
{
	if (strlen(name) <= 80 &&
	    only_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-") &&
	    strcmp(name, "ca") != 0 && strncmp(name, "account-", 8) != 0)
		return 0;
	return fault(e, RSP_INVALID_ARGUMENT,
	    _("use 1 to 80 of a-z, 0-9 and -, neither \"ca\" nor \"account-\""),
	    _("\"%.80s\" cannot name a server's files"), name);
}

int
pki_server(const char *dir, const char *const *names, size_t n,
    const struct pki_options *o, struct pki_cert *out, struct rsp_error *e)
{
	static const char *const loopback[] = { "localhost", "127.0.0.1",
		"::1" };
	const char *file = o->name == NULL ? "server" : o->name;
	char cn[65], san[SAN_SIZE] = "";
	struct request r = { .cn = cn,
		.san = san,
		.extended_usage = "serverAuth" };

	if (n == 0 || n > PKI_NAMES_MAX)
		return fault(e, RSP_INVALID_ARGUMENT,
		    _("give the names that clients will use"),
		    _("a server needs 1 to %d names"), PKI_NAMES_MAX);
	if (check_file_name(file, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (add_san(san, names[i], e) != 0)
			return -1;
	for (size_t i = 0; i < 3; i++)
		if (add_san(san, loopback[i], e) != 0)
			return -1;
	snprintf(cn, sizeof cn, "%.64s", names[0]);
	return issue(dir, file, &r, o, out, e);
}

int
pki_account(const char *dir, const char *id, const struct pki_options *o,
    struct pki_cert *out, struct rsp_error *e)
{
	char name[112], cn[65], san[128];
	struct request r = { .cn = cn,
		.san = san,
		.extended_usage = "clientAuth" };

	if (strlen(id) > 80 ||
	    !only_of(id, "abcdefghijklmnopqrstuvwxyz0123456789-"))
		return fault(e, RSP_INVALID_ARGUMENT,
		    _("give the account's id as in 'resopro account list'"),
		    _("\"%.100s\" is no account id: 1 to 80 of a-z, 0-9 and -"),
		    id);
	snprintf(name, sizeof name, "account-%s", id);
	snprintf(cn, sizeof cn, "%.64s", id);
	snprintf(san, sizeof san, "URI:resopro:account:%s", id);
	return issue(dir, name, &r, o, out, e);
}

int
pki_show(const char *file, struct pki_cert *out, struct rsp_error *e)
{
	const char *slash = strrchr(file, '/');
	char dir[512] = ".";
	struct pki_dir d = { .path = dir };
	X509 *cert;

	if (slash != NULL)
		snprintf(dir, sizeof dir, "%.*s",
		    slash == file ? 1 : (int)(slash - file), file);
	/* Reading needs no lock, and may be of a directory that is not ours. */
	d.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.fd < 0)
		return fault(e, RSP_ERR_CONFIG, _("check the path"), "%s: %s",
		    file, strerror(errno));
	cert = read_cert(&d, slash == NULL ? file : slash + 1, e);
	pki_dir_close(&d);
	if (cert == NULL)
		return -1;
	memset(out, 0, sizeof *out);
	pki_text(cert, out);
	snprintf(out->cert_path, sizeof out->cert_path, "%s", file);
	X509_free(cert);
	return 0;
}
