/*
 * codec.h - commits and record values as bytes: fixed endian, versioned, every
 * read bounds-checked.  Pure.
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "store/store.h"
#include "wire/buf.h"

#define COMMIT_FORMAT 1
#define RECORD_HEADER_LEN 57 /* checksum, flags, versions, chain */

static inline void
be64_put(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}
static inline uint64_t
be64_get(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}
static inline void
be32_put(uint8_t *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}
static inline uint32_t
be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* One mutation, appended to `out`.  -1: no memory. */
int mutation_encode(struct buf *out, const struct mutation *);

/* A whole commit: the fields of `c` (lengths checked by the caller) and its
 * encoded mutations.  -1: no memory. */
int commit_encode(struct buf *out, const struct commit *c,
    struct bytes mutations);

/* Where the first mutation of such a commit will start. */
size_t commit_head_len(const struct commit *);

/* Fails: ERR_CORRUPT.  All that `c` holds is borrowed from `in`. */
int commit_decode(struct bytes in, struct commit *c, struct err *);

/* The mutation that starts at `offset` of an encoded commit. */
int mutation_decode(struct bytes encoded, uint32_t offset, struct mutation *,
    uint32_t *next, struct err *);

/* A stored value: header and record.  `out` holds RECORD_HEADER_LEN +
 * s->record.len; the checksum covers the rest. */
void record_encode(uint8_t *out, const struct stored *s);
/* Fails: ERR_CORRUPT (length, checksum).  kind and id are the caller's. */
int record_decode(struct bytes in, struct stored *s, struct err *);

uint64_t checksum(const void *, size_t);

#endif
