/* history.c - Registry.History: who changed what and when. */
#include <string.h>

#include "resopro/v1/registry.pb-c.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"

#define HISTORY_MAX 1000
#define HISTORY_DEFAULT 100

typedef Resopro__V1__HistoryEntry Entry;

struct changes {
	struct arena *arena;
	Entry *entry;
	size_t cap;
};

static int
add_change(const struct field_rule *rule, const char *name, const char *before,
    const char *after, void *arg)
{
	struct changes *c = arg;
	Resopro__V1__FieldChange *f = arena_alloc(c->arena, sizeof *f);

	(void)rule;
	if (f == NULL)
		return -1;
	if (c->entry->n_changes == c->cap) {
		size_t cap = c->cap > 0 ? 2 * c->cap : 8;
		Resopro__V1__FieldChange **grown =
		    arena_alloc(c->arena, cap * sizeof(*grown));

		if (grown == NULL)
			return -1;
		if (c->cap > 0)
			memcpy(grown, c->entry->changes,
			    c->cap * sizeof(*grown));
		c->entry->changes = grown;
		c->cap = cap;
	}
	resopro__v1__field_change__init(f);
	f->field = arena_strdup(c->arena, name);
	f->before = arena_strdup(c->arena, before);
	f->after = arena_strdup(c->arena, after);
	if (f->field == NULL || f->before == NULL || f->after == NULL)
		return -1;
	c->entry->changes[c->entry->n_changes++] = f;
	return 0;
}

static char *
text_of(struct arena *arena, struct bytes b)
{
	return arena_printf(arena, "%.*s", (int)b.len, (const char *)b.data);
}

static Resopro__V1__Record *
unpack_live(struct arena *arena, const struct stored *s, struct err *e)
{
	return s->deleted ? NULL : record_unpack(arena, s->record, e);
}

/* What one commit did to the record; `before` is NULL for its creation. */
static Entry *
entry_of(struct arena *arena, struct view *v, const struct stored *s,
    const struct stored *before, struct err *e)
{
	Entry *entry = arena_alloc(arena, sizeof *entry);
	Google__Protobuf__Timestamp *t = arena_alloc(arena, sizeof *t);
	struct changes changes = { .arena = arena, .entry = entry };
	Resopro__V1__Record *a = NULL, *b;
	struct commit c;

	if (entry == NULL || t == NULL) {
		err_set(e, ERR_LIMIT, "the answer is too large");
		return NULL;
	}
	resopro__v1__history_entry__init(entry);
	google__protobuf__timestamp__init(t);
	if (view_commit(v, s->revision, &c, e) < 0)
		return NULL;
	entry->revision = s->revision;
	entry->version = s->version;
	t->seconds = c.time_ns / 1000000000;
	t->nanos = (int32_t)(c.time_ns % 1000000000);
	entry->time = t;
	entry->actor = text_of(arena, c.actor);
	entry->method = text_of(arena, c.method);
	entry->type = s->deleted ? RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_DELETED
		      : before == NULL
			  ? RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_CREATED
			  : RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_UPDATED;
	if (before != NULL)
		a = unpack_live(arena, before, e);
	b = unpack_live(arena, s, e);
	if (e->code != ERR_NONE)
		return NULL;
	if (schema_diff(arena, a, b, add_change, &changes) < 0 ||
	    entry->actor == NULL || entry->method == NULL) {
		err_set(e, ERR_LIMIT, "the answer is too large");
		err_remedy(e, "ask for fewer entries (limit)");
		return NULL;
	}
	return entry;
}

static int
collect(Resopro__V1__HistoryResponse *r, struct arena *arena, struct view *v,
    struct stored *s, uint32_t limit, struct err *e)
{
	int more = 1;

	while (more == 1 && r->n_entries < limit) {
		struct stored after = *s;
		Entry *entry;

		if ((more = view_previous(v, s, e)) < 0)
			return -1;
		entry = entry_of(arena, v, &after, more == 1 ? s : NULL, e);
		if (entry == NULL)
			return -1;
		r->entries[r->n_entries++] = entry;
	}
	if (more == 1)
		r->next_before_revision =
		    r->entries[r->n_entries - 1]->revision;
	return 0;
}

/* The newest live state decides who may read the past. */
static int
may_read(struct call *c, struct view *v, struct stored s, struct err *e)
{
	while (s.deleted) {
		if (view_previous(v, &s, e) <= 0)
			return e->code != ERR_NONE ? -1 : 0;
	}
	return authorise_stored(call_principal(c), call_method(c)->path, &s, e);
}

int
registry_history(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__HistoryRequest *q =
	    (const Resopro__V1__HistoryRequest *)m;
	Resopro__V1__HistoryResponse r = RESOPRO__V1__HISTORY_RESPONSE__INIT;
	struct view *v = service_view(call_service(c), e);
	uint32_t limit = q->limit != 0 ? q->limit : HISTORY_DEFAULT;
	struct stored s;
	int rc;

	if (v == NULL || registry_check_name(q->kind, q->id, e) < 0)
		return -1;
	if (limit > HISTORY_MAX) {
		err_set(e, ERR_INVALID, "limit: %u", limit);
		err_field(e, "limit");
		err_reason(e, "OUT_OF_RANGE");
		return err_remedy(e, "give 1 to %d", HISTORY_MAX);
	}
	if ((rc = view_get(v, (uint8_t)q->kind, q->id, &s, e)) < 0)
		return -1;
	if (rc == 0)
		return registry_not_found(q->kind, q->id, false, e);
	if (may_read(c, v, s, e) < 0)
		return -1;
	r.revision = view_revision(v);
	r.entries = arena_alloc(call_arena(c), limit * sizeof(*r.entries));
	if (r.entries == NULL)
		return err_set(e, ERR_NOMEM, "history");
	while (rc == 1 && q->before_revision != 0 &&
	       s.revision >= q->before_revision)
		rc = view_previous(v, &s, e);
	if (rc < 0 ||
	    (rc == 1 && collect(&r, call_arena(c), v, &s, limit, e) < 0))
		return -1;
	return call_reply(c, &r.base);
}
