/*
 * tls_words.h - why TLS failed, in words for the person who looks after the
 * machine: which check, of which certificate, and what to do.
 */
#ifndef CLIENT_TLS_WORDS_H
#define CLIENT_TLS_WORDS_H

#include <openssl/x509.h>

#include <resopro/error.h>

#define TLS_REMEDY_LEN 256

struct tls_cert { /* what a message says of a certificate */
	char subject[128], issuer[128]; /* common names, or the whole name */
	char from[16], to[16];          /* 2026-01-31 */
	char names[192];                /* "DNS:a, IP:b", or "" */
};

struct tls_words {             /* what is known of both sides */
	const char *name;      /* that the server must bear */
	const char *ca_file;   /* NULL: the system's */
	const char *cert_file; /* ours; NULL: none */
	struct tls_cert own;   /* filled in when cert_file is */
	int verify;            /* X509_V_ERR_*; 0: that check went well */
	struct tls_cert peer;  /* filled in when verify is not 0 */
};

void tls_cert_read(const X509 *, struct tls_cert *);

/* OpenSSL's queue holds the failure: it is emptied.  -1, RSP_ERR_TLS. */
int tls_explain(const struct tls_words *, struct rsp_error *);

#endif
