/*
 * resopro/client.h - talk to resoprod: gRPC over TLS, in blocking calls.
 * <resopro/loop.h> has the same calls for a program with an event loop.
 *
 * A struct rsp_client holds one connection to one of the servers that it was
 * given, opened when it is first needed and again, to the same or another
 * server, after it was lost.  Requests and answers are the protobuf-c messages
 * of <resopro/v1/NAME.pb-c.h>.
 *
 * Thread: a client and its streams belong to one thread at a time; they may
 * pass from one to another under the caller's own lock, and different clients
 * are independent.  After fork() a client is the parent's alone.  The library
 * has no global state, starts no thread, installs no signal handler and never
 * raises SIGPIPE.
 *
 * See libresopro(3) for complete programs.
 */
#ifndef RESOPRO_CLIENT_H
#define RESOPRO_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <resopro/error.h>
#include <resopro/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rsp_client;
struct rsp_stream;
struct rsp_lookup;

/* ---- options ------------------------------------------------------------ */

/*
 * Zero or NULL always means the default.  Everything is copied; strings may be
 * released once rsp_client_new() has returned.
 *
 *	struct rsp_client_opts opts = { .size = sizeof opts };
 *	opts.server = "registre.example.org:7443";
 */
struct rsp_client_opts {
	size_t size; /* sizeof (struct rsp_client_opts): required */
	/* "host", "host:port", "[v6]:port": required.  Up to 8 of them apart by
	 * commas: the first that answers is used; see below. */
	const char *server;
	const char *ca_file;   /* PEM; NULL: the system's authorities */
	const char *cert_file; /* PEM, leaf first; with key_file or neither */
	const char *key_file;  /* PEM, not encrypted, mode 0600 */
	const char *token;     /* API token (its text), or NULL */
	/* Name that the certificate must bear, when it is not the host of
	 * `server`; the same for all of several servers. */
	const char *server_name;
	const char *user_agent;      /* put before the library's own */
	uint32_t connect_timeout_ms; /* 10,000; name, TCP and TLS together, for
				      * each server */
	uint32_t deadline_ms;        /* 30,000; unary calls that name none */
	uint32_t keepalive_ms;       /* 30,000, or 10,000 with several servers;
				* silence before a PING */
	uint32_t keepalive_timeout_ms; /* 20,000, or 5,000 with several servers;
					* its answer is due within */
	uint32_t return_ms; /* 300,000; a client that had to leave the first of
			     * several servers tries it again after so long */
	uint32_t max_message_bytes;  /* 4 MiB; sent and received */
	uint32_t max_buffered_bytes; /* 64 MiB; received and not yet read, per
				 * stream, while a send is blocked */
	bool gzip;     /* compress requests (answers: always accepted) */
	bool no_retry; /* one attempt only */
	bool shuffle;  /* several servers: in an order of the client's own,
			* drawn by lot, so that the load is spread */
	/* Called for what is worth saying and no failure (key file readable by
	 * others, another server than the first is used, ...).  It must not call
	 * the library.  NULL: said to nobody. */
	void (*warn)(void *warn_arg, const char *text);
	void *warn_arg;
	/* Looks a name up without blocking: see rsp_lookup_done() in
	 * <resopro/loop.h>.  NULL: getaddrinfo(3), which blocks for as long as
	 * the system's resolver takes; an address is never looked up. */
	void (*lookup)(void *lookup_arg, struct rsp_lookup *, const char *host,
	    const char *port);
	void *lookup_arg;
};

/* The port used when `server` names none. */
#define RSP_DEFAULT_PORT "7443"

enum { RSP_SERVERS_MAX = 8 };

/*
 * Several servers.  A connection is sought from the first on; one that refuses
 * or fails gives way to the next at once, one that is silent after 1,000 ms,
 * and whichever answers first is kept for all calls until it is lost, sends
 * GOAWAY or answers UNAVAILABLE.  A server that failed is tried last for some
 * seconds.  From another than the first the client goes back after return_ms,
 * while calls go on.  The deadline of a call covers all of it, and a call moves
 * to another server only where a repetition is safe (see rsp_call()).
 */

/*
 * A client.  Reads the certificate files; does not connect.
 * Owns: the caller, until rsp_client_free().
 * Fails: NULL with RSP_ERR_CONFIG (names the option or the file), RSP_ERR_NOMEM,
 *        RSP_INTERNAL (no file descriptor left).
 * Blocks: on the disk.
 */
struct rsp_client *rsp_client_new(const struct rsp_client_opts *,
    struct rsp_error *);

