/*
 * args.h - the command line against the tables of cmd.h.
 *
 * "--name value", "--name=value", "-n value", "-nvalue", grouped flags, "--";
 * options may stand anywhere.  Names are never shortened: a script must not
 * break when a new option arrives.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <resopro/error.h>

#include "cmd.h"

/* Options that every command takes; ends with a NULL name. */
extern const struct opt general_options[];

struct args_value {
	const struct opt *opt;
	const char *value; /* NULL: a flag */
};

struct args {
	const struct cmd *cmd; /* found; a group when its verb is missing;
				 * NULL: none was named */
	char path[96];         /* "account token create" */
	bool help, version;    /* asked for: operands are then not checked */
	struct args_value *values;
	size_t nvalues;
	const char **operands;
	size_t noperands;
};

/*
 * Parse argv[1..].  Borrows argv and the tables.
 * Fails: -1 with RSP_ERR_CONFIG; args->cmd and path are what was found by then.
 * args_free() in any case.
 */
int args_parse(struct args *, const struct cmd *const *cmds, int argc,
    char **argv, struct rsp_error *);
void args_free(struct args *);

/* Has this word of opt.complete a meaning of its own ("kinds", "files")? */
bool args_is_special(const char *complete);

#endif
