/*
 * tables.h - the LMDB environment: its databases, its errors, the log's end.
 * For this folder only.
 *
 *	meta	 "format", "index_version", "deleted" -> be64
 *	log	 be64 revision -> checksum, encoded commit (appended only)
 *	records	 kind, id -> checksum, header, record
 *	index	 index, key, 0, id -> nothing
 *	confirm	 scope -> be64 time, checksum
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include <lmdb.h>

#include "store/codec.h"
#include "store/store.h"

#define STORE_FORMAT 1
#define META_FORMAT "format"
#define META_INDEX "index_version"
#define META_DELETED "deleted"

struct tables {
	MDB_env *env;
	MDB_dbi meta, log, records, index, confirm;
	const struct store_schema *schema;
};

struct head { /* the newest commit; zeroed when there is none */
	uint64_t revision;
	int64_t time_ns;
	uint8_t hash[STORE_HASH_LEN];
};

struct tables_opts {
	const char *dir;
	size_t map_bytes;
	unsigned max_readers;
	bool read_only, create;
	bool scratch; /* of one thread, nothing in it matters: never synced */
};

/* Open the environment and every database of it.  Fails as store_open(). */
int tables_open(struct tables *, const struct tables_opts *, struct err *);
void tables_close(struct tables *);

/* Say what an LMDB (or errno) code means.  Returns -1. */
int tables_err(struct err *, int rc, const char *what);
bool tables_full(const struct err *); /* was it for want of space? */

static inline MDB_val
val(const void *data, size_t len)
{
	union { /* LMDB takes what it only reads without const */
		const void *in;
		void *out;
	} u = { .in = data };

	return (MDB_val){ .mv_size = len, .mv_data = u.out };
}

/* 1, 0 absent, -1. */
int tables_get(MDB_txn *, MDB_dbi, MDB_val *key, MDB_val *out, struct err *);

/* A number of `meta`; `absent` when it is not there. */
int meta_get(const struct tables *, MDB_txn *, const char *name,
    uint64_t absent, uint64_t *out, struct err *);
int meta_put(const struct tables *, MDB_txn *, const char *name, uint64_t,
    struct err *);

#define RECORD_KEY_MAX (1 + STORE_ID_MAX)
size_t record_key(uint8_t out[RECORD_KEY_MAX], uint8_t kind, const char *id);

/* The record's present state. 1, 0 absent, -1. */
int record_read(const struct tables *, MDB_txn *, uint8_t kind, const char *id,
    struct stored *, struct err *);

/* The commit of a revision. `check`: verify its checksum.  1, 0 absent, -1. */
int log_read(const struct tables *, MDB_txn *, uint64_t revision, bool check,
    struct commit *, struct err *);

/* The oldest and newest revisions; both 0 when the log is empty. */
int log_bounds(const struct tables *, MDB_txn *, uint64_t *oldest,
    uint64_t *newest, struct err *);
int head_read(const struct tables *, MDB_txn *, struct head *, struct err *);

#endif
