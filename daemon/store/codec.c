/* codec.c - see codec.h. */
#include "store/codec.h"

#include <string.h>
#include <xxhash.h>

uint64_t
checksum(const void *p, size_t len)
{
	return XXH3_64bits(p, len);
}

/* ---- mutations: op kind id_len id version prev_rev prev_off len record -- */

int
mutation_encode(struct buf *out, const struct mutation *m)
{
	size_t id_len = strlen(m->id);
	size_t len = 1 + 1 + 2 + id_len + 8 + 8 + 4 + 4 + m->record.len;
	uint8_t *p = buf_reserve(out, len);

	if (p == NULL || m->record.len > UINT32_MAX)
		return -1;
	*p++ = (uint8_t)m->op;
	*p++ = m->kind;
	*p++ = (uint8_t)(id_len >> 8);
	*p++ = (uint8_t)id_len;
	memcpy(p, m->id, id_len);
	p += id_len;
	be64_put(p, m->version);
	be64_put(p + 8, m->prev_revision);
	be32_put(p + 16, m->prev_offset);
	be32_put(p + 20, (uint32_t)m->record.len);
	if (m->record.len > 0)
		memcpy(p + 24, m->record.data, m->record.len);
	buf_added(out, len);
	return 0;
}

struct source { /* what is left to read; sticky failure */
	const uint8_t *at, *end;
	int failed;
};

static const uint8_t *
take(struct source *s, size_t len)
{
	const uint8_t *p = s->at;

	if (s->failed || (size_t)(s->end - s->at) < len) {
		s->failed = 1;
		return NULL;
	}
	s->at += len;
	return p;
}

static uint64_t
take64(struct source *s)
{
	const uint8_t *p = take(s, 8);

	return p != NULL ? be64_get(p) : 0;
}

static uint32_t
take32(struct source *s)
{
	const uint8_t *p = take(s, 4);

	return p != NULL ? be32_get(p) : 0;
}

static unsigned
take16(struct source *s)
{
	const uint8_t *p = take(s, 2);

	return p != NULL ? (unsigned)p[0] << 8 | p[1] : 0;
}

static unsigned
take8(struct source *s)
{
	const uint8_t *p = take(s, 1);

	return p != NULL ? p[0] : 0;
}

static struct bytes
take_bytes(struct source *s, size_t len)
{
	const uint8_t *p = take(s, len);

	return (struct bytes){ p, p != NULL ? len : 0 };
}

int
mutation_decode(struct bytes encoded, uint32_t offset, struct mutation *m,
    uint32_t *next, struct err *e)
{
	struct source s = { .at = encoded.data,
		.end = encoded.data + encoded.len };
	struct bytes id;

	memset(m, 0, sizeof *m);
	if (take(&s, offset) == NULL)
		return err_set(e, ERR_CORRUPT, "mutation offset %u", offset);
	m->offset = offset;
	m->op = (enum mutation_op)take8(&s);
	m->kind = (uint8_t)take8(&s);
	id = take_bytes(&s, take16(&s));
	m->version = take64(&s);
	m->prev_revision = take64(&s);
	m->prev_offset = take32(&s);
	m->record = take_bytes(&s, take32(&s));
	if (s.failed || id.len > STORE_INDEX_KEY_MAX || m->op < MUTATION_PUT ||
	    m->op > MUTATION_CONFIRM_SCOPE ||
	    (m->op != MUTATION_CONFIRM_SCOPE && id.len > STORE_ID_MAX))
		return err_set(e, ERR_CORRUPT, "mutation at %u", offset);
	memcpy(m->id, id.data, id.len);
	if (strlen(m->id) != id.len)
		return err_set(e, ERR_CORRUPT, "mutation at %u: id", offset);
	if (next != NULL)
		*next = (uint32_t)(s.at - encoded.data);
	return 0;
}

void
mutation_first(const struct commit *c, struct mutation_iter *it)
{
	it->rest = c->encoded;
	it->offset = (uint32_t)commit_head_len(c);
	it->left = c->mutations;
}

int
mutation_next(struct mutation_iter *it, struct mutation *m, struct err *e)
{
	if (it->left == 0)
		return 0;
	if (mutation_decode(it->rest, it->offset, m, &it->offset, e) < 0)
		return -1;
	it->left--;
	return 1;
}

/* ---- commits: format revision time hashes actor id method note count ---- */

