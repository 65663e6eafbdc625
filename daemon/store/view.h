/* view.h - a snapshot from the inside.  For this folder only. */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/tables.h"

struct view {
	const struct tables *tables;
	MDB_txn *txn;
	uint64_t head, oldest;
	uint64_t verified; /* the commit whose checksum was checked last */
};

struct reader {
	struct store *store;
	struct view view;
	MDB_txn *txn;
	MDB_cursor *log; /* kept: finds the head of each new snapshot */
	bool open;
};

#endif
