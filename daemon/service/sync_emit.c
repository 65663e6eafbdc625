/* sync_emit.c - in the writer: what was planned becomes one commit. */
#include <string.h>

#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"

#define NOTE_BYTES ((size_t)256 << 10) /* for the reasons of refusals */
#define NOTE_POSITIONS 150000

static int
moved(const struct sync_item *i, struct err *e)
{
	err_set(e, ERR_CONFLICT, "%s changed while the set was being sent",
	    i->id);
	err_reason(e, "SYNC_MOVED");
	return err_remedy(e, "send the set again");
}

static int
emit_change(struct sync *s, struct decision *d, const struct sync_item *i,
    struct err *e)
{
	Resopro__V1__Record name = RESOPRO__V1__RECORD__INIT;
	struct put p = { .arena = s->scratch,
		.record = &name,
		.if_version = i->seen,
		.seen = i->seen,
		.exists = i->exists,
		.head = i->head };

	name.kind = i->kind;
	name.id = (char *)(uintptr_t)i->id;
	/* Titles depend on other titles, which sync_catch_up() does not know. */
	if (i->kind == RESOPRO__V1__KIND__KIND_STATUS &&
	    view_revision(decision_view(d)) != s->checked &&
	    sync_check_change(s, decision_view(d), i, e) < 0)
		return -1;
	arena_reset(s->scratch);
	return put_emit(&p, d, e);
}

static int
emit_item(struct sync *s, struct decision *d, const struct sync_item *i,
    struct err *e)
{
	int rc = 0;

	switch (i->action) {
	case SYNC_CREATE:
	case SYNC_UPDATE:
		rc = emit_change(s, d, i, e);
		break;
	case SYNC_RETIRE:
		rc = decision_delete(d, (uint8_t)i->kind, i->id, i->seen, e);
		break;
	case SYNC_UNCHANGED:
		/* A whole scope is confirmed by one row. */
		if (i->exists && !sync_scope_whole(s))
			rc = decision_confirm(d, (uint8_t)i->kind, i->id, e);
		break;
	default:
		break;
	}
	return rc < 0 && e->code == ERR_CONFLICT ? moved(i, e) : rc;
}

static int
emit_scopes(struct sync *s, struct decision *d, struct err *e)
{
	struct bytes owner = { (const uint8_t *)s->owner, strlen(s->owner) };
	struct bytes source = { (const uint8_t *)s->source, strlen(s->source) };

	for (uint8_t kind = 1; kind < 32; kind++) {
		char scope[STORE_INDEX_KEY_MAX];
		size_t len;

		if ((s->kinds & 1u << kind) == 0)
			continue;
		len = record_scope(scope, kind, owner, source);
		if (len > 0 && decision_confirm_scope(d, scope, len, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- what a repeated request will be told ----------------------------------- */

/* Reasons as far as there is room, else the position alone. */
static void
note_refused(Resopro__V1__SyncNote *n, const struct sync_item *i,
    Resopro__V1__SyncPlanItem *p, size_t *bytes)
{
	resopro__v1__sync_plan_item__init(p);
	p->action = i->action;
	p->position = i->position;
	p->refusals = i->refusals;
	p->n_refusals = i->n_refusals;
	*bytes += resopro__v1__sync_plan_item__get_packed_size(p) + 4;
	if (*bytes <= NOTE_BYTES)
		n->refused[n->n_refused++] = p;
	else if (n->n_refused_positions < NOTE_POSITIONS)
		n->refused_positions[n->n_refused_positions++] = i->position;
}

static int
emit_note(struct sync *s, struct decision *d, struct err *e)
{
	Resopro__V1__SyncNote n = RESOPRO__V1__SYNC_NOTE__INIT;
	size_t room = s->result.refused + 1, bytes = 0;
	Resopro__V1__SyncPlanItem *items;
	struct bytes note;

	arena_reset(s->scratch);
	items = arena_alloc(s->scratch, room * sizeof *items);
	n.refused = arena_alloc(s->scratch, room * sizeof(*n.refused));
	n.refused_positions =
	    arena_alloc(s->scratch, room * sizeof(*n.refused_positions));
	if (items == NULL || n.refused == NULL || n.refused_positions == NULL)
		return sync_no_room(e);
	n.result = &s->result;
	for (uint32_t i = 0; i < s->set.n; i++) {
		/* What is missing from the set has no position to tell by. */
		if (s->set.items[i]->action == SYNC_REFUSED &&
		    s->set.items[i]->position != 0)
			note_refused(&n, s->set.items[i], items++, &bytes);
	}
	note = record_pack(s->scratch, &n.base, e);
	return note.data != NULL ? decision_note(d, note, e) : -1;
}

int
sync_emit(struct sync *s, struct decision *d, struct err *e)
{
	uint64_t planned = s->planned;
	int rc = sync_catch_up(s, decision_view(d), UINT32_MAX, e);

	s->planned = planned; /* a batch may be run again */
	if (rc < 0)
		return -1;
	for (uint32_t n = 0; n < s->set.n; n++) {
		if (emit_item(s, d, s->set.items[n], e) < 0)
			return -1;
	}
	if (sync_scope_whole(s) && emit_scopes(s, d, e) < 0)
		return -1;
	return emit_note(s, d, e);
}