size_t
commit_head_len(const struct commit *c)
{
	return 1 + 8 + 8 + 2 * STORE_HASH_LEN + 2 + c->actor.len + 2 +
	       c->request_id.len + 2 + c->method.len + 4 + c->note.len + 4;
}

static uint8_t *
put_short(uint8_t *p, struct bytes b)
{
	*p++ = (uint8_t)(b.len >> 8);
	*p++ = (uint8_t)b.len;
	if (b.len > 0)
		memcpy(p, b.data, b.len);
	return p + b.len;
}

int
commit_encode(struct buf *out, const struct commit *c, struct bytes mutations)
{
	size_t head = commit_head_len(c);
	uint8_t *p;

	if (mutations.len > UINT32_MAX - head ||
	    (p = buf_reserve(out, head + mutations.len)) == NULL)
		return -1;
	*p++ = COMMIT_FORMAT;
	be64_put(p, c->revision);
	be64_put(p + 8, (uint64_t)c->time_ns);
	p += 16;
	memcpy(p, c->prev_hash, STORE_HASH_LEN);
	memcpy(p + STORE_HASH_LEN, c->body_hash, STORE_HASH_LEN);
	p += 2 * STORE_HASH_LEN;
	p = put_short(p, c->actor);
	p = put_short(p, c->request_id);
	p = put_short(p, c->method);
	be32_put(p, (uint32_t)c->note.len);
	p += 4;
	if (c->note.len > 0)
		memcpy(p, c->note.data, c->note.len);
	p += c->note.len;
	be32_put(p, c->mutations);
	p += 4;
	if (mutations.len > 0)
		memcpy(p, mutations.data, mutations.len);
	buf_added(out, head + mutations.len);
	return 0;
}

int
commit_decode(struct bytes in, struct commit *c, struct err *e)
{
	struct source s = { .at = in.data, .end = in.data + in.len };
	const uint8_t *p;

	memset(c, 0, sizeof *c);
	c->encoded = in;
	if (take8(&s) != COMMIT_FORMAT)
		return err_set(e, ERR_CORRUPT, "commit of an unknown format");
	c->revision = take64(&s);
	c->time_ns = (int64_t)take64(&s);
	if ((p = take(&s, STORE_HASH_LEN)) != NULL)
		memcpy(c->prev_hash, p, STORE_HASH_LEN);
	if ((p = take(&s, STORE_HASH_LEN)) != NULL)
		memcpy(c->body_hash, p, STORE_HASH_LEN);
	c->actor = take_bytes(&s, take16(&s));
	c->request_id = take_bytes(&s, take16(&s));
	c->method = take_bytes(&s, take16(&s));
	c->note = take_bytes(&s, take32(&s));
	c->mutations = take32(&s);
	/* Each mutation takes 28 bytes at least: a count cannot lie far. */
	if (s.failed || c->mutations > (size_t)(s.end - s.at) / 28)
		return err_set(e, ERR_CORRUPT, "commit is cut short");
	return 0;
}

/* ---- record values ------------------------------------------------------ */

void
record_encode(uint8_t *out, const struct stored *s)
{
	uint8_t *p = out + 8;

	*p++ = s->deleted ? 1 : 0;
	be64_put(p, s->version);
	be64_put(p + 8, s->revision);
	be64_put(p + 16, s->created_revision);
	be64_put(p + 24, (uint64_t)s->confirmed_ns);
	be64_put(p + 32, s->prev_revision);
	be32_put(p + 40, s->prev_offset);
	be32_put(p + 44, s->offset);
	p += 48;
	if (s->record.len > 0)
		memcpy(p, s->record.data, s->record.len);
	be64_put(out, checksum(out + 8, RECORD_HEADER_LEN - 8 + s->record.len));
}

int
record_decode(struct bytes in, struct stored *s, struct err *e)
{
	const uint8_t *p;

	if (in.len < RECORD_HEADER_LEN ||
	    be64_get(in.data) != checksum(in.data + 8, in.len - 8))
		return err_set(e, ERR_CORRUPT, "record fails its checksum");
	p = in.data + 8;
	s->deleted = *p++ != 0;
	s->version = be64_get(p);
	s->revision = be64_get(p + 8);
	s->created_revision = be64_get(p + 16);
	s->confirmed_ns = (int64_t)be64_get(p + 24);
	s->prev_revision = be64_get(p + 32);
	s->prev_offset = be32_get(p + 40);
	s->offset = be32_get(p + 44);
	s->record = (struct bytes){ in.data + RECORD_HEADER_LEN,
		in.len - RECORD_HEADER_LEN };
	return 0;
}
