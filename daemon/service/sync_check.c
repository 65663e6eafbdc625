/* sync_check.c - a set against itself and against the register: who else holds
 * its values, what it refers to, and its verdict as a whole. */
#include <string.h>

#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"

#define SLICE 500 /* items checked a turn */
/* Each pass refuses what depends on what the pass before refused.  Sites and
 * offers depend on each other three deep; a longer chain is a set that nobody
 * would understand in part. */
#define PASSES_MAX 16

/* ---- what it claims --------------------------------------------------------- */

static int
claimed_twice(struct sync *s, struct sync_item *i, const struct sync_mark *m,
    struct err *e)
{
	const char *message =
	    arena_printf(s->scratch, "%s: %s is that of record %u too",
		m->field, m->value, m->item->position);

	return message == NULL
		   ? sync_no_room(e)
		   : sync_refuse(s, i, m->field, "TAKEN", message,
			 "correct one of the two, or give one a closing date",
			 e);
}

static int
mark_unique(struct sync *s, struct sync_item *i, const struct field_rule *f,
    const char *value, struct err *e)
{
	const struct sync_mark *m;

	if (sync_marks_add(&s->marks, s->set.arena, f->name, i->kind, value, i,
		&m) < 0)
		return sync_no_room(e);
	return m->item == i ? 0 : claimed_twice(s, i, m, e);
}

/* Several of one owner may hold it; another owner's may not. */
static int
mark_claimed(struct sync *s, struct sync_item *i, const struct field_rule *f,
    const char *value, struct err *e)
{
	const struct sync_mark *m;

	return sync_marks_add(&s->marks, s->set.arena, f->name, i->kind, value,
		   i, &m) < 0
		   ? sync_no_room(e)
		   : 0;
}

static int
mark_reference(struct sync *s, struct sync_item *i, const struct field_rule *f,
    const char *id, struct err *e)
{
	const struct sync_mark *m;

	if (id[0] == '\0')
		return 0;
	return sync_marks_add(&s->marks, s->set.arena, NULL, f->refers, id, i,
		   &m) < 0
		   ? sync_no_room(e)
		   : 0;
}

int
sync_mark(struct sync *s, struct sync_item *i, const Resopro__V1__Record *r,
    struct err *e)
{
	const struct field_rule *f = schema_of(r->kind)->fields;
	bool open = schema_string(r, "date_fermeture")[0] == '\0';

