/*
 * pull.h - bring a mirror up to the register, and keep it there.
 *
 * Thread: one.  Blocks: on the network and the disk.
 */
#ifndef CLI_PULL_H
#define CLI_PULL_H

#include <resopro/v1/registry.pb-c.h>

#include "cli.h"
#include "mirror.h"

struct pull {
	struct cli *cli;
	struct mirror *mirror;
	Resopro__V1__WatchRequest request; /* kinds and owner are set */
	const char *filter; /* the same as text, for mirror_commit() */
	bool follow;        /* go on until interrupted */

	uintmax_t changed, removed; /* records, so far */
	bool anew;                  /* a snapshot replaced what was there */
};

/* An exit code; what failed was told.  The mirror is as its last commit left
 * it, and so are its files, unless the disk refuses them. */
int pull(struct pull *);

#endif
