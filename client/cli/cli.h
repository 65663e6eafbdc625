/*
 * cli.h - one run of resopro: settings, connection, errors, common operands.
 *
 * Thread: one.  Everything here may block on the network or on output.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <resopro/client.h>
#include <resopro/v1/registry.pb-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd.h"
#include "i18n.h"

/* Exit codes: a contract, in resopro(1). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_INTERNAL = 1, /* our bug, no memory, output not written */
	EXIT_USAGE = 2,    /* the command line, a file or the profile */
	EXIT_NOT_FOUND = 3,
	EXIT_DENIED = 4,       /* or not authenticated */
	EXIT_CONFLICT = 5,     /* version moved, id or request id taken */
	EXIT_INVALID = 6,      /* a value or a rule */
	EXIT_UNAVAILABLE = 7,  /* no server, deadline, limit: try later */
	EXIT_PARTIAL = 8,      /* some done, some not */
	EXIT_UNCERTAIN = 9,    /* may have been written: send it again with
				 * the same --request-id */
	EXIT_SPOOLED = 10,     /* kept on disk; a later run sends it */
	EXIT_INTERRUPTED = 130 /* SIGINT */
};

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

struct settings; /* config.h: server, files, token; where each is from */

struct cli {
	const struct cmd *const *cmds; /* every command, NULL at the end */
	const struct args *args;       /* of this run */
	struct settings *settings;     /* filled on first use */
	struct rsp_client *client;     /* opened on first use */
	enum format format;
	FILE *out, *err;
	bool colour_out, colour_err; /* may colour that stream */
	bool tty_out, tty_err, tty_in;
	bool quiet;          /* --quiet: no remarks on err */
	int width;           /* columns of `out`; 0: no limit */
	int interrupt_fd;    /* readable after SIGINT or SIGTERM */
	int64_t deadline_ms; /* --timeout, or RSP_DEADLINE_DEFAULT */
	char request_id[65]; /* the last one used, or "" */
};

/* ---- the connection ----------------------------------------------------- */

/*
 * The client for the options, environment and profile; made once, and not yet
 * connected.  Borrows: the cli's.
 * Fails: NULL, and has told the user; return EXIT_USAGE.
 */
struct rsp_client *cli_client(struct cli *);

/*
 * A unary call: 0 and *response (rsp_message_free()), or an exit code other
 * than 0 when it failed, after having told the user why.
 */
int cli_call(struct cli *, const struct rsp_method *,
    const ProtobufCMessage *request, ProtobufCMessage **response);

/*
 * The request id of this run: --request-id when the command has that option
 * and it was given, else a new one.  Writes 65 bytes at most.
 * Fails: an exit code, and has told the user; 0 otherwise.
 */
int cli_request_id(struct cli *, char out[65]);

/* A text as the field of a request: protobuf-c has no const strings, but only
 * reads them.  NULL gives "". */
char *cli_field(const char *);

/* SIGINT or SIGTERM came. */
bool cli_interrupted(const struct cli *);

/* ---- telling the user --------------------------------------------------- */

/*
 * Report a failure: "resopro: MESSAGE", then what to do next.  `remedy` is a
 * sentence, translated by the caller: _("..."); NULL only when the message
 * itself says it.  Returns `code`, so that `return cli_fail(...)` reads as one.
 */
int cli_fail(struct cli *, enum exit_code code, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A wrong command line: as cli_fail() with EXIT_USAGE, and shows how to get the
 * help of the command that is running. */
int cli_usage(struct cli *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Report a failed call, with its violations and remedy; returns its exit code.
 * `what` says what was tried ("site x"), or NULL. */
int cli_error(struct cli *, const struct rsp_error *, const char *what);

/* The exit code of an error, without telling. */
enum exit_code cli_exit_code(const struct rsp_error *);

/* A remark on stderr, unless --quiet. */
void cli_say(struct cli *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A remark that something deserves a look, on stderr, even with --quiet. */
void cli_warn(struct cli *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Ask on the terminal; true for yes.  With --yes, or when stdin or stderr is
 * no terminal, true without asking.
 */
bool cli_ask(struct cli *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- operands: 0, or an exit code after having told the user ------------ */

/* "site", "lieu", "KIND_SITE".  Accounts are refused (`resopro account`). */
int cli_kind(struct cli *, const char *text, Resopro__V1__Kind *);

/* An id as the register has them: 1 to 80 of [a-z0-9-]. */
int cli_id(struct cli *, const char *what, const char *text);

/* A decimal number from min to max. */
int cli_number(struct cli *, const char *what, const char *text, uint64_t min,
    uint64_t max, uint64_t *);

/* "2026-02-28": a day that exists, 1900 to 2199. */
int cli_date(struct cli *, const char *what, const char *text);

/*
 * A revision ("8401"), a day ("2026-02-28": its end, in France) or an instant
 * ("2026-02-28T12:00:00Z").  `time` is storage that as_of may point to.
 */
int cli_as_of(struct cli *, const char *text, Resopro__V1__AsOf *as_of,
    Google__Protobuf__Timestamp *time);

/* Read a whole file, or stdin for "-": NUL at the end, free() it.
 * At most `max` bytes. */
int cli_read_file(struct cli *, const char *path, size_t max, char **text,
    size_t *len);

#endif
