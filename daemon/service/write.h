/*
 * write.h - one write on its way: from the call, through the writer thread,
 * back to the call if it still waits.  It owns all that it needs, because the
 * call may be cancelled while the commit is under way.
 */
#ifndef SERVICE_WRITE_H
#define SERVICE_WRITE_H

#include "service/claims.h"
#include "service/context.h"
#include "service/schema.h"
#include "store/store.h"
#include "wire/arena.h"

struct write {
	struct proposal proposal; /* first: the store gives it back */
	struct call_user user;    /* user.call is NULL once it is over */
	struct service *service;
	struct catalog *catalog; /* one reference, for the writer thread */
	struct principal who;    /* a copy */
	struct arena *arena;
	struct arena *kept; /* the call's, read only; or NULL */
	struct violations
	    violations; /* filled by the writer, shown if refused */
	/* Disputes that a refusal opens, by a commit of its own that comes
	 * before the answer; `outcome` and `answer` do not see it. */
	struct claims claims;
	struct write_verdict { /* kept meanwhile */
		struct err err;
		uint64_t revision;
		int64_t time_ns;
	} verdict;
	/* Loop thread, call alive, accepted (or replayed). */
	void (*answer)(struct write *);
	/* Loop thread, call alive, accepted or refused: instead of answer().  It
	 * owns the write from then on.  May be NULL. */
	void (*outcome)(struct write *);
	/* Before it is freed, on the loop's thread.  May be NULL. */
	void (*cleanup)(struct write *);
	/* Facts for a refusal: the current version, when ERR_CONFLICT. */
	uint64_t current_version;
};

/*
 * A zeroed write of `size` bytes (a struct that embeds struct write first),
 * bound to the call; its request id is checked and, with the request's bytes,
 * hashed for replays.  NULL with *e set.
 */
struct write *write_new(struct call *, size_t size, const char *request_id,
    struct err *);
/* The same, for one that may hold `arena_bytes`. */
struct write *write_new_large(struct call *, size_t size, size_t arena_bytes,
    const char *request_id, struct err *);
/* Before write_submit() only. */
void write_free(struct write *);

/* Hand it to the writer.  Returns 0 always: the answer comes later. */
int write_submit(struct write *,
    int (*decide)(struct proposal *, struct decision *, struct err *),
    void (*answer)(struct write *));

/* For rpc_method.closed of every method that writes: what still waits for the
 * writer is not done. */
void write_closed(struct call *);

/* A member reached for a field that is the agency's: that is refused, and told
 * to the journal, so that the agency can ask who tried.  Looks at the reason. */
void write_journal(const struct write *, const char *record, const char *field,
    const char *reason);

/* What was noticed and accepted, for an answer; in the write's arena. */
char **write_warnings(struct write *, size_t *n);

/* An id that follows from the account and the request id: a repeated request
 * names the same record. */
void write_derived_id(const struct write *, char *out, size_t cap,
    const char *prefix);

/* A random id: prefix, '-' and 16 characters of [a-z2-7]. */
void write_random_id(char *out, size_t cap, const char *prefix);

#endif
