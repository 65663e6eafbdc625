/* feed.c - see feed.h. */
#include "service/feed.h"

#include <stdlib.h>
#include <string.h>

#include "service/record.h"
#include "service/schema.h"

#define KEPT 16                       /* commits */
#define KEPT_BYTES ((size_t)64 << 20) /* of all, besides the newest made */
#define COMMIT_BYTES ((size_t)1 << 30)

enum { /* field numbers of WatchResponse and WatchEvent */
	RESPONSE_REVISION = 1,
	RESPONSE_EVENTS = 2,
	EVENT_TYPE = 1,
	EVENT_RECORD = 2,
};

struct feed {
	struct feed_commit kept[KEPT]; /* by revision modulo KEPT */
};

static void
forget_parts(struct feed_commit *c)
{
	for (size_t i = 0; i < c->n_parts; i++)
		rpc_shared_unref(c->parts[i]);
	c->parts = NULL;
	c->n_parts = 0;
}

static void
forget(struct feed_commit *c)
{
	forget_parts(c);
	arena_free(c->arena);
	memset(c, 0, sizeof *c);
}

struct feed *
feed_new(struct err *e)
{
	struct feed *f = calloc(1, sizeof *f);

	if (f == NULL)
		err_set(e, ERR_NOMEM, "feed");
	return f;
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < KEPT; i++)
		forget(&f->kept[i]);
	free(f);
}

/* ---- one event ------------------------------------------------------------ */

static size_t
event_len(Resopro__V1__ChangeType type, size_t record_len)
{
	return (type != 0 ? 2 : 0) + 1 + varint_size(record_len) + record_len;
}

/* Tag and length of the event, its type, tag and length of its record. */
static uint8_t *
event_head(uint8_t *out, Resopro__V1__ChangeType type, size_t record_len)
{
	*out++ = RESPONSE_EVENTS << 3 | 2;
	out = varint_write(out, event_len(type, record_len));
	if (type != 0) {
		*out++ = EVENT_TYPE << 3;
		*out++ = (uint8_t)type;
	}
	*out++ = EVENT_RECORD << 3 | 2;
	return varint_write(out, record_len);
}

static size_t
whole_len(Resopro__V1__ChangeType type, size_t record_len)
{
	size_t len = event_len(type, record_len);

	return 1 + varint_size(len) + len;
}

size_t
feed_record_size(Resopro__V1__ChangeType type, const struct stored *s,
    const struct lease *l)
{
	return whole_len(type, record_payload_size(s, l));
}

uint8_t *
feed_record_write(uint8_t *out, Resopro__V1__ChangeType type,
    const struct stored *s, const struct lease *l)
{
	out = event_head(out, type, record_payload_size(s, l));
	return record_payload_write(out, s, l);
}

/* A tombstone says what it was; its body is in the history. */
static struct bytes
tombstone(struct arena *arena, const struct mutation *m, uint64_t revision,
    const Resopro__V1__Record *was, struct err *e)
{
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;

	r.id = (char *)(uintptr_t)m->id;
	r.kind = (Resopro__V1__Kind)m->kind;
	r.owner = was->owner;
	r.source = was->source;
	r.source_id = was->source_id;
	r.version = m->version;
	r.revision = revision;
	r.deleted = 1;
	return record_pack(arena, &r.base, e);
}

/* What the record was, by where the log has it. */
static Resopro__V1__Record *
before(struct arena *arena, struct view *v, uint64_t revision, uint32_t offset,
    struct err *e)
{
	struct mutation was;
	struct commit c;

	if (view_commit(v, revision, &c, e) != 1 ||
	    store_mutation_at(&c, offset, &was, e) < 0)
		return NULL;
	return record_unpack(arena, was.record, e);
}

const char *
feed_owner_before(struct feed_commit *c, struct feed_event *x, struct view *v,
    struct err *e)
{
	Resopro__V1__Record *r;
	struct arena *scratch;

	if (x->owner_before != NULL)
		return x->owner_before;
	if ((scratch = arena_new(COMMIT_BYTES)) == NULL) {
		err_set(e, ERR_NOMEM, "feed");
		return NULL;
	}
	r = before(scratch, v, x->prev_revision, x->prev_offset, e);
	if (r != NULL &&
	    (x->owner_before = arena_strdup(c->arena, r->owner)) == NULL)
		err_set(e, ERR_NOMEM, "feed");
	arena_free(scratch);
	return x->owner_before;
}

static int
make_event(struct feed_commit *c, struct view *v, const struct mutation *m,
    struct err *e)
{
	struct feed_event *event = &c->events[c->n];
	struct bytes record = m->record;
	Resopro__V1__Record *r;
	uint8_t *out;

	if (m->op == MUTATION_DELETE) {
		r = before(c->arena, v, m->prev_revision, m->prev_offset, e);
		if (r != NULL)
			record = tombstone(c->arena, m, c->revision, r, e);
	} else {
		r = record_unpack(c->arena, record, e);
	}
	if (r == NULL || record.data == NULL)
		return -1;
	event->kind = (Resopro__V1__Kind)m->kind;
	event->type = m->op == MUTATION_DELETE
			  ? RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_DELETED
		      : m->version == 1
			  ? RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_CREATED
			  : RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_UPDATED;
	event->id = arena_strdup(c->arena, m->id);
	event->owner = r->owner;
	event->owner_before = NULL;
	event->prev_revision = m->prev_revision;
	event->prev_offset = m->prev_offset;
	event->organisation_id = schema_string(r, "organisation_id");
	event->encoded.len = whole_len(event->type, record.len);
	out = arena_alloc(c->arena, event->encoded.len);
	if (out == NULL || event->id == NULL)
		return err_set(e, ERR_NOMEM, "feed");
	event->encoded.data = out;
	out = event_head(out, event->type, record.len);
	memcpy(out, record.data, record.len);
	c->kinds |= 1u << event->kind;
	c->n++;
	return 0;
}

