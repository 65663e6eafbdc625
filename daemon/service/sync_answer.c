/* sync_answer.c - the plan and the result; those of a repeated request from
 * what the log kept of the first. */
#include <string.h>

#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"

#define PLAN_ITEMS 500 /* a message */
#define PLAN_BYTES ((size_t)1 << 20)
#define SLICE 500 /* changes recalled a turn */

/* ---- sending ---------------------------------------------------------------- */

static Resopro__V1__SyncPlanItem *
plan_item(struct arena *arena, const struct sync_item *i)
{
	Resopro__V1__SyncPlanItem *p = arena_alloc(arena, sizeof *p);

	if (p == NULL)
		return NULL;
	resopro__v1__sync_plan_item__init(p);
	p->action = i->action;
	p->kind = i->kind;
	if (i->id != NULL)
		p->id = (char *)(uintptr_t)i->id;
	p->source_id = (char *)(uintptr_t)i->source_id;
	if (i->name != NULL)
		p->name = (char *)(uintptr_t)i->name;
	p->position = i->position;
	p->changes = i->changes;
	p->n_changes = i->n_changes;
	p->refusals = i->refusals;
	p->n_refusals = i->n_refusals;
	p->warnings = i->warnings;
	p->n_warnings = i->n_warnings;
	return p;
}

static bool
shown(const struct sync *s, const struct sync_item *i)
{
	if (i->action == SYNC_DEFERRED) /* of no plan: see forget_plan() */
		return false;
	return i->action != SYNC_UNCHANGED || s->show_unchanged ||
	       i->n_warnings > 0;
}

/* One message of the plan; false: none is left, or the call was ended. */
static bool
send_plan(struct sync *s, struct call *c, struct err *e)
{
	Resopro__V1__SyncResponse r = RESOPRO__V1__SYNC_RESPONSE__INIT;
	Resopro__V1__SyncPlan plan = RESOPRO__V1__SYNC_PLAN__INIT;
	Resopro__V1__SyncPlanItem *items[PLAN_ITEMS];
	size_t bytes = 0;

	arena_reset(s->scratch);
	plan.items = items;
	while (plan.n_items < PLAN_ITEMS && bytes < PLAN_BYTES &&
	       s->sent < s->set.n) {
		const struct sync_item *i = s->set.items[s->sent++];
		Resopro__V1__SyncPlanItem *p;

		if (!shown(s, i))
			continue;
		if ((p = plan_item(s->scratch, i)) == NULL) {
			err_set(e, ERR_NOMEM, "plan");
			return false;
		}
		items[plan.n_items++] = p;
		bytes += resopro__v1__sync_plan_item__get_packed_size(p);
	}
	if (plan.n_items == 0)
		return false;
	r.step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN;
	r.plan = &plan;
	return call_send(c, &r.base, e) == 0;
}

/* The plan is out: how did it end? */
static void
send_end(struct sync *s, struct call *c)
{
	Resopro__V1__SyncResponse r = RESOPRO__V1__SYNC_RESPONSE__INIT;
	struct err e = s->write.proposal.err;

	call_set_user(c, NULL);
	s->write.user.call = NULL;
	if (e.code != ERR_NONE) {
		if (e.code == ERR_LIMIT)
			call_retry_after(c, 5000);
		call_fail(c, &e);
	} else {
		r.step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT;
		r.result = &s->result;
		if (call_send(c, &r.base, &e) < 0)
			call_fail(c, &e);
		else
			call_finish(c);
	}
	sync_free(s);
}

void
sync_answer_go_on(struct sync *s)
{
	struct call *c = s->write.user.call;
	struct err e = { 0 };

	while (s->sent < s->set.n && e.code == ERR_NONE) {
		if (!call_writable(c))
			return; /* writable() comes back */
		if (!send_plan(s, c, &e))
			break;
	}
	if (e.code != ERR_NONE)
		s->write.proposal.err = e;
	send_end(s, c);
}

void
sync_answer_start(struct sync *s)
{
	s->state = SYNC_ANSWERING;
	call_set_user(s->write.user.call, &s->write.user);
	sync_answer_go_on(s);
}

/* ---- a repeated request ----------------------------------------------------- */

/* What the set was planned as today is of no interest. */
static void
forget_plan(struct sync *s)
{
	for (uint32_t n = 0; n < s->set.n; n++) {
		struct sync_item *i = s->set.items[n];

		i->n_changes = i->n_refusals = i->n_warnings = 0;
		/* Missing then is another matter than missing now. */
		i->action = i->position == 0 ? SYNC_DEFERRED : SYNC_UNCHANGED;
	}
}

static struct sync_item *
at_position(const struct sync *s, uint32_t position)
{
	/* Those that came are the first of the set, in their order. */
	return position == 0 || position > s->received
		   ? NULL
		   : s->set.items[position - 1];
}

