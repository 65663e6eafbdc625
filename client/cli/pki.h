/*
 * pki.h - a small certification authority for one register, in a directory:
 *
 *	ca.pem ca.key		the authority (P-256, 10 years, pathlen 0)
 *	NAME.pem NAME.key	a server's pair (default name: server)
 *	account-ID.pem .key	a client's: SAN URI resopro:account:ID
 *	crl.pem			revoked certificates, for the daemon's crl_file
 *	index			one line a certificate, tab-separated
 *	*.previous		what --renew replaced last
 *
 * Keys are 0600 from their first byte on.  A file appears whole or not at all,
 * and none is replaced without `renew`.
 *
 * Thread: one at a time; a second process on the directory is refused at once.
 * Blocks: disk.  Errors: RSP_ERR_CONFIG (names the file, with a remedy),
 * RSP_INVALID_ARGUMENT (a name), RSP_NOT_FOUND, RSP_INTERNAL (OpenSSL).
 */
#ifndef CLI_PKI_H
#define CLI_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <resopro/error.h>

enum {
	PKI_CA_DAYS = 3650,
	PKI_LEAF_DAYS = 365,
	PKI_LEAF_DAYS_MAX = 398, /* what TLS clients still accept */
	PKI_NAMES_MAX = 32,
};

/* What a command wrote, or what a certificate says. */
struct pki_cert {
	char cert_path[512];
	char key_path[512]; /* "" when there is none */
	char subject[128];  /* common name */
	char issuer[128];
	char names[1024]; /* "DNS:a, IP:::1, URI:resopro:account:x" */
	char usage[32];   /* "authority", "server", "account", "other" */
	char serial[48];  /* upper-case hex */
	char sha256[65];  /* of the DER bytes: an account's pin */
	int64_t not_before, not_after; /* unix seconds */
};

struct pki_options {
	bool renew;       /* replace; the old files stay as .previous */
	unsigned days;    /* 0: the default above */
	const char *name; /* pki_server: file name; NULL: "server" */
	int64_t now;      /* unix seconds; 0: the clock */
};

/* Make the authority; with renew, a new certificate for the same key, so that
 * all that it has signed stays valid. */
int pki_init(const char *dir, const struct pki_options *, struct pki_cert *,
    struct rsp_error *);

/* A server's key and certificate for DNS names and IP addresses; localhost,
 * 127.0.0.1 and ::1 are always added. */
int pki_server(const char *dir, const char *const *names, size_t n,
    const struct pki_options *, struct pki_cert *, struct rsp_error *);

/* A client's key and certificate for the account `id`. */
int pki_account(const char *dir, const char *id, const struct pki_options *,
    struct pki_cert *, struct rsp_error *);

/* Revoke every certificate in force of an account id or file name ("server"),
 * or the one with this serial; *n is how many.  Renews crl.pem. */
int pki_revoke(const char *dir, const char *what, const struct pki_options *,
    unsigned *n, struct rsp_error *);

/* Write crl.pem again from the index; *n certificates are in it. */
int pki_crl(const char *dir, const struct pki_options *, unsigned *n,
    struct rsp_error *);

/* What the first certificate of a PEM file says. */
int pki_show(const char *file, struct pki_cert *, struct rsp_error *);

#endif
