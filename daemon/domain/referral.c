/* referral.c - places candidates and runs the one loop over the rows; see
 * referral.h. */
#include "domain/referral.h"

#include <string.h>

#include "domain/referral_rows.h"

#define LINES_DEFAULT 5

/* The rule of the register that no row needs to state. */
#define RULE_STATUS "X2"
static const char status_source[] =
    "Règle du registre : titre en vigueur à la date";

/* ---- targets and places ------------------------------------------------- */

static bool
gives_label(const struct title *t)
{
	return t->spro && t->cercle == 3;
}

/* Does this title make its holder a target? */
static bool
title_fits(const struct target *t, const struct title *title)
{
	switch (t->by) {
	case TARGET_TITLE:
		return strcmp(title->code, t->code) == 0;
	case TARGET_CERCLE:
		return title->cercle == t->cercle;
	case TARGET_LABEL:
		return gives_label(title);
	default: /* by its kind: any title of the network */
		return true;
	}
}

bool
target_takes(const struct target *t, const struct candidate *c)
{
	if (t->by == TARGET_KIND)
		return strcmp(c->body->kind, t->code) == 0;
	for (size_t i = 0; i < c->n_titles; i++)
		if (title_fits(t, &c->titles[i]))
			return true;
	return false;
}

static bool
any_contains(const struct zone *const *zones, size_t n,
    const struct commune *commune)
{
	for (size_t i = 0; i < n; i++)
		if (zone_contains(zones[i], commune))
			return true;
	return false;
}

bool
candidate_competent(const struct candidate *c, const struct commune *commune)
{
	const struct candidate_body *b = c->body;

	return any_contains(b->competence, b->n_competence, commune) &&
	       !any_contains(b->sauf, b->n_sauf, commune);
}

struct placed
candidate_place(const struct candidate *c, const struct commune *commune)
{
	struct placed p = {
		.candidate = c,
		.class = (uint8_t)commune_distance_class(c->commune, commune),
		.metres = commune_distance_m(c->commune, commune),
		.competence = candidate_competent(c, commune),
	};

	return p;
}

/* Competence first; a commune is in its own EPCI; no place comes last. */
static unsigned
nearness(const struct placed *p)
{
	if (p->competence)
		return 0;
	if (p->class == DISTANCE_NOWHERE)
		return DISTANCE_REGION + 1;
	return p->class == DISTANCE_COMMUNE ? DISTANCE_EPCI : p->class;
}

int
placed_compare(const struct placed *a, const struct placed *b)
{
	unsigned x = nearness(a), y = nearness(b);
	int order;

	if (x != y)
		return x < y ? -1 : 1;
	x = a->class != DISTANCE_COMMUNE;
	y = b->class != DISTANCE_COMMUNE;
	if (x != y)
		return x < y ? -1 : 1;
	/* Within a competence, a body without a place is the furthest. */
	x = a->class == DISTANCE_NOWHERE;
	y = b->class == DISTANCE_NOWHERE;
	if (x != y)
		return x < y ? -1 : 1;
	if (a->metres != b->metres)
		return a->metres < b->metres ? -1 : 1;
	order = strcmp(a->candidate->body->id, b->candidate->body->id);
	if (order == 0)
		order = strcmp(a->candidate->site_id, b->candidate->site_id);
	return (order > 0) - (order < 0);
}

size_t
referral_place(const struct target *t, const struct candidate *const *all,
    size_t n, const struct commune *commune, struct placed *out, size_t room)
{
	size_t taken = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct placed p;
		size_t at;

		if (!target_takes(t, all[i]))
			continue;
		taken++;
		p = candidate_place(all[i], commune);
		if (kept == room &&
		    (room == 0 || placed_compare(&p, &out[room - 1]) >= 0))
			continue;
		at = kept < room ? kept++ : room - 1;
		for (; at > 0 && placed_compare(&p, &out[at - 1]) < 0; at--)
			out[at] = out[at - 1];
		out[at] = p;
	}
	return taken;
}

/* ---- conditions --------------------------------------------------------- */

struct find {
	const struct referral_rules *rules;
	const struct referral_query *query;
	struct candidate_source *source;
	struct referral_answer *answer;
	uint64_t values[ROW_FIELDS]; /* what the question says, as bits */
	bool forbidden[ROW_TARGETS_ALL];
};