/* ---- one commit ----------------------------------------------------------- */

static int
make_tail(struct feed_commit *c, const struct commit *from, struct err *e)
{
	Resopro__V1__WatchResponse r = RESOPRO__V1__WATCH_RESPONSE__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	t.seconds = from->time_ns / 1000000000;
	t.nanos = (int32_t)(from->time_ns % 1000000000);
	r.time = &t;
	r.actor = arena_printf(c->arena, "%.*s", (int)from->actor.len,
	    (const char *)from->actor.data);
	if (r.actor == NULL)
		return err_set(e, ERR_NOMEM, "feed");
	c->tail = record_pack(c->arena, &r.base, e);
	return c->tail.data != NULL ? 0 : -1;
}

static int
make_commit(struct feed_commit *c, struct view *v, const struct commit *from,
    struct err *e)
{
	struct mutation_iter it;
	struct mutation m;
	int rc;

	c->revision = from->revision;
	c->events =
	    arena_alloc(c->arena, (from->mutations + 1) * sizeof *c->events);
	if (c->events == NULL)
		return err_set(e, ERR_NOMEM, "feed");
	mutation_first(from, &it);
	while ((rc = mutation_next(&it, &m, e)) == 1) {
		/* Accounts are the Admin's, confirmations no change. */
		if ((m.op != MUTATION_PUT && m.op != MUTATION_DELETE) ||
		    schema_of((Resopro__V1__Kind)m.kind) == NULL)
			continue;
		if (make_event(c, v, &m, e) < 0)
			return -1;
	}
	return rc < 0 ? -1 : make_tail(c, from, e);
}

/* Whole sets come as one commit: few of those are kept, the newest last. */
static void
make_room(struct feed *f, const struct feed_commit *but)
{
	size_t sum = 0;

	for (uint64_t i = 0; i < KEPT; i++) {
		struct feed_commit *c =
		    &f->kept[(but->revision + KEPT - i) % KEPT];

		sum += c->bytes;
		if (sum > KEPT_BYTES && c != but)
			forget(c);
	}
}

int
feed_get(struct feed *f, struct view *v, uint64_t revision,
    struct feed_commit **out, struct err *e)
{
	struct feed_commit *c = &f->kept[revision % KEPT];
	struct commit from;
	int rc;

	*out = c;
	if (c->arena != NULL && c->revision == revision)
		return 1;
	if ((rc = view_commit(v, revision, &from, e)) <= 0)
		return rc;
	forget(c);
	if ((c->arena = arena_new(COMMIT_BYTES)) == NULL)
		return err_set(e, ERR_NOMEM, "feed");
	if (make_commit(c, v, &from, e) < 0) {
		forget(c);
		return -1;
	}
	/* Its messages, if they are wanted, are as long as the commit. */
	c->bytes = arena_used(c->arena) + from.encoded.len;
	make_room(f, c);
	return 1;
}

/* ---- messages ------------------------------------------------------------- */

size_t
feed_part_size(const struct feed_event *const *events, size_t n, size_t *len)
{
	size_t taken = 0;

	*len = 0;
	while (taken < n && (taken == 0 || *len + events[taken]->encoded.len <=
					       FEED_PART_BYTES))
		*len += events[taken++]->encoded.len;
	return taken;
}

size_t
feed_message_size(uint64_t revision, size_t events_len, struct bytes tail)
{
	return 1 + varint_size(revision) + events_len + tail.len;
}

uint8_t *
feed_message_head(uint8_t *out, uint64_t revision)
{
	*out++ = RESPONSE_REVISION << 3;
	return varint_write(out, revision);
}

int
feed_parts(struct feed_commit *c, struct err *e)
{
	const struct feed_event **all;
	size_t at = 0;

	if (c->parts != NULL)
		return 0;
	all = arena_alloc(c->arena, c->n * sizeof(*all));
	c->parts = arena_alloc(c->arena, c->n * sizeof(*c->parts));
	if (all == NULL || c->parts == NULL)
		return err_set(e, ERR_NOMEM, "feed");
	for (size_t i = 0; i < c->n; i++)
		all[i] = &c->events[i];
	while (at < c->n) {
		size_t len, n = feed_part_size(all + at, c->n - at, &len);
		/* Resuming is safe only after the last part. */
		uint64_t upto = at + n == c->n ? c->revision : c->revision - 1;
		uint8_t *out;
		struct rpc_shared *s =
		    rpc_shared_new(feed_message_size(upto, len, c->tail), &out);

		if (s == NULL) {
			forget_parts(c);
			return err_set(e, ERR_NOMEM, "feed");
		}
		out = feed_message_head(out, upto);
		for (; n > 0; n--, at++) {
			memcpy(out, all[at]->encoded.data,
			    all[at]->encoded.len);
			out += all[at]->encoded.len;
		}
		memcpy(out, c->tail.data, c->tail.len);
		c->parts[c->n_parts++] = s;
	}
	return 0;
}