static void
recall_refused(struct sync *s, const Resopro__V1__SyncNote *n)
{
	for (size_t k = 0; k < n->n_refused; k++) {
		struct sync_item *i = at_position(s, n->refused[k]->position);

		if (i == NULL)
			continue;
		i->action = SYNC_REFUSED;
		i->refusals = n->refused[k]->refusals;
		i->n_refusals = n->refused[k]->n_refusals;
	}
	for (size_t k = 0; k < n->n_refused_positions; k++) {
		struct sync_item *i = at_position(s, n->refused_positions[k]);

		if (i != NULL)
			(void)sync_item_refuse(&s->set, i, "", "FORGOTTEN",
			    "was refused; the reasons were told the first time",
			    "send the record again to be told");
	}
}

static int
first_commit(struct sync *s, struct view *v, struct commit *c, struct err *e)
{
	if (view_commit(v, s->write.proposal.revision, c, e) == 1)
		return 0;
	return e->code != ERR_NONE ? -1
				   : err_set(e, ERR_CORRUPT,
					 "the first answer is not in the log");
}

int
sync_recall_start(struct sync *s, struct view *v, struct err *e)
{
	ProtobufCAllocator a = record_allocator(s->set.arena);
	Resopro__V1__SyncNote *n;
	struct commit c;

	if (first_commit(s, v, &c, e) < 0)
		return -1;
	n = resopro__v1__sync_note__unpack(&a, c.note.len, c.note.data);
	if (n == NULL || n->result == NULL)
		return err_set(e, ERR_CORRUPT,
		    "the first answer is unreadable");
	forget_plan(s);
	recall_refused(s, n);
	s->result = *n->result;
	s->result.revision = c.revision;
	s->result.applied = 1;
	s->result.replayed = 1;
	mutation_first(&c, &s->recall);
	return 0;
}

/* The item that the change was planned as; ids may have been given anew. */
static struct sync_item *
item_of(struct sync *s, const struct mutation *m, const char *source_id,
    struct err *e)
{
	Resopro__V1__Kind kind = (Resopro__V1__Kind)m->kind;
	struct sync_item *i = sync_set_by_id(&s->set, kind, m->id);

	if (i == NULL)
		i = sync_set_by_source(&s->set, kind, source_id);
	if (i == NULL)
		i = sync_set_add(&s->set, kind, source_id, e);
	if (i == NULL)
		return NULL;
	if (i->id == NULL || strcmp(i->id, m->id) != 0)
		i->id = arena_strdup(s->set.arena, m->id);
	if (i->id != NULL)
		return i;
	sync_no_room(e);
	return NULL;
}

struct difference {
	struct sync *sync;
	struct sync_item *item;
};

static int
add_change(const struct field_rule *rule, const char *name, const char *before,
    const char *after, void *arg)
{
	struct difference *d = arg;

	(void)rule;
	return sync_item_change(&d->sync->set, d->item, name, before, after);
}

static int
recall_one(struct sync *s, struct view *v, const struct mutation *m,
    uint64_t revision, struct err *e)
{
	Resopro__V1__Record *before = NULL, *after = NULL, *shown;
	struct stored was;
	struct difference d = { .sync = s };

	arena_reset(s->scratch);
	if (m->prev_revision != 0 &&
	    view_get_as_of(v, m->kind, m->id, revision - 1, &was, e) == 1 &&
	    !was.deleted)
		before = record_unpack(s->scratch, was.record, e);
	if (m->op == MUTATION_PUT)
		after = record_unpack(s->scratch, m->record, e);
	if (e->code != ERR_NONE)
		return -1;
	if ((shown = after != NULL ? after : before) == NULL)
		return 0;
	if ((d.item = item_of(s, m, shown->source_id, e)) == NULL)
		return -1;
	d.item->name = arena_strdup(s->set.arena, schema_name(shown));
	d.item->action = after == NULL    ? SYNC_RETIRE
			 : before == NULL ? SYNC_CREATE
					  : SYNC_UPDATE;
	if (d.item->action == SYNC_UPDATE &&
	    schema_diff(s->scratch, before, after, add_change, &d) < 0)
		return sync_no_room(e);
	return d.item->name != NULL ? 0 : sync_no_room(e);
}

/* A commit may hold what follows from the set, such as a dispute. */
static bool
is_of_plan(const struct sync *s, const struct mutation *m)
{
	return (m->op == MUTATION_PUT || m->op == MUTATION_DELETE) &&
	       m->kind < 32 && (s->kinds & 1u << m->kind) != 0;
}

int
sync_recall_slice(struct sync *s, struct view *v, struct err *e)
{
	struct mutation_iter it = s->recall;
	struct mutation m;
	struct commit c;
	int rc = 1;

	if (first_commit(s, v, &c, e) < 0)
		return -1;
	it.rest = c.encoded; /* of this snapshot */
	for (unsigned left = SLICE; left > 0; left--) {
		if ((rc = mutation_next(&it, &m, e)) <= 0)
			break;
		if (is_of_plan(s, &m) &&
		    recall_one(s, v, &m, c.revision, e) < 0)
			return -1;
	}
	s->recall = it;
	return rc;
}