static uint64_t
bit_of_code(const struct referral_rules *r, enum row_field f, const char *code)
{
	if (code == NULL || code[0] == '\0')
		return BIT_UNKNOWN;
	for (size_t i = 0; i < r->fields[f].n; i++)
		if (strcmp(r->fields[f].codes[i], code) == 0)
			return UINT64_C(1) << i;
	return 0; /* said, but no row asks for it */
}

static uint64_t
bit_of_reply(enum reply r)
{
	if (r == REPLY_UNKNOWN)
		return BIT_UNKNOWN;
	return r == REPLY_YES ? BIT_YES : BIT_NO;
}

static void
read_question(struct find *f)
{
	const struct referral_query *q = f->query;
	const struct referral_rules *r = f->rules;
	uint64_t *v = f->values;

	v[ROW_AGE] = q->age_max == 0 ? BIT_UNKNOWN : 0;
	v[ROW_SITUATION] = bit_of_code(r, ROW_SITUATION, q->situation);
	v[ROW_SECTEUR] = bit_of_code(r, ROW_SECTEUR, q->secteur_projet);
	v[ROW_MODALITE] = bit_of_code(r, ROW_MODALITE, q->modalite);
	v[ROW_CADRE] = bit_of_reply(q->cadre);
	v[ROW_BOETH] = bit_of_reply(q->boeth);
	v[ROW_RSA] = bit_of_reply(q->rsa);
	v[ROW_HANDICAP_PRINCIPAL] = bit_of_reply(q->handicap_principal);
	v[ROW_DEJA_SUIVI] = bit_of_reply(q->deja_suivi);
	v[ROW_BESOIN] = q->n_besoins == 0 ? BIT_UNKNOWN : 0;
	for (size_t i = 0; i < q->n_besoins; i++)
		v[ROW_BESOIN] |= bit_of_code(r, ROW_BESOIN, q->besoins[i]);
	if (q->n_besoins == 1)
		v[ROW_SEUL_BESOIN] =
		    bit_of_code(r, ROW_SEUL_BESOIN, q->besoins[0]);
}

/* What the lines so far say to conditions on them. */
static void
read_lines_so_far(struct find *f, const struct row *row)
{
	bool other = false;

	for (size_t i = 0; i < f->answer->n_lines; i++)
		other |= strcmp(f->answer->lines[i].rule_id, row->rule_id) != 0;
	f->values[ROW_AUTRE_REGLE] = other ? BIT_YES : BIT_NO;
	f->values[ROW_SANS_REPONSE] =
	    f->answer->n_lines == 0 ? BIT_YES : BIT_NO;
}

static bool
holds(const struct find *f, const struct condition *c)
{
	const struct referral_query *q = f->query;

	if ((f->values[c->field] & c->values) != 0)
		return true;
	return c->field == ROW_AGE && c->high > 0 && q->age_max > 0 &&
	       q->age_min >= c->low && q->age_max <= c->high;
}

static bool
applies(struct find *f, const struct row *row)
{
	read_lines_so_far(f, row);
	for (size_t i = 0; i < row->n_conditions; i++)
		if (!holds(f, &row->conditions[i]))
			return false;
	for (size_t i = 0; i < row->n_unless; i++)
		if (holds(f, &row->unless[i]))
			return false;
	return true;
}

/* ---- what is left out --------------------------------------------------- */

static void
note(struct find *f, const char *text)
{
	struct referral_answer *a = f->answer;

	for (size_t i = 0; i < a->n_notes; i++)
		if (strcmp(a->notes[i], text) == 0)
			return;
	if (a->n_notes < REFERRAL_NOTES_MAX)
		a->notes[a->n_notes++] = text;
}

