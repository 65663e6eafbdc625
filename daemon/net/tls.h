/*
 * tls.h - the server's side of TLS: certificate, key, who vouches for
 * clients, revocations.  Hides OpenSSL.
 *
 * All four files make one set that is replaced as a whole: a connection uses
 * the set that was current when it was accepted.
 *
 * Thread: any; a tls_server is shared by all workers.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/peer.h"
#include "wire/err.h"

struct ssl_st;
struct tls_server;

enum tls_client_cert {
	TLS_CERT_REQUIRED,  /* no certificate, no handshake */
	TLS_CERT_REQUESTED, /* none is let in; a bad one is not */
};

struct tls_opts {
	const char
	    *cert_file; /* PEM: the server's certificate, then its chain */
	const char *key_file; /* PEM */
	const char *ca_file;  /* PEM: who vouches for clients */
	const char *crl_file; /* PEM, or NULL: revocation is not checked */
	enum tls_client_cert client_cert;
	bool allow_tls12;  /* else 1.3 only */
	unsigned sessions; /* resumable, kept in memory; 0: 8,192 */
};

/*
 * Read the files.
 * Fails:  ERR_IO (unreadable), ERR_INVALID (not PEM, expired, key of another
 *         certificate); the message names the file and the remedy says what
 *         to do.
 * Blocks: reads files; before the loops start, or on a job thread.
 */
struct tls_server *tls_server_new(const struct tls_opts *, struct err *);
void tls_server_free(struct tls_server *); /* NULL is a no-op */

/* Read the same files again and use them for new connections.  On failure
 * the set in use stays.  Sessions of the old set are not resumed. */
int tls_server_reload(struct tls_server *, struct err *);

/* Goes up by one with each reload that succeeded. */
uint64_t tls_server_generation(const struct tls_server *);

/* When the server's own certificate expires, unix seconds. */
int64_t tls_server_not_after(const struct tls_server *);

/* ---- for net/conn.c ---------------------------------------------------- */

/* A session ready for SSL_do_handshake() on `fd`; NULL: no memory. */
struct ssl_st *tls_accept(struct tls_server *, int fd, uint64_t *generation);

/* After the handshake: was h2 agreed, and is the certificate (also one that
 * a resumed session brought) still good?  Fills in the peer's certificate. */
int tls_accepted(struct ssl_st *, struct peer *, struct err *);

/* Does the set now in use still vouch for this connection's certificate?
 * True when it showed none and none is required. */
bool tls_still_trusted(struct tls_server *, struct ssl_st *, struct err *);

/* Why the handshake failed, for the log. */
void tls_failure(struct ssl_st *, struct err *);

#endif
