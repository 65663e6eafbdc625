/*
 * plan.h - what a Sync does, as people and programs read it.
 *
 *	+ site  ml-flers-s3    Mission locale, Domfront      sites.csv:4
 *	~ site  ml-flers-s1    Mission locale, Flers         sites.csv:2
 *	    telephone: 02 33 98 44 45 → 02 33 98 44 46
 *	- site  ml-flers-s2    Mission locale, La Ferrière
 *	! site  s5             sites.csv:6
 *	    siret: 14 digits are expected, 13 were found
 *	    → give the number of the SIRENE certificate
 *
 * Thread: one.  Blocks: on output.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli.h"
#include "origins.h"
#include "output.h"
#include "push_files.h"

struct plan {
	struct cli *cli;
	const struct origins *origins;
	const struct push_files *files;
	struct output *output; /* NULL: text */
	bool dry_run, full, all_or_nothing;
	uint64_t shown;     /* items printed so far */
	uint64_t skip;      /* items to leave out: printed before the
				 * connection was lost */
	uint32_t counts[8]; /* by action, of the items received */
};

/* The formats json, jsonl and csv begin here. */
void plan_open(struct plan *, struct cli *, const struct origins *,
    const struct push_files *, const Resopro__V1__SyncStart *);

/* The same plan is going to be received again, from its first item. */
void plan_again(struct plan *);

void plan_items(struct plan *, const Resopro__V1__SyncPlan *);

/*
 * The end: the result's numbers (NULL: there is none, the call failed).
 * Returns EXIT_OK, EXIT_PARTIAL or EXIT_INVALID by what was refused, or
 * EXIT_INTERNAL when it could not be written; `skipped` records were not sent.
 */
int plan_close(struct plan *, const Resopro__V1__SyncResult *,
    uint32_t skipped);

/* "sites.csv:4" of a position, "" when there is none. */
void plan_where(const struct plan *, uint32_t position, char *out, size_t);

#endif
