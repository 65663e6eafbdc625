/*
 * err.h - an error is a value with a cause: a code for programs, a text for
 * people, and, where the caller can act on it, the field and the remedy.
 *
 * Thread: a struct err belongs to one thread at a time.  Nothing here blocks
 * or allocates.  "Log or return, never both" is the rule of its users.
 */
#ifndef WIRE_ERR_H
#define WIRE_ERR_H

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* One code maps to one gRPC status (grpc_status.h holds the table). */
enum err_code {
	ERR_NONE,
	ERR_INVALID,         /* shape of the input; names the field */
	ERR_UNAUTHENTICATED, /* nobody we know */
	ERR_DENIED,          /* known, but not allowed to */
	ERR_NOT_FOUND,
	ERR_EXISTS,       /* id taken, or request id with another body */
	ERR_CONFLICT,     /* the version moved; tells the current one */
	ERR_PRECONDITION, /* a rule refuses; tells which and the remedy */
	ERR_LIMIT,        /* a limit or the disk: less, or later */
	ERR_COMPACTED,    /* revision dropped; tells the oldest */
	ERR_DEADLINE,
	ERR_CANCELLED,
	ERR_UNAVAILABLE, /* draining, or no connection */
	ERR_UNCERTAIN,   /* client side: may have been written */
	ERR_UNIMPLEMENTED,
	ERR_NOMEM,
	ERR_IO,
	ERR_CORRUPT,  /* checksum or format: data loss */
	ERR_INTERNAL, /* our bug */
	ERR_COUNT
};

struct err {
	enum err_code code;
	char msg[320];    /* for people: never parsed, holds no secret */
	char field[64];   /* dotted path of the field at fault, or "" */
	char reason[48];  /* stable UPPER_SNAKE word for programs, or "" */
	char remedy[192]; /* what would satisfy the rule, or "" */
};

/* Forget: back to ERR_NONE and empty texts.  A zeroed struct is cleared. */
void err_clear(struct err *);

/* Record the cause; texts that do not fit are cut on a UTF-8 boundary.
 * NULL err is allowed (the cause is dropped).  Returns -1, so that
 * `return err_set(...)` reads as a failure. */
int err_set(struct err *, enum err_code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Put context in front while unwinding: "put cio-14: " + "map full".
 * Returns -1. */
int err_wrap(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Complete an error already set: the field at fault, a stable reason word,
 * the remedy.  NULL leaves that part alone.  Returns -1. */
int err_field(struct err *, const char *field);
int err_reason(struct err *, const char *reason);
int err_remedy(struct err *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "INVALID", "NOT_FOUND", ...: for logs.  Never NULL. */
const char *err_code_name(enum err_code);

#endif
