/*
 * feed.h - commits as a watcher reads them: events, and the messages that all
 * who may see everything share.  A worker's; the last few are kept.
 */
#ifndef SERVICE_FEED_H
#define SERVICE_FEED_H

#include "resopro/v1/registry.pb-c.h"
#include "rpc/call.h"
#include "service/lease.h"
#include "store/store.h"
#include "wire/arena.h"

struct feed;

struct feed_event {
	Resopro__V1__Kind kind;
	Resopro__V1__ChangeType type;
	const char *id, *owner, *organisation_id;
	const char *owner_before; /* feed_owner_before(); NULL: not asked yet */
	uint64_t prev_revision;   /* of the record */
	uint32_t prev_offset;
	struct bytes encoded; /* a WatchEvent, with its tag as in a response */
};

struct feed_commit {
	uint64_t revision;
	struct feed_event *events;
	size_t n;
	unsigned kinds;    /* bit a kind that has events */
	struct bytes tail; /* time and actor, encoded */
	struct arena *arena;
	size_t bytes;              /* that it holds, about */
	struct rpc_shared **parts; /* all events, in messages; made when
					 * first wanted */
	size_t n_parts;
};

struct feed *feed_new(struct err *);
void feed_free(struct feed *);

/* Borrowed until the next feed_get(). 1, 0 beyond the head, -1. */
int feed_get(struct feed *, struct view *, uint64_t revision,
    struct feed_commit **, struct err *);

/* Who owned the record of an update before it; kept with the commit.  NULL. */
const char *feed_owner_before(struct feed_commit *, struct feed_event *,
    struct view *, struct err *);

/* The shared messages of a commit that has events. */
int feed_parts(struct feed_commit *, struct err *);

/* A message of these events, each fitting `FEED_PART_BYTES` in all unless it is
 * alone: how many of them go into the next one. */
#define FEED_PART_BYTES ((size_t)1 << 20)
size_t feed_part_size(const struct feed_event *const *, size_t n, size_t *len);

/* Bytes of a WatchResponse: { revision = 1; events = 2; time, actor }. */
size_t feed_message_size(uint64_t revision, size_t events_len,
    struct bytes tail);
uint8_t *feed_message_head(uint8_t *out, uint64_t revision);

/* A record as it stands, as an event of a response; a zeroed lease adds
 * nothing. */
size_t feed_record_size(Resopro__V1__ChangeType, const struct stored *,
    const struct lease *);
uint8_t *feed_record_write(uint8_t *out, Resopro__V1__ChangeType,
    const struct stored *, const struct lease *);

#endif