static void
exclude(struct find *f, const char *rule, const struct candidate *c,
    const char *kind, const char *reason, const char *source)
{
	struct referral_answer *a = f->answer;
	struct referral_exclusion *x;

	for (size_t i = 0; i < a->n_excluded; i++)
		if (a->excluded[i].candidate == c &&
		    strcmp(a->excluded[i].kind, kind) == 0)
			return;
	if (a->n_excluded == REFERRAL_EXCLUSIONS_MAX)
		return;
	x = &a->excluded[a->n_excluded++];
	*x = (struct referral_exclusion){ .candidate = c,
		.kind = kind,
		.reason = reason,
		.legal_source = source };
	memcpy(x->rule_id, rule, strlen(rule) + 1);
}

static void
forbid(struct find *f, const struct row *row)
{
	for (size_t i = 0; i < row->n_targets; i++) {
		const struct target *t = &f->rules->targets[row->targets[i]];

		f->forbidden[row->targets[i]] = true;
		exclude(f, row->rule_id, NULL, t->code, row->reason,
		    row->legal_source);
	}
}

static bool
is_forbidden(const struct find *f, const struct candidate *c)
{
	for (size_t i = 0; i < f->rules->n_targets; i++)
		if (f->forbidden[i] && target_takes(&f->rules->targets[i], c))
			return true;
	return false;
}

/* NULL when the candidate may answer, with its proof; else why not. */
static const char *
unfit(const struct find *f, const struct target *t, const struct candidate *c,
    const struct title **proof)
{
	day_number day = f->query->day;
	bool suspended = false, ended = false;

	*proof = NULL;
	if ((c->closed != 0 && c->closed < day) ||
	    (c->body->closed != 0 && c->body->closed < day))
		return "fermé à cette date";
	for (size_t i = 0; i < c->n_titles; i++) {
		const struct title *title = &c->titles[i];
		enum title_state state;

		if (!title_fits(t, title))
			continue;
		state = title_state_at(title, day);
		suspended |= state == TITLE_SUSPENDED;
		ended |= state == TITLE_ENDED;
		if (state == TITLE_HELD &&
		    (*proof == NULL || t->by != TARGET_KIND))
			*proof = title;
	}
	if (*proof != NULL) {
		if (t->by == TARGET_KIND)
			*proof = titles_proof(c->titles, c->n_titles, day);
		return NULL;
	}
	if (suspended)
		return "titre suspendu à cette date";
	return ended ? "titre échu à cette date"
		     : "aucun titre en vigueur à cette date";
}

/* ---- lines -------------------------------------------------------------- */

static bool
same_body(const struct candidate *a, const struct candidate *b)
{
	return a == b || (a != NULL && b != NULL &&
			     strcmp(a->body->id, b->body->id) == 0 &&
			     strcmp(a->site_id, b->site_id) == 0);
}

static bool
same_answer(const struct referral_line *a, const struct referral_line *b)
{
	if (a->candidate != NULL || b->candidate != NULL)
		return same_body(a->candidate, b->candidate);
	return strcmp(a->hors_reseau, b->hors_reseau) == 0;
}

static void
drop_line(struct referral_answer *a, size_t at)
{
	a->n_lines--;
	memmove(&a->lines[at], &a->lines[at + 1],
	    (a->n_lines - at) * sizeof a->lines[0]);
}

/* Keep lines in the order of priority, then of rows; a body stands once, at
 * its best rank. */
static void
add_line(struct find *f, const struct referral_line *line)
{
	struct referral_answer *a = f->answer;
	size_t at;

	for (size_t i = 0; i < a->n_lines; i++) {
		if (!same_answer(&a->lines[i], line))
			continue;
		if (a->lines[i].priority <= line->priority)
			return;
		drop_line(a, i);
		break;
	}
	if (a->n_lines == REFERRAL_LINES_MAX) {
		if (a->lines[a->n_lines - 1].priority <= line->priority)
			return;
		a->n_lines--;
	}
	for (at = a->n_lines++;
	     at > 0 && a->lines[at - 1].priority > line->priority; at--)
		a->lines[at] = a->lines[at - 1];
	a->lines[at] = *line;
}

static struct referral_line
line_of(const struct row *row)
{
	struct referral_line line = {
		.legal_source = row->legal_source,
		.reason = row->reason,
		.priority = row->priority,
		.site_web = "",
		.telephone = "",
	};

	memcpy(line.rule_id, row->rule_id, sizeof line.rule_id);
	return line;
}

