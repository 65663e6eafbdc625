/*
 * record.h - records as bytes: seal, read, copy out.
 *
 * A stored value is `head` + `trailer`.  The head is a packed Record with what
 * the owner said (id, kind, owner, source, source_id, body); the trailer is
 * what the register knows (version, revision, created_at, updated_at),
 * appended as further fields.  So a write packs its record before it reaches
 * the writer thread, and "unchanged" is a comparison of bytes.
 */
#ifndef SERVICE_RECORD_H
#define SERVICE_RECORD_H

#include <protobuf-c/protobuf-c.h>

#include "resopro/v1/types.pb-c.h"
#include "store/store.h"
#include "wire/arena.h"
#include "wire/pb.h"

struct lease; /* lease.h */

/* protobuf-c's allocator over an arena; freeing does nothing. */
ProtobufCAllocator record_allocator(struct arena *);

/* Unpack in `arena`; borrowed by the message until the arena goes.
 * Fails: ERR_CORRUPT, ERR_LIMIT (the arena's). */
Resopro__V1__Record *record_unpack(struct arena *, struct bytes, struct err *);

/* Pack a message in `arena`.  Fails: ERR_NOMEM (data NULL). */
struct bytes record_pack(struct arena *, const ProtobufCMessage *,
    struct err *);

/* Clear what the register sets, so that packing gives a head. */
void record_strip(Resopro__V1__Record *);

/* What the wire pass finds in a stored value, without unpacking. */
struct record_facts {
	size_t head_len; /* bytes before the trailer */
	struct bytes owner, source, source_id;
	struct bytes body; /* of the kind's own message */
	uint64_t version, revision;
	int64_t created_ns, updated_ns;
};
int record_facts(struct bytes stored, struct record_facts *, struct err *);

#define RECORD_TRAILER_MAX 64
/* Write the trailer to `out` (RECORD_TRAILER_MAX bytes); its length. */
size_t record_trailer(uint8_t *out, uint64_t version, uint64_t revision,
    int64_t created_ns, int64_t updated_ns);

/* The instant at which the record was last known true. */
int64_t record_confirmed(struct view *, const struct stored *,
    const struct record_facts *);

/* A record as it goes out inside a message: tag `field` (1..15), length, the
 * stored bytes and what its lease says.  First the size, then the bytes. */
size_t record_field_size(const struct stored *, const struct lease *);
uint8_t *record_field_write(uint8_t *out, unsigned field, const struct stored *,
    const struct lease *);
/* The same without tag and length. */
size_t record_payload_size(const struct stored *, const struct lease *);
uint8_t *record_payload_write(uint8_t *out, const struct stored *,
    const struct lease *);

/* "<kind>/owner/source": the scope that a FULL set confirms.  Returns the
 * length, or 0 when the record has no source.  `out` holds
 * STORE_INDEX_KEY_MAX. */
size_t record_scope(char *out, uint8_t kind, struct bytes owner,
    struct bytes source);

#endif
