/*
 * tls.h - TLS 1.2 and 1.3 to the server, over a socket that does not block.
 * Hides OpenSSL.  Never raises SIGPIPE.
 *
 * Thread: one at a time.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include <stdint.h>
#include <sys/types.h>

#include <resopro/client.h>

struct rsp_tls;      /* authorities, certificate and key of a client */
struct rsp_tls_link; /* one connection */

/*
 * Read the files that the options name.
 * Fails: NULL with RSP_ERR_CONFIG, which names the option and the file;
 *        RSP_ERR_NOMEM.
 * Blocks: on the disk.
 */
struct rsp_tls *rsp_tls_new(const struct rsp_client_opts *, struct rsp_error *);
void rsp_tls_free(struct rsp_tls *); /* NULL is a no-op */

/* Borrows `fd` and the context; `name`, a host name or an address, is what the
 * server's certificate must bear.  Fails: NULL, RSP_ERR_NOMEM. */
struct rsp_tls_link *rsp_tls_open(struct rsp_tls *, int fd, const char *name,
    struct rsp_error *);
/* Says goodbye if the socket takes it at once.  NULL is a no-op. */
void rsp_tls_close(struct rsp_tls_link *);

/* 1 done, 0 call again after rsp_tls_events(), -1 RSP_ERR_TLS (says which check
 * failed) or RSP_UNAVAILABLE (the connection broke). */
int rsp_tls_handshake(struct rsp_tls_link *, struct rsp_error *);

/* Bytes moved, 0 when the socket has nothing or takes nothing; -1 as above;
 * a connection that the server ended is RSP_UNAVAILABLE. */
ssize_t rsp_tls_read(struct rsp_tls_link *, void *, size_t, struct rsp_error *);
ssize_t rsp_tls_write(struct rsp_tls_link *, const void *, size_t,
    struct rsp_error *);

/* POLLIN, POLLOUT: what the last calls were waiting for. */
short rsp_tls_events(const struct rsp_tls_link *);

#endif
