/*
 * mirror.h - a copy of the register in a directory, for other programs to read:
 * mirror.sqlite, with one table a kind, and one file of JSON lines a kind.
 * Hides SQLite.
 *
 * Whoever reads sees the state of one mirror_commit(), before or after, also
 * while a whole register is taken in anew; after a crash at any point, or on a
 * full disk, it is that of the last one.  Each file of JSON lines is replaced
 * as a whole, some time after the commit.
 *
 *	table "sites"     id, owner, source, source_id, version, revision, ...,
 *	                  the fields of resopro.v1.Site; lists as JSON; a message
 *	                  as one column a field ("position_latitude");
 *	                  json: the whole record as proto3 JSON
 *	table "others"    records of kinds that this program does not know
 *	table "mirror"    key, value: "revision", "filter", "updated_at"
 *
 * A record that has fields this program does not know keeps them: "@wire" of
 * its JSON is the whole record in base64, and when a later program knows them
 * they become columns.
 *
 * Thread: one.  Blocks: on the disk; up to five seconds on another program that
 * writes to the database.
 */
#ifndef CLI_MIRROR_H
#define CLI_MIRROR_H

#include <resopro/error.h>
#include <resopro/v1/types.pb-c.h>
#include <stdbool.h>
#include <stdint.h>

struct mirror;

/*
 * Open the mirror in `dir`, made if absent, for this process alone; add the
 * columns and tables that it lacks.
 * Owns: the caller, mirror_close().
 * Fails: NULL with RSP_ERR_CONFIG; RSP_UNAVAILABLE when another process has it.
 */
struct mirror *mirror_open(const char *dir, struct rsp_error *);

/* What is not committed is dropped.  NULL is a no-op. */
void mirror_close(struct mirror *);

/* All of the register up to here is in it; 0: it is empty. */
uint64_t mirror_revision(const struct mirror *);
/* What it is a copy of: the text given to mirror_commit(), or "". */
const char *mirror_filter(const struct mirror *);

/* A record, to see whether the register still has it so. */
struct mirror_record {
	Resopro__V1__Kind kind; /* UNSPECIFIED: there is none */
	char id[81];
	uint64_t revision;
	char updated_at[64]; /* as JSON has it */
};

/* The one that was changed last.  Fails: -1. */
int mirror_newest(struct mirror *, struct mirror_record *, struct rsp_error *);

/* ---- changing it: fails -1 with RSP_ERR_CONFIG, and the change is dropped -- */

/* Begin a change; nothing within one. */
int mirror_begin(struct mirror *, struct rsp_error *);
/* Every record goes. */
int mirror_clear(struct mirror *, struct rsp_error *);
/* It replaces the one of its kind and id. */
int mirror_put(struct mirror *, const Resopro__V1__Record *,
    struct rsp_error *);
/* The one of its kind and id goes, if there is one. */
int mirror_remove(struct mirror *, const Resopro__V1__Record *,
    struct rsp_error *);
/* All of it is seen from now on, or nothing. */
int mirror_commit(struct mirror *, uint64_t revision, const char *filter,
    struct rsp_error *);
void mirror_drop(struct mirror *);

/* ---- the files ------------------------------------------------------------ */

/* Do they lack what was committed? */
bool mirror_files_are_old(const struct mirror *);
/* Write those that changed anew.  Fails: -1 with RSP_ERR_CONFIG; the old ones
 * stand. */
int mirror_write_files(struct mirror *, struct rsp_error *);

#endif