	for (; f->name != NULL; f++) {
		const char *value = schema_string(r, f->name);

		if (f->refers != RESOPRO__V1__KIND__KIND_UNSPECIFIED &&
		    mark_reference(s, i, f, value, e) < 0)
			return -1;
		if ((f->flags & FIELD_UNIQUE) != 0 && open &&
		    value[0] != '\0' && mark_unique(s, i, f, value, e) < 0)
			return -1;
		if ((f->flags & FIELD_CLAIMED) != 0 && open &&
		    value[0] != '\0' && mark_claimed(s, i, f, value, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- against the register --------------------------------------------------- */

/* Who comes and who leaves, as the plan stands. */
static int
keep_company(struct sync *s, struct err *e)
{
	s->coming.n = s->leaving.n = 0;
	for (uint32_t n = 0; n < s->set.n; n++) {
		const struct sync_item *i = s->set.items[n];
		bool comes =
		    i->action == SYNC_CREATE || i->action == SYNC_UPDATE;

		if ((comes || i->action == SYNC_RETIRE) &&
		    names_add(comes ? &s->coming : &s->leaving, s->set.arena,
			i->kind, i->id) < 0)
			return sync_no_room(e);
	}
	names_sort(&s->leaving);
	names_sort(&s->coming);
	return 0;
}

int
sync_check_change(struct sync *s, struct view *v, const struct sync_item *i,
    struct err *why)
{
	struct put_company with = { &s->coming, &s->leaving };
	struct put p = { .arena = s->scratch };

	arena_reset(s->scratch);
	s->write.violations.n = 0;
	p.record = record_unpack(s->scratch, i->head, why);
	if (p.record == NULL)
		return -1;
	return put_check_others(&p, &s->write, v, &with, why);
}

static int
check_item(struct sync *s, struct view *v, struct sync_item *i, struct err *e)
{
	struct err why = { 0 };
	int rc = 0;

	if (i->action == SYNC_CREATE || i->action == SYNC_UPDATE)
		rc = sync_check_change(s, v, i, &why);
	else if (i->action == SYNC_RETIRE)
		rc = put_check_unreferenced(v, i->kind, i->id, &s->leaving,
		    &why);
	s->refused_late += rc < 0;
	return rc < 0 ? sync_refuse_as(s, i, &why, e) : 0;
}

static int
start_pass(struct sync *s, struct view *v, struct err *e)
{
	if (++s->passes > PASSES_MAX) {
		err_set(e, ERR_PRECONDITION,
		    "what is refused of the set pulls too much down with it; "
		    "nothing was applied");
		err_reason(e, "SYNC_REFUSED");
		return err_remedy(e, "look at the plan of a dry run, correct "
				     "what is refused and send the set again");
	}
	s->refused_late = 0;
	s->next = 0;
	s->checked = view_revision(v);
	return keep_company(s, e);
}

int
sync_check_slice(struct sync *s, struct view *v, struct err *e)
{
	uint32_t end;

	if (s->passes == 0 && start_pass(s, v, e) < 0)
		return -1;
	end = s->next + SLICE;
	for (; s->next < s->set.n && s->next < end; s->next++) {
		if (check_item(s, v, s->set.items[s->next], e) < 0)
			return -1;
	}
	if (s->next < s->set.n)
		return 1;
	/* The valid ones will be applied: do they still hold without those that
	 * were just refused? */
	if (!s->accept_valid || s->refused_late == 0)
		return 0;
	return start_pass(s, v, e) < 0 ? -1 : 1;
}

/* ---- what happened meanwhile ------------------------------------------------ */

static int
moved(const char *id, struct err *e)
{
	err_set(e, ERR_CONFLICT, "%s changed while the set was being sent", id);
	err_reason(e, "SYNC_MOVED");
	return err_remedy(e, "send the set again");
}

static bool
will_be_written(const struct sync_item *i)
{
	return i->action == SYNC_CREATE || i->action == SYNC_UPDATE;
}

/* It took a value that a record of the set is to hold. */
static bool
takes_from(const struct sync *s, const struct mutation *m,
    const Resopro__V1__Record *r, const struct field_rule *f, const char *value)
{
	bool claimed =
	    (f->flags & FIELD_CLAIMED) != 0 && strcmp(r->owner, s->owner) != 0;
	const struct sync_mark *mark;

	if (((f->flags & FIELD_UNIQUE) == 0 && !claimed) || value[0] == '\0')
		return false;
	mark = sync_marks_find(&s->marks, f->name, (Resopro__V1__Kind)m->kind,
	    value);
	return mark != NULL && will_be_written(mark->item) &&
	       strcmp(mark->item->id, m->id) != 0;
}

/* It came to refer to what ends, or to hold what the set is to hold. */
static bool
collides(const struct sync *s, const struct mutation *m,
    const Resopro__V1__Record *r)
{
	const struct field_rule *f = schema_of(r->kind)->fields;
	const struct sync_item *i;

	for (; f->name != NULL; f++) {
		const char *value = schema_string(r, f->name);

		if (takes_from(s, m, r, f, value) ||
		    (f->refers != RESOPRO__V1__KIND__KIND_UNSPECIFIED &&
			names_has(&s->leaving, f->refers, value)))
			return true;
	}
	if (strcmp(r->owner, s->owner) != 0 ||
	    strcmp(r->source, s->source) != 0)
		return false;
	i = sync_set_by_source(&s->set, r->kind, r->source_id);
	return i != NULL && will_be_written(i) && strcmp(i->id, m->id) != 0;
}

/* 1: the plan does not hold any more. */
static int
upsets(struct sync *s, const struct mutation *m, uint64_t revision,
    struct err *e)
{
	Resopro__V1__Kind kind = (Resopro__V1__Kind)m->kind;
	const struct sync_item *i = sync_set_by_id(&s->set, kind, m->id);
	const Resopro__V1__Record *r;

	/* An item planned later has seen it; what will be written compares its
	 * version then. */
	if (i != NULL)
		return i->action == SYNC_UNCHANGED && i->exists &&
		       i->seen < m->version;
	/* The checks have seen it. */
	if (revision <= s->checked || schema_of(kind) == NULL)
		return 0;
	if (m->op == MUTATION_DELETE)
		return sync_marks_find(&s->marks, NULL, kind, m->id) != NULL;
	arena_reset(s->scratch);
	r = record_unpack(s->scratch, m->record, e);
	return r == NULL ? -1 : collides(s, m, r);
}

static int
catch_up_with(struct sync *s, const struct commit *c, struct err *e)
{
	struct mutation_iter it;
	struct mutation m;
	int rc;

	mutation_first(c, &it);
	while ((rc = mutation_next(&it, &m, e)) == 1) {
		if (m.op != MUTATION_PUT && m.op != MUTATION_DELETE)
			continue;
		if ((rc = upsets(s, &m, c->revision, e)) != 0)
			return rc < 0 ? -1 : moved(m.id, e);
	}
	return rc;
}

int
sync_catch_up(struct sync *s, struct view *v, unsigned most, struct err *e)
{
	uint64_t head = view_revision(v);

	for (; s->planned < head; s->planned++) {
		struct commit c;

		if (most-- == 0)
			return 1;
		if (view_commit(v, s->planned + 1, &c, e) <= 0 ||
		    catch_up_with(s, &c, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the set as a whole ----------------------------------------------------- */

static void
count(struct sync *s)
{
	Resopro__V1__SyncResult *r = &s->result;

	resopro__v1__sync_result__init(r);
	for (uint32_t n = 0; n < s->set.n; n++) {
		switch (s->set.items[n]->action) {
		case SYNC_CREATE:
			r->created++;
			break;
		case SYNC_UPDATE:
			r->updated++;
			break;
		case SYNC_UNCHANGED:
			r->unchanged++;
			break;
		case SYNC_RETIRE:
			r->retired++;
			break;
		default:
			r->refused++;
			break;
		}
	}
}

static void
judge_retirements(struct sync *s)
{
	const struct service_limits *l = &s->write.service->limits;
	uint32_t n = s->result.retired;
	bool many =
	    n > l->retire_free &&
	    (uint64_t)n * 100 > (uint64_t)s->existing * l->retire_percent;
	bool all = s->received == 0 && n > 0;

	/* Who sends changes names each that ends. */
	if (!s->full || (!many && !all) || s->confirm_retire == n)
		return;
	err_set(&s->refusal, ERR_PRECONDITION,
	    "the set would retire %u of the "
	    "%u records of %s/%s%s",
	    n, s->existing, s->owner, s->source,
	    sync_scope_whole(s) ? "" : " in its scope");
	err_field(&s->refusal, "start.confirm_retire");
	err_reason(&s->refusal, "RETIRE_GUARD");
	err_remedy(&s->refusal,
	    "check that the set is whole; if it is, send "
	    "it again with confirm_retire = %u",
	    n);
}

static void
journal(const struct sync *s)
{
	for (uint32_t n = 0; s->result.refused > 0 && n < s->set.n; n++) {
		const struct sync_item *i = s->set.items[n];

		for (size_t k = 0;
		     i->action == SYNC_REFUSED && k < i->n_refusals; k++)
			write_journal(&s->write, i->id != NULL ? i->id : "",
			    i->refusals[k]->field, i->refusals[k]->reason);
	}
}

void
sync_judge(struct sync *s)
{
	count(s);
	if (s->dry_run)
		return;
	journal(s);
	if (s->result.refused > 0 && !s->accept_valid) {
		/* Those that a full set would retire count too. */
		err_set(&s->refusal, ERR_PRECONDITION,
		    "%u of %u records are "
		    "refused; nothing was applied",
		    s->result.refused, s->set.n);
		err_reason(&s->refusal, "SYNC_REFUSED");
		err_remedy(&s->refusal, "correct them, or send the set with "
					"accept_valid to apply the others");
		return;
	}
	judge_retirements(s);
}
