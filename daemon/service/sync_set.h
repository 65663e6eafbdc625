/*
 * sync_set.h - the records of one Sync stream, found by position, by id and by
 * the member's own identifier.  All in one arena.
 */
#ifndef SERVICE_SYNC_SET_H
#define SERVICE_SYNC_SET_H

#include "resopro/v1/registry.pb-c.h"
#include "store/store.h"
#include "wire/arena.h"

struct sync_item {
	Resopro__V1__SyncAction action; /* UNSPECIFIED while it is deferred */
	Resopro__V1__Kind kind;
	const char *id, *source_id, *name;
	uint32_t position; /* in the stream, from 1; 0: retired */
	bool exists;
	uint64_t seen; /* version that the plan was made with */
	/* CREATE and UPDATE: what to write.  Deferred, because it refers to a
	 * record that had not come yet: the SyncRecord, packed. */
	struct bytes head;
	Resopro__V1__FieldChange **changes;
	size_t n_changes;
	Resopro__V1__Refusal **refusals;
	size_t n_refusals;
	char **warnings;
	size_t n_warnings;
};

struct sync_table { /* open addressing; holds position in `items` + 1 */
	uint32_t *slots;
	uint32_t mask;
};

struct sync_set {
	struct arena *arena;
	struct sync_item **items;
	uint32_t n, cap;
	struct sync_table by_id, by_source;
};

/* A new item of this kind and source id, found by the latter from now on. */
struct sync_item *sync_set_add(struct sync_set *, Resopro__V1__Kind,
    const char *source_id, struct err *);
/* Found by its id from now on; the id is copied. */
int sync_set_name(struct sync_set *, struct sync_item *, const char *id,
    struct err *);

struct sync_item *sync_set_by_id(const struct sync_set *, Resopro__V1__Kind,
    const char *id);
struct sync_item *sync_set_by_source(const struct sync_set *, Resopro__V1__Kind,
    const char *source_id);

/* Add a refusal or a field's change to an item; copied.  -1: no memory. */
int sync_item_refuse(struct sync_set *, struct sync_item *, const char *field,
    const char *reason, const char *message, const char *remedy);
int sync_item_change(struct sync_set *, struct sync_item *, const char *field,
    const char *before, const char *after);
int sync_item_warn(struct sync_set *, struct sync_item *, const char *text);

#endif