/* Ends the connection.  Streams still open are cancelled and freed too: their
 * pointers must not be used any more.  NULL is allowed.  Does not block. */
void rsp_client_free(struct rsp_client *);

/* Connect now instead of at the first call; 0 when already connected.
 * Fails: -1 with RSP_UNAVAILABLE, RSP_ERR_TLS, RSP_CANCELLED; the message says
 * it for each server.
 * Blocks: up to connect_timeout_ms, and 1,000 ms more for each further
 * server. */
int rsp_client_connect(struct rsp_client *, struct rsp_error *);

/*
 * Every wait also watches `fd` (-1, the default: none).  Once it is readable,
 * the wait ends with RSP_CANCELLED, reason "INTERRUPTED"; the library never
 * reads from it.  A signal handler that writes one byte to a pipe or an eventfd
 * thus ends a blocked call cleanly.  Borrows: the fd, until replaced.
 */
void rsp_client_set_interrupt_fd(struct rsp_client *, int fd);

/* ---- methods ------------------------------------------------------------ */

enum rsp_kind { RSP_UNARY, RSP_CLIENT_STREAM, RSP_SERVER_STREAM, RSP_BIDI };

/* What a second sending of the same request does. */
enum rsp_effect {
	RSP_READ,     /* nothing: may be repeated */
	RSP_WRITE_ID, /* nothing, if the request bears a request_id */
	RSP_WRITE     /* writes again */
};

struct rsp_method {
	const char *path; /* "/resopro.v1.Registry/Get" */
	const ProtobufCMessageDescriptor *input, *output;
	enum rsp_kind kind;
	enum rsp_effect effect;
};

extern const struct rsp_method rsp_registry_get;
extern const struct rsp_method rsp_registry_batch_get;
extern const struct rsp_method rsp_registry_list;
extern const struct rsp_method rsp_registry_search;
extern const struct rsp_method rsp_registry_put;
extern const struct rsp_method rsp_registry_delete;
extern const struct rsp_method rsp_registry_confirm;
extern const struct rsp_method rsp_registry_history;
extern const struct rsp_method rsp_registry_sync;  /* bidi */
extern const struct rsp_method rsp_registry_watch; /* server stream */
extern const struct rsp_method rsp_registry_freshness_counts;
extern const struct rsp_method rsp_ownership_resolve_dispute;
extern const struct rsp_method rsp_ownership_withdraw_dispute;
extern const struct rsp_method rsp_ownership_request_transfer;
extern const struct rsp_method rsp_ownership_offer_transfer;
extern const struct rsp_method rsp_ownership_approve_transfer;
extern const struct rsp_method rsp_ownership_reject_transfer;
extern const struct rsp_method rsp_ownership_cancel_transfer;
extern const struct rsp_method rsp_memberships_record_status;
extern const struct rsp_method rsp_memberships_end_status;
extern const struct rsp_method rsp_activities_declare;
extern const struct rsp_method rsp_activities_list;
extern const struct rsp_method rsp_referrals_find;
extern const struct rsp_method rsp_territories_resolve;
extern const struct rsp_method rsp_territories_list_zones;
extern const struct rsp_method rsp_admin_who_am_i;
extern const struct rsp_method rsp_admin_explain;
extern const struct rsp_method rsp_admin_put_account;
extern const struct rsp_method rsp_admin_get_account;
extern const struct rsp_method rsp_admin_list_accounts;
extern const struct rsp_method rsp_admin_create_token;
extern const struct rsp_method rsp_admin_revoke_token;
extern const struct rsp_method rsp_admin_revoke_certificate;
extern const struct rsp_method rsp_admin_status;
extern const struct rsp_method rsp_admin_verify;

/* All of them, from 0; NULL past the last. */
const struct rsp_method *rsp_method_at(size_t i);

/* By "/resopro.v1.Registry/Get" or "Registry/Get"; NULL when unknown. */
const struct rsp_method *rsp_method_find(const char *name);

/* ---- unary calls -------------------------------------------------------- */

enum {
	RSP_DEADLINE_DEFAULT = 0, /* the client's; none for a stream */
	RSP_DEADLINE_NONE = -1
};

/*
 * Call a unary method.  0 and *response on success.
 * Owns: the caller owns *response: rsp_message_free().
 * deadline_ms: all attempts together, connecting included.
 * Retries: an attempt that the server certainly did not process is repeated; one
 * that ended UNAVAILABLE, or whose connection was lost, is repeated when the
 * method is a read or the request bears a request_id.  Four attempts at most,
 * on whichever server is then connected, 100 ms doubled with jitter between
 * them (or what the server asks for).
 * Fails: -1; *response is NULL.  RSP_UNCERTAIN: sent, it changes something, the
 * connection was lost and no repetition settled it.
 * Blocks: until answered, failed, past the deadline or interrupted.
 */
