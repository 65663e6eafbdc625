/*
 * pki.h - certificates for tests: a CA in a directory of its own under $TMPDIR.
 * Every function asserts; paths and the CA are the pki's.
 */
#ifndef SUPPORT_PKI_H
#define SUPPORT_PKI_H

#include <stdbool.h>
#include <stddef.h>

struct pki;
struct ssl_ctx_st;

struct pki_leaf {
	const char *name; /* of the files: <name>.pem, <name>.key */
	const char *cn;   /* NULL: the name */
	const char *uri;  /* SAN URI; NULL: none */
	bool server;      /* for TLS servers, else for clients */
	long from, to;    /* seconds from now; both 0: a valid hour */
	long serial;      /* 0: any */
};

struct pki *pki_new(void);   /* writes ca.pem and ca.key */
void pki_free(struct pki *); /* removes the directory; NULL is a no-op */

/* "<dir>/<name>"; valid until pki_free(). */
const char *pki_path(struct pki *, const char *name);
void pki_issue(struct pki *, const struct pki_leaf *);
/* Write `name`, a CRL with these serials. */
void pki_write_crl(struct pki *, const char *name, const long *serials,
    size_t n);
void pki_write(struct pki *, const char *name, const char *text);

/* A client's TLS context: trusts ca.pem, offers h2, shows <leaf>.pem (NULL:
 * nothing).  The caller frees it. */
struct ssl_ctx_st *pki_client(struct pki *, const char *leaf);

#endif
