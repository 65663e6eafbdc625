/*
 * transfers.h - a record on its way to another owner: asked for or offered,
 * approved with a secret that is good once, or ended; and what moves then.
 */
#ifndef SERVICE_TRANSFERS_H
#define SERVICE_TRANSFERS_H

#include "service/write.h"

#define TRANSFER_RECORDS_MAX 5000
#define TRANSFER_WRONG_MAX 5 /* secrets */

/* What goes along, and what stands in the way. */
struct moving {
	struct view *view;
	struct arena *arena;
	const char *from, *to;     /* organisation ids */
	const char *today;         /* YYYY-MM-DD: titles that hold then stay */
	Resopro__V1__Record *root; /* the record itself */
	struct moving_item {
		Resopro__V1__Kind kind;
		const char *id;
	} * items; /* in the arena */
	size_t n;
};

/* Fill in the items from the rest.  Fails: ERR_PRECONDITION, ERR_LIMIT. */
int transfers_gather(struct moving *, struct err *);
/* Writer thread: give them to `to`; `moved` of the transfer tells them. */
int transfers_move(struct moving *, struct decision *, Resopro__V1__Transfer *,
    struct err *);

/* Pending at this instant? */
bool transfers_pending(const Resopro__V1__Transfer *, int64_t now_ns);

/*
 * Was this record the owner's, under this identifier of its system, before it
 * went to another?  1 and the id of the present owner, 0, -1.
 */
int transfers_gone(struct view *, struct arena *, Resopro__V1__Kind,
    const char *id, const char *owner, const char *source,
    const char *source_id, const char **now, struct err *);

/* Handlers. */
int transfers_request(struct call *, const ProtobufCMessage *, struct err *);
int transfers_offer(struct call *, const ProtobufCMessage *, struct err *);
int transfers_approve(struct call *, const ProtobufCMessage *, struct err *);
int transfers_reject(struct call *, const ProtobufCMessage *, struct err *);
int transfers_cancel(struct call *, const ProtobufCMessage *, struct err *);

#endif
