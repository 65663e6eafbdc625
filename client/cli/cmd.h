/*
 * cmd.h - what a command is: one const struct in one file cmd_NAME.c.
 *
 * Usage, --help, completion, "did you mean" and the manual check all read
 * these tables, so that none of them can drift from what is accepted.
 * Texts are English and marked N_() for the catalogue; they are translated
 * where they are printed.
 *
 *	static const struct opt opts[] = {
 *		{ .name = "full", .help = N_("the set is all there is") },
 *		{ .name = "kind", .arg = "KIND", .flags = OPT_MANY,
 *		  .complete = "kinds", .help = N_("...") },
 *		{ 0 }
 *	};
 *	const struct cmd cmd_push = {
 *		.name = "push", .args = "PATH", .min = 1, .max = 1,
 *		.help = N_("send a set of records"), .opts = opts,
 *		.run = run_push,
 *	};
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct args;

enum {
	OPT_MANY = 1,  /* may be given several times */
	OPT_SECRET = 2 /* its value never appears in a message */
};

/* One option.  A table ends with an entry whose name is NULL. */
struct opt {
	char letter;      /* 'n' for -n, or 0 */
	const char *name; /* "dry-run" */
	const char *arg;  /* name of its value in usage; NULL: a flag */
	const char *help; /* N_(): half a sentence, lower case, no dot */
	unsigned flags;
	/* What completion offers for the value: words apart by spaces ("table
	 * json"), "kinds", or "files"; NULL: nothing.  Words (but not kinds and
	 * files) are also checked: any other value is a usage error. */
	const char *complete;
};

/* One command, or a group of commands. */
struct cmd {
	const char *name;
	const char *args;       /* operands as usage shows them; NULL: none */
	const char *help;       /* N_(): half a sentence, shown in lists */
	const char *details;    /* N_(): paragraphs of --help, or NULL */
	const struct opt *opts; /* or NULL */
	int min, max; /* operands, checked before run(); max -1: any */
	/* What completion offers for the operands, one entry a position, the
	 * last repeated: as opt.complete, apart by '|'; NULL: nothing. */
	const char *complete;
	int (
	    *run)(struct cli *, const struct args *); /* returns an exit_code */
	const struct cmd *const *subs; /* a group: ends with NULL; no run() */
};

/* ---- what run() is given ------------------------------------------------ */

/* Value of an option, the last one given; NULL when absent.  The name must be
 * in the command's table or among the general options: asserted. */
const char *args_get(const struct args *, const char *name);

/* Was the flag (or option) given? */
bool args_has(const struct args *, const char *name);

/* Values of an OPT_MANY option, in order; the i-th, or NULL past the last. */
const char *args_nth(const struct args *, const char *name, size_t i);

/* Operands. */
size_t args_count(const struct args *);
const char *args_operand(const struct args *, size_t i); /* NULL past last */

#endif
