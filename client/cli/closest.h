/*
 * closest.h - "did you mean": the known word nearest to a mistyped one.
 *
 *	struct closest c = { .word = typed };
 *	for (...)
 *		closest_try(&c, name);
 *	if (c.best != NULL) ...
 */
#ifndef CLI_CLOSEST_H
#define CLI_CLOSEST_H

struct closest {
	const char *word;  /* as typed */
	const char *best;  /* NULL: nothing near enough */
	unsigned distance; /* of best */
};

/* Consider one name; borrows it. */
void closest_try(struct closest *, const char *name);

#endif
