/*
 * link.h - connections of the load generator: TCP, mutual TLS 1.3, HTTP/2.
 * Hides OpenSSL and nghttp2.
 *
 * Callbacks run inside links_turn() only.  In all of them any function below
 * may be called; what was closed is freed at the turn's end.
 */
#ifndef LOAD_LINK_H
#define LOAD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load.h"
#include "wire/buf.h"

struct link;
struct links;

struct stream { /* one request and its answer: embed it first */
	struct link *link;
	struct stream *next, **ref; /* the link's, while it is open */
	const char *path;    /* NULL: the target's; kept until it is over */
	const uint8_t *body; /* of the request; likewise */
	size_t body_len, body_at;
	bool open_ended;   /* more may be asked: the stream stays half open */
	struct buf answer; /* body bytes so far; its memory is kept */
	int32_t id;
	int http_status, grpc_status; /* -1: none came */
	uint32_t error;               /* HTTP/2's, when it was reset */
	char message[120];            /* grpc-message */
};

struct links_user { /* who opens connections: embed it first */
	struct links *links;
};

struct link_ops {
	void (*opened)(struct link *); /* TLS is done; calls may be sent */
	/* Bytes were added to `answer`.  May be NULL. */
	void (*data)(struct stream *);
	void (*done)(struct stream *); /* closed; it may be used again */
	/* It ended by itself or never opened; its open streams are done(). */
	void (*lost)(struct link *, const char *why);
};

struct target { /* what is called; opaque, one for each path */
	const char *path;
	bool plain; /* GET without a body, not gRPC */
};

/* Fills in user->links. */
void links_new(struct links_user *, const struct options *,
    const struct link_ops *);
void links_free(struct links *);
/* One wait, until `deadline` (monotonic, ns) at the latest, and all that came
 * of it. */
void links_turn(struct links *, int64_t deadline);
unsigned links_open(const struct links *); /* begun and not closed */

/* Connect.  `index` names it: its TLS session is kept under it. */
struct link *link_open(struct links *, unsigned index);
void link_close(struct link *);
unsigned link_index(const struct link *);
struct links_user *link_user(const struct link *);
bool link_is_open(const struct link *);
bool link_resumed(const struct link *); /* the handshake was */

/* Send; done() comes later, also when the connection is lost. */
void link_call(struct link *, const struct target *, struct stream *);
/* More of `body` has come to an open-ended stream. */
void link_more(struct stream *);

#endif
