/*
 * push_check.h - look through all the files before anything is sent, so that
 * what is wrong is said at once, all of it, also when no server answers.
 *
 * Thread: one.  Blocks: on the files.
 */
#ifndef CLI_PUSH_CHECK_H
#define CLI_PUSH_CHECK_H

#include "origins.h"
#include "push_files.h"

struct push_check {
	struct origins origins; /* of the records that will be sent */
	uint32_t bad;           /* records that cannot be */
	unsigned kinds;         /* bit a Kind: those met */
	/* Lines of the bad ones, in the order of the files: left out when the
	 * others are sent. */
	struct origin *left_out;
	size_t room;
};

/*
 * Read every file; tell the user each problem (the first 50).
 * Fails: an exit code when a file cannot be read to its end; 0 otherwise, also
 * when records are bad.  push_check_free() in any case.
 */
int push_check(struct push_check *, struct cli *, struct push_files *);
void push_check_free(struct push_check *);

/* Tell of one problem: "file:line: column 3 (siret): ...". */
void push_tell(struct cli *, const char *file, const struct records_problem *);

#endif
