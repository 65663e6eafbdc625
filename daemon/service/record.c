/* record.c - see record.h. */
#include "service/record.h"

#include <stdio.h>
#include <string.h>

#include "domain/date.h"
#include "service/lease.h"

enum { /* field numbers of Record in types.proto */
	FIELD_OWNER = 3,
	FIELD_SOURCE = 4,
	FIELD_SOURCE_ID = 5,
	FIELD_VERSION = 6,
	FIELD_REVISION = 7,
	FIELD_CREATED = 8,
	FIELD_UPDATED = 9,
	FIELD_CONFIRMED = 11,
	FIELD_FRESHNESS = 12,
	FIELD_STALE_ON = 13,
	FIELD_BODY = 20, /* and what follows */
};

static void *
arena_hook_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void
arena_hook_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

ProtobufCAllocator
record_allocator(struct arena *arena)
{
	ProtobufCAllocator a = {
		.alloc = arena_hook_alloc,
		.free = arena_hook_free,
		.allocator_data = arena,
	};

	return a;
}

Resopro__V1__Record *
record_unpack(struct arena *arena, struct bytes b, struct err *e)
{
	ProtobufCAllocator a = record_allocator(arena);
	Resopro__V1__Record *r;

	r = resopro__v1__record__unpack(&a, b.len, b.data);
	if (r == NULL && arena_overflowed(arena))
		err_set(e, ERR_LIMIT, "too much for one call");
	else if (r == NULL)
		err_set(e, ERR_CORRUPT, "stored record does not unpack");
	return r;
}

struct bytes
record_pack(struct arena *arena, const ProtobufCMessage *m, struct err *e)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *out = arena_alloc(arena, len > 0 ? len : 1);

	if (out == NULL) {
		err_set(e, ERR_NOMEM, "no room for a record of %zu bytes", len);
		return (struct bytes){ NULL, 0 };
	}
	protobuf_c_message_pack(m, out);
	return (struct bytes){ out, len };
}

void
record_strip(Resopro__V1__Record *r)
{
	r->version = 0;
	r->revision = 0;
	r->created_at = NULL;
	r->updated_at = NULL;
	r->confirmed_at = NULL;
	r->freshness = RESOPRO__V1__FRESHNESS__FRESHNESS_UNSPECIFIED;
	r->stale_on = (char *)(uintptr_t)protobuf_c_empty_string;
	r->deleted = 0;
}

static struct bytes
bytes_of(const struct pb_field *f)
{
	return (struct bytes){ f->data, f->len };
}

static int64_t
timestamp_ns(struct bytes b)
{
	struct pb_cursor c = { b.data, b.data + b.len };
	struct pb_field f;
	int64_t seconds = 0, nanos = 0;

	while (pb_next(&c, &f) == 1) {
		if (f.number == 1)
			seconds = (int64_t)f.value;
		else if (f.number == 2)
			nanos = (int64_t)f.value;
	}
	return seconds * 1000000000 + nanos;
}

int
record_facts(struct bytes stored, struct record_facts *facts, struct err *e)
{
	struct pb_cursor c;
	struct pb_field f;
	int rc;

	memset(facts, 0, sizeof *facts);
	facts->head_len = stored.len;
	if (stored.len == 0)
		return 0;
	c = (struct pb_cursor){ stored.data, stored.data + stored.len };
	for (;;) {
		size_t at = (size_t)(c.at - stored.data);

		rc = pb_next(&c, &f);
		if (rc <= 0)
			break;
		switch (f.number) {
		case FIELD_OWNER:
			facts->owner = bytes_of(&f);
			break;
		case FIELD_SOURCE:
			facts->source = bytes_of(&f);
			break;
		case FIELD_SOURCE_ID:
			facts->source_id = bytes_of(&f);
			break;
		case FIELD_VERSION:
			facts->version = f.value;
			facts->head_len = at; /* the trailer opens with it */
			break;
		case FIELD_REVISION:
			facts->revision = f.value;
			break;
		case FIELD_CREATED:
			facts->created_ns = timestamp_ns(bytes_of(&f));
			break;
		case FIELD_UPDATED:
			facts->updated_ns = timestamp_ns(bytes_of(&f));
			break;
		default:
			if (f.number >= FIELD_BODY && f.wire_type == 2)
				facts->body = bytes_of(&f);
			break;
		}
	}
	if (rc < 0)
		return err_set(e, ERR_CORRUPT, "stored record is malformed");
	return 0;
}

