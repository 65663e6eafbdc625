/*
 * resopro/error.h - how a call failed: a code for programs, words for people,
 * and what would make it work.
 *
 * A struct rsp_error is plain data of fixed size: put it on the stack, copy it
 * with =, there is nothing to free.  Functions that take one fill it when they
 * fail and leave it alone when they succeed; NULL is allowed where the details
 * do not matter.
 */
#ifndef RESOPRO_ERROR_H
#define RESOPRO_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0 to 16 are gRPC's status codes, by their numbers on the wire. */
enum rsp_code {
	RSP_OK = 0,
	RSP_CANCELLED = 1, /* by the caller (reason "INTERRUPTED") or
				     * by the server */
	RSP_UNKNOWN = 2,
	RSP_INVALID_ARGUMENT = 3,  /* shape; see violations */
	RSP_DEADLINE_EXCEEDED = 4, /* see maybe_written */
	RSP_NOT_FOUND = 5,
	RSP_ALREADY_EXISTS = 6, /* id taken, or request id with other body */
	RSP_PERMISSION_DENIED = 7,
	RSP_RESOURCE_EXHAUSTED = 8, /* a limit; retry_after_ms where it helps */
	RSP_FAILED_PRECONDITION = 9, /* a rule; see violations, remedy */
	RSP_ABORTED = 10,            /* version moved; fact "current_version" */
	RSP_OUT_OF_RANGE = 11,       /* revision compacted */
	RSP_UNIMPLEMENTED = 12,
	RSP_INTERNAL = 13,
	RSP_UNAVAILABLE = 14, /* nothing was done: try later */
	RSP_DATA_LOSS = 15,
	RSP_UNAUTHENTICATED = 16,

	/* Found on this side; the server never sends these. */
	RSP_UNCERTAIN = 100,  /* connection lost: may have been written */
	RSP_ERR_CONFIG = 101, /* an option or a file: names it */
	RSP_ERR_TLS = 102,    /* the handshake: says which check failed */
	RSP_ERR_USAGE = 103,  /* a function was called out of order */
	RSP_ERR_NOMEM = 104
};

enum { RSP_MAX_VIOLATIONS = 16, RSP_MAX_FACTS = 8 };

/* One field or rule at fault (BadRequest, PreconditionFailure, QuotaFailure). */
struct rsp_violation {
	char field[96];        /* dotted path, or the subject of the rule */
	char reason[48];       /* stable UPPER_SNAKE word, or "" */
	char description[256]; /* rule and remedy, for people */
};

/* One entry of ErrorInfo.metadata. */
struct rsp_fact {
	char key[48];
	char value[128];
};

struct rsp_error {
	enum rsp_code code;
	/* Where it was found: true when the server answered, false when this
	 * side gave up (no connection, deadline, bad option). */
	bool from_server;
	/* The request was sent, it changes something, and no answer came: it
	 * may have been written.  Sending it again is safe with the same
	 * request id only. */
	bool maybe_written;
	char msg[512]; /* one sentence for people, in UTF-8; never parse it */
	char remedy[256];        /* what to do next, or "" */
	char reason[64];         /* stable UPPER_SNAKE word, or "" */
	char domain[64];         /* ErrorInfo.domain, or "" */
	uint32_t retry_after_ms; /* 0: the server did not say */
	unsigned nviolations, violations_omitted;
	struct rsp_violation violations[RSP_MAX_VIOLATIONS];
	unsigned nfacts;
	struct rsp_fact facts[RSP_MAX_FACTS];
};

/* Back to RSP_OK and empty.  A zeroed struct is cleared. */
void rsp_error_clear(struct rsp_error *);

/* Value of a fact ("current_version"), or NULL.  Borrows from the error. */
const char *rsp_error_fact(const struct rsp_error *, const char *key);

/* "NOT_FOUND", "UNCERTAIN", ...  Never NULL. */
const char *rsp_code_name(enum rsp_code);

#ifdef __cplusplus
}
#endif
#endif