int rsp_call(struct rsp_client *, const struct rsp_method *,
    const ProtobufCMessage *request, ProtobufCMessage **response,
    int64_t deadline_ms, struct rsp_error *);

/* ---- streaming calls ---------------------------------------------------- */

/*
 * Open a call of any kind; messages are then sent and received one by one.
 * Several streams, and unary calls beside them, share the client's connection.
 * deadline_ms: RSP_DEADLINE_DEFAULT means none.
 * Owns: the caller, until rsp_stream_close().
 * Fails: NULL, as rsp_client_connect(), or RSP_DEADLINE_EXCEEDED.  Once a
 * message is on its way nothing is retried.
 * Blocks: until connected.
 */
struct rsp_stream *rsp_stream_open(struct rsp_client *,
    const struct rsp_method *, int64_t deadline_ms, struct rsp_error *);

enum rsp_sent {
	RSP_SEND_ERROR = -1, /* *error says why; the stream is over */
	RSP_SEND_OK = 0,
	RSP_SEND_ENDED = 1, /* the server has ended the call already:
			     * rsp_stream_recv() tells what it said */
	RSP_SEND_FULL = 2 /* not taken, too much waits: of rsp_stream_start()'s
			     * streams only; see <resopro/loop.h> */
};

/*
 * Send one message.  Returns once it is handed to the connection.
 * A server-streaming (or unary) method takes exactly one, which also ends the
 * sending side.  Blocks: while the server's flow-control window is full; what
 * arrives meanwhile is kept (up to max_buffered_bytes, then it fails with
 * RSP_RESOURCE_EXHAUSTED), so that both sides may send at once.
 */
enum rsp_sent rsp_stream_send(struct rsp_stream *, const ProtobufCMessage *,
    struct rsp_error *);

/* No more messages will be sent.  A second time: nothing. */
enum rsp_sent rsp_stream_half_close(struct rsp_stream *, struct rsp_error *);

enum rsp_received {
	RSP_RECV_ERROR = -1,  /* *error is how the call ended */
	RSP_RECV_END = 0,     /* the server ended the call with OK */
	RSP_RECV_MESSAGE = 1, /* *message: rsp_message_free() */
	RSP_RECV_TIMEOUT = 2  /* nothing within timeout_ms; go on */
};

/*
 * Wait for the next message.
 * timeout_ms: -1 waits for ever (or the deadline), 0 only looks.
 * An interruption (see rsp_client_set_interrupt_fd) is an error that leaves the
 * stream open: receive again, or close it.
 * What is not received closes the server's window: a slow reader holds the
 * server back and needs no memory.
 */
enum rsp_received rsp_stream_recv(struct rsp_stream *, int timeout_ms,
    ProtobufCMessage **message, struct rsp_error *);

/* Tell the server to stop.  What follows is RSP_CANCELLED.  Does not block. */
void rsp_stream_cancel(struct rsp_stream *);

/* Cancel unless it has ended, and free.  NULL is allowed.  Does not block. */
void rsp_stream_close(struct rsp_stream *);

/* ---- messages ----------------------------------------------------------- */

/* Free what rsp_call(), rsp_stream_recv() or rsp_message_unpack() gave.
 * NULL is allowed. */
void rsp_message_free(ProtobufCMessage *);

/* Encode.  *bytes is to be free()d.  Fails: -1 with RSP_ERR_NOMEM. */
int rsp_message_pack(const ProtobufCMessage *, uint8_t **bytes, size_t *len,
    struct rsp_error *);

/* Decode untrusted bytes: bounded memory, strings checked as UTF-8.
 * Fails: NULL with RSP_INTERNAL (malformed), RSP_RESOURCE_EXHAUSTED. */
ProtobufCMessage *rsp_message_unpack(const ProtobufCMessageDescriptor *,
    const uint8_t *bytes, size_t len, struct rsp_error *);

/*
 * A request id: 128 random bits as 32 hexadecimal characters and a NUL.
 * Choose one for each intention, keep it (on disk, where the intention must
 * survive the program) and send it again with every repetition.
 * Fails: -1 with RSP_INTERNAL when the system has no randomness to give.
 */
int rsp_request_id(char out[33], struct rsp_error *);

#ifdef __cplusplus
}
#endif
#endif
