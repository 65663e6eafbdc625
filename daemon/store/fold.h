/*
 * fold.h - apply(): the only code that writes state.  Used by the writer for
 * each commit, and by verify to fold the log again.  For this folder only.
 */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include "store/tables.h"

struct index_key {
	size_t offset, len; /* in the sink's bytes: index, key */
};

struct index_sink { /* the keys of one record */
	struct buf bytes;
	struct index_key *keys;
	size_t n, cap;
};

struct fold { /* apply()'s memory, reused */
	const struct tables *tables;
	struct index_sink before, after;
};

void fold_init(struct fold *, const struct tables *);
void fold_free(struct fold *);

/*
 * Append the commit to the log and fold it into the state.  Deterministic:
 * reads no clock.  `c` must not point into the transaction.
 * Fails: as tables_err(), ERR_INTERNAL (two mutations of one record, a
 * mutation that does not follow from the state); the transaction must then be
 * aborted.
 */
int apply(struct fold *, MDB_txn *, const struct commit *c, struct err *);

/* Empty the index and write it again from the records. */
int fold_reindex(struct fold *, MDB_txn *, struct err *);

#endif