static size_t
timestamp_size(int64_t ns)
{
	uint64_t nanos = (uint64_t)(ns % 1000000000);

	return 1 + varint_size((uint64_t)(ns / 1000000000)) +
	       (nanos != 0 ? 1 + varint_size(nanos) : 0);
}

static uint8_t *
timestamp_write(uint8_t *out, unsigned field, int64_t ns)
{
	uint64_t nanos = (uint64_t)(ns % 1000000000);

	*out++ = (uint8_t)(field << 3 | 2);
	*out++ = (uint8_t)timestamp_size(ns);
	*out++ = 1 << 3;
	out = varint_write(out, (uint64_t)(ns / 1000000000));
	if (nanos != 0) {
		*out++ = 2 << 3;
		out = varint_write(out, nanos);
	}
	return out;
}

size_t
record_trailer(uint8_t *out, uint64_t version, uint64_t revision,
    int64_t created_ns, int64_t updated_ns)
{
	uint8_t *at = out;

	*at++ = FIELD_VERSION << 3;
	at = varint_write(at, version);
	*at++ = FIELD_REVISION << 3;
	at = varint_write(at, revision);
	at = timestamp_write(at, FIELD_CREATED, created_ns);
	at = timestamp_write(at, FIELD_UPDATED, updated_ns);
	return (size_t)(at - out);
}

size_t
record_scope(char *out, uint8_t kind, struct bytes owner, struct bytes source)
{
	char *at = out;

	if (owner.len == 0 || source.len == 0 || kind > 99 ||
	    owner.len + source.len + 4 >= STORE_INDEX_KEY_MAX)
		return 0;
	/* By hand: every Get asks for it. */
	if (kind > 9)
		*at++ = (char)('0' + kind / 10);
	*at++ = (char)('0' + kind % 10);
	*at++ = '/';
	memcpy(at, owner.data, owner.len);
	at += owner.len;
	*at++ = '/';
	memcpy(at, source.data, source.len);
	return (size_t)(at - out) + source.len;
}

int64_t
record_confirmed(struct view *v, const struct stored *s,
    const struct record_facts *f)
{
	char scope[STORE_INDEX_KEY_MAX];
	size_t len = record_scope(scope, s->kind, f->owner, f->source);
	int64_t at = f->updated_ns, whole;

	if (s->confirmed_ns > at)
		at = s->confirmed_ns;
	if (len > 0 && (whole = view_scope_confirmed(v, scope, len)) > at)
		at = whole;
	return at;
}

size_t
record_payload_size(const struct stored *s, const struct lease *l)
{
	return s->record.len +
	       (l->confirmed_ns > 0 ? 2 + timestamp_size(l->confirmed_ns) : 0) +
	       (l->state != FRESHNESS_NONE ? 2 + 2 + DATE_TEXT_SIZE - 1 : 0);
}

uint8_t *
record_payload_write(uint8_t *out, const struct stored *s,
    const struct lease *l)
{
	char day[DATE_TEXT_SIZE];

	memcpy(out, s->record.data, s->record.len);
	out += s->record.len;
	if (l->confirmed_ns > 0)
		out = timestamp_write(out, FIELD_CONFIRMED, l->confirmed_ns);
	if (l->state == FRESHNESS_NONE)
		return out;
	*out++ = FIELD_FRESHNESS << 3;
	*out++ = (uint8_t)l->state;
	lease_day_text(l->stale_day, day);
	*out++ = FIELD_STALE_ON << 3 | 2;
	*out++ = DATE_TEXT_SIZE - 1;
	memcpy(out, day, DATE_TEXT_SIZE - 1);
	return out + DATE_TEXT_SIZE - 1;
}

size_t
record_field_size(const struct stored *s, const struct lease *l)
{
	size_t len = record_payload_size(s, l);

	return 1 + varint_size(len) + len;
}

uint8_t *
record_field_write(uint8_t *out, unsigned field, const struct stored *s,
    const struct lease *l)
{
	*out++ = (uint8_t)(field << 3 | 2);
	out = varint_write(out, record_payload_size(s, l));
	return record_payload_write(out, s, l);
}
