/*
 * spool.h - sets that could not be sent, kept on disk until they are: each once,
 * the oldest first, whole and with its request id.
 *
 *	NAME.set	waits; NAME orders them by when they were kept
 *	NAME.refused	set aside: the server will not have it
 *	NAME.why	what it said
 *	.lock		held by the run that reads or writes
 *
 * A set is written under another name, synced and renamed: half of one is never
 * seen.  The file is a header of lines, the messages of the set, a checksum.
 *
 * Thread: one.  Blocks: on the disk, and for the lock.
 */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include "cli.h"
#include "push_feed.h"

struct spool {
	struct cli *cli;
	char *dir;
	int lock; /* -1: the directory does not exist: it holds nothing */
};

struct spool_set {
	char name[96];
	bool aside;
	int64_t created; /* seconds */
	uint64_t bytes;
	uint32_t records;
	char request_id[65], owner[81], source[65], mode[8];
	char server[256], identity[256]; /* whom it is for, and from */
	char why[256];                   /* aside: the server's words */
};

/*
 * Where sets are kept: --spool, RESOPRO_SPOOL, $XDG_STATE_HOME/resopro/spool,
 * ~/.local/state/resopro/spool, or for root /var/spool/resopro.  free() it;
 * NULL: nowhere, for "none".
 */
char *spool_directory(const struct args *);

/* Take the lock; waits for another run, and says so.  `dir` becomes the
 * spool's.  Fails: an exit code, and has told the user; 0 otherwise. */
int spool_open(struct spool *, struct cli *, char *dir);
void spool_close(struct spool *); /* zeroed is allowed */

/* Every set, those that wait and those aside, the oldest first; free() it. */
int spool_list(struct spool *, struct spool_set **, size_t *n);

/* Is it for the server and from the account that this run has? */
bool spool_is_ours(const struct spool *, const struct spool_set *);

/* Its messages, read and compared with the checksum first: a feed begins where
 * the file stands.  NULL: *e says why. */
FILE *spool_read(const struct spool *, const struct spool_set *,
    struct rsp_error *);

/* Keep a set: on disk when it returns 0.  -1: *e says why; nothing is left. */
int spool_keep(struct spool *, struct push_feed *,
    const Resopro__V1__SyncStart *, uint32_t records, struct rsp_error *);

/* It was sent, or is dropped. */
int spool_remove(struct spool *, const struct spool_set *);

/* The server will never have it: keep it for people to look at. */
int spool_set_aside(struct spool *, const struct spool_set *, const char *why);

/* Too old to be sent without being asked? */
bool spool_is_stale(const struct spool_set *);

#endif