/* The body does not offer the mode that was asked for. */
static bool
wrong_mode(const struct find *f, const struct candidate *c)
{
	const char *asked = f->query->modalite;
	unsigned mode = 0;

	if (asked != NULL && strcmp(asked, "presentiel") == 0)
		mode = MODE_PRESENTIEL;
	else if (asked != NULL && strcmp(asked, "distance") == 0)
		mode = MODE_DISTANCE;
	return mode != 0 && c->modes != 0 && (c->modes & mode) == 0;
}

struct choice {               /* the best candidate of a row, so far */
	struct placed placed; /* its candidate is NULL: none yet */
	const struct title *proof;
	bool wrong_mode;
};

static bool
better(const struct choice *a, const struct choice *b)
{
	if (b->placed.candidate == NULL)
		return true;
	if (a->wrong_mode != b->wrong_mode)
		return b->wrong_mode;
	return placed_compare(&a->placed, &b->placed) < 0;
}

struct given { /* by a row: not to be given again by it */
	const struct candidate *list[8];
	size_t n;
};

static bool
was_given(const struct given *g, const struct candidate *c)
{
	for (size_t i = 0; i < g->n; i++)
		if (same_body(g->list[i], c))
			return true;
	return false;
}

/* Look through a placed list; false when what comes after it may be better. */
static bool
choose_in(struct find *f, const struct target *t, const struct placed *list,
    size_t n, const struct given *given, struct choice *best)
{
	bool chosen = false;

	for (size_t i = 0; i < n; i++) {
		const struct candidate *c = list[i].candidate;
		struct choice one = { .placed = list[i] };
		const char *why;

		if (was_given(given, c) || is_forbidden(f, c))
			continue;
		one.wrong_mode = wrong_mode(f, c);
		if (!better(&one, best)) {
			if (!one.wrong_mode)
				return true;
			continue;
		}
		why = unfit(f, t, c, &one.proof);
		if (why == NULL) {
			*best = one;
			chosen = true;
		} else if (f->query->why) {
			exclude(f, RULE_STATUS, c, c->body->kind, why,
			    status_source);
		}
	}
	return chosen && !best->wrong_mode;
}

static struct choice
choose(struct find *f, const struct row *row, const struct given *given)
{
	struct choice best = { .proof = NULL };

	for (size_t i = 0; i < row->n_targets; i++) {
		size_t target = row->targets[i], n;
		const struct placed *list;

		n = f->source->placed(f->source, target, f->query->commune,
		    false, &list);
		if (choose_in(f, &f->rules->targets[target], list, n, given,
			&best))
			continue;
		n = f->source->placed(f->source, target, f->query->commune,
		    true, &list);
		(void)choose_in(f, &f->rules->targets[target], list, n, given,
		    &best);
	}
	return best;
}

static void
give(struct find *f, const struct row *row)
{
	struct referral_line line = line_of(row);
	struct given given = { .n = 0 };

	while (row->n_targets > 0 && given.n < row->count) {
		struct choice c = choose(f, row, &given);

		if (c.placed.candidate == NULL)
			break;
		line.candidate = c.placed.candidate;
		line.placed = c.placed;
		line.proof = c.proof;
		given.list[given.n++] = line.candidate;
		add_line(f, &line);
	}
	if (given.n > 0 || row->hors_reseau == NULL)
		return;
	line.hors_reseau = row->hors_reseau;
	if (row->hors_reseau_reason != NULL)
		line.reason = row->hors_reseau_reason;
	line.site_web = row->site_web;
	line.telephone = row->telephone;
	add_line(f, &line);
}

void
referral_find(const struct referral_rules *r, const struct referral_query *q,
    struct candidate_source *source, struct referral_answer *a)
{
	struct find f = { .rules = r,
		.query = q,
		.source = source,
		.answer = a };
	unsigned limit = q->limit != 0 ? q->limit : LINES_DEFAULT;

	a->n_lines = a->n_excluded = a->n_notes = 0;
	read_question(&f);
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];

		if (!applies(&f, row))
			continue;
		if (row->note != NULL)
			note(&f, row->note);
		if (row->forbids)
			forbid(&f, row);
		else
			give(&f, row);
	}
	if (a->n_lines > limit)
		a->n_lines = limit;
}
