/* referrals.c - see referrals.h.  Nothing of a question is kept or logged: it
 * lives in the call's arena, and the directory is asked by commune only. */
#include "service/referrals.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/date.h"
#include "domain/referral.h"
#include "domain/value.h"
#include "domain/vocabulary.h"
#include "resopro/v1/referrals.pb-c.h"
#include "service/context.h"
#include "service/directory.h"

#define AGE_MIN 11
#define AGE_MAX 120
#define PROOF_BYTES 400
#define PART 2000 /* records that the directory looks at in a turn */

typedef Resopro__V1__FindRequest request;

struct waiting {               /* in the call's arena */
	struct call_user user; /* first */
	const request *question;
	struct waiting *next, **link;
};

struct referrals {
	struct service *service;
	struct directory *directory;
	struct waiting *first, **last;
	struct loop_task task;
	bool posted, dead;
};

/* Texts of rules and directory are constant; packing only reads them. */
static char *
borrow(const char *s)
{
	return (char *)(uintptr_t)(s != NULL ? s : "");
}

/* ---- the question ------------------------------------------------------- */

static int
out_of_range(const char *field, unsigned low, unsigned high, struct err *e)
{
	err_set(e, ERR_INVALID, "%s: is out of range", field);
	err_field(e, field);
	err_reason(e, "OUT_OF_RANGE");
	return err_remedy(e, "give %u to %u, or 0 when not said", low, high);
}

static int
read_commune(const struct territory *t, const char *code,
    struct referral_query *out, struct err *e)
{
	const struct commune *now;

	out->commune = territory_commune(t, code);
	if (out->commune != NULL)
		return 0;
	now = territory_former(t, code);
	err_set(e, ERR_INVALID,
	    code[0] == '\0' ? "commune: is required"
			    : "commune: is not the code of a current commune");
	err_field(e, "commune");
	err_reason(e, code[0] == '\0' ? "REQUIRED" : "COMMUNE_UNKNOWN");
	if (now != NULL)
		return err_remedy(e, "that commune is now %s, %s", now->code,
		    now->nom);
	return err_remedy(e, "give an INSEE code (resopro territory resolve)");
}

/* A code of a vocabulary, or "". */
static int
read_code(const struct vocabularies *set, const char *vocabulary,
    const char *field, const char *code, const char **out, struct err *e)
{
	const struct vocabulary *v = vocabularies_find(set, vocabulary);

	*out = code;
	if (code[0] == '\0')
		return 0;
	if (v == NULL)
		return value_check(VALUE_VOCABULARY, field, code, strlen(code),
		    e);
	return vocabulary_check(v, field, code, strlen(code), e);
}

/* "16-17", "30", "55-plus": the ages that a band's code names. */
static void
read_band(const char *band, struct referral_query *out)
{
	char *rest;

	out->age_min = (unsigned)strtoul(band, &rest, 10);
	out->age_max = out->age_min;
	if (rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9')
		out->age_max = (unsigned)strtoul(rest + 1, NULL, 10);
	else if (rest[0] != '\0')
		out->age_max = AGE_MAX;
}

static int
read_age(const struct vocabularies *set, const request *q,
    struct referral_query *out, struct err *e)
{
	const char *band;

	if (q->age != 0 && (q->age < AGE_MIN || q->age > AGE_MAX))
		return out_of_range("age", AGE_MIN, AGE_MAX, e);
	if (read_code(set, "age-bands", "age_band", q->age_band, &band, e) < 0)
		return -1;
	if (q->age != 0)
		out->age_min = out->age_max = q->age;
	else if (band[0] != '\0')
		read_band(band, out);
	return 0;
}

static int
read_reply(const char *field, Resopro__V1__Answer a, enum reply *out,
    struct err *e)
{
	if ((unsigned)a > RESOPRO__V1__ANSWER__ANSWER_NON) {
		err_set(e, ERR_INVALID, "%s: is not an answer", field);
		err_field(e, field);
		err_reason(e, "ANSWER");
		return err_remedy(e, "give ANSWER_OUI, ANSWER_NON or nothing");
	}
	*out = (enum reply)a;
	return 0;
}

static int
read_replies(const request *q, struct referral_query *out, struct err *e)
{
	return read_reply("cadre", q->cadre, &out->cadre, e) < 0 ||
		       read_reply("boeth", q->boeth, &out->boeth, e) < 0 ||
		       read_reply("rsa", q->rsa, &out->rsa, e) < 0 ||
		       read_reply("handicap_principal", q->handicap_principal,
			   &out->handicap_principal, e) < 0 ||
		       read_reply("deja_suivi", q->deja_suivi, &out->deja_suivi,
			   e) < 0
		   ? -1
		   : 0;
}

static int
read_needs(const struct vocabularies *set, const request *q,
    struct referral_query *out, struct err *e)
{
	if (q->n_besoins > REFERRAL_NEEDS_MAX) {
		err_set(e, ERR_INVALID, "besoins: too many values");
		err_field(e, "besoins");
		err_reason(e, "TOO_MANY");
		return err_remedy(e, "give at most %d", REFERRAL_NEEDS_MAX);
	}
	for (size_t i = 0; i < q->n_besoins; i++) {
		const char *code;
		bool again = false;

		if (read_code(set, "besoins", "besoins", q->besoins[i], &code,
			e) < 0)
			return -1;
		for (size_t j = 0; j < out->n_besoins; j++)
			again |= strcmp(out->besoins[j], code) == 0;
		if (!again && code[0] != '\0')
			out->besoins[out->n_besoins++] = code;
	}
	return 0;
}

/* Today in France when no date is given. */
static int
read_day(const char *date, struct referral_query *out, struct err *e)
{
	char today[DATE_TEXT_SIZE];

	if (date[0] == '\0')
		date = date_format(date_from_unix(clock_wall_ns() / 1000000000),
		    today);
	else if (value_check(VALUE_DATE, "date", date, strlen(date), e) < 0)
		return -1;
	out->day = day_from_text(date);
	return 0;
}

static int
read_request(const struct catalog *c, const request *q,
    struct referral_query *out, struct err *e)
{
	const struct vocabularies *set = catalog_vocabularies(c);

	*out = (struct referral_query){ .limit = q->limit, .why = q->why != 0 };
	if (q->limit > REFERRAL_LINES_MAX)
		return out_of_range("limit", 1, REFERRAL_LINES_MAX, e);
	if (read_commune(catalog_territory(c), q->commune, out, e) < 0 ||
	    read_age(set, q, out, e) < 0 ||
	    read_code(set, "situations", "situation", q->situation,
		&out->situation, e) < 0 ||
	    read_code(set, "secteurs-projet", "secteur_projet",
		q->secteur_projet, &out->secteur_projet, e) < 0 ||
	    read_code(set, "modalites", "modalite", q->modalite, &out->modalite,
		e) < 0)
		return -1;
	return read_replies(q, out, e) < 0 || read_needs(set, q, out, e) < 0 ||
		       read_day(q->date, out, e) < 0
		   ? -1
		   : 0;
}

/* ---- the answer --------------------------------------------------------- */

struct writing {
	struct arena *arena;
	struct directory *directory;
	struct view *view;
	const struct catalog_periods *periods;
	const struct referral_answer *answer;
	Resopro__V1__FindResponse *out;
};

/* How fresh its record is on the day of the question.  A place that has closed
 * is no answer: only the period counts. */
static int
write_lease(struct writing *w, const struct candidate *c,
    const struct directory_place *p, Resopro__V1__FindLine *to, struct err *e)
{
	Resopro__V1__Kind kind = c->site_id[0] != '\0'
				     ? RESOPRO__V1__KIND__KIND_SITE
				     : RESOPRO__V1__KIND__KIND_ORGANISATION;
	int32_t confirmed, asked;

	to->confirmed_on = borrow(p->confirmed_on);
	if (!lease_day_parse(p->confirmed_on, &confirmed) ||
	    !lease_day_parse(w->out->date, &asked))
		return 0;
	to->freshness =
	    (Resopro__V1__Freshness)freshness_on(lease_period(w->periods,
						     (uint8_t)kind),
		confirmed, asked);
	if (to->freshness != RESOPRO__V1__FRESHNESS__FRESHNESS_STALE)
		return 0;
	to->note = arena_printf(w->arena,
	    "Confirmé pour la dernière fois le %s : à vérifier avant "
	    "d'orienter.",
	    p->confirmed_on);
	return to->note != NULL
		   ? 0
		   : err_set(e, ERR_LIMIT, "the answer is too large");
}

static int
write_place(struct writing *w, const struct referral_line *from,
    Resopro__V1__FindLine *to, struct err *e)
{
	struct directory_place p;
	char proof[PROOF_BYTES];

	if (directory_show(w->directory, w->view, from->candidate, w->arena, &p,
		e) < 0 ||
	    write_lease(w, from->candidate, &p, to, e) < 0)
		return -1;
	to->organisation_id = borrow(from->candidate->body->id);
	to->organisation_nom = borrow(p.organisation_nom);
	to->organisation_kind = borrow(from->candidate->body->kind);
	to->site_id = borrow(from->candidate->site_id);
	to->site_nom = borrow(p.site_nom);
	to->adresse = borrow(p.adresse);
	to->commune = borrow(p.commune);
	to->code_insee = borrow(p.code_insee);
	to->telephone = borrow(p.telephone);
	to->courriel = borrow(p.courriel);
	to->site_web = borrow(p.site_web);
	to->horaires_accueil = borrow(p.horaires_accueil);
	to->modes_accueil = p.modes_accueil;
	to->n_modes_accueil = p.n_modes_accueil;
	to->accessibilite_lieu = borrow(p.accessibilite_lieu);
	to->distance_class = (Resopro__V1__DistanceClass)from->placed.class;
	to->distance_metres = from->placed.metres;
	to->competence = from->placed.competence;
	title_text(from->proof, proof, sizeof proof);
	to->status_proof = arena_strdup(w->arena, proof);
	return to->status_proof != NULL
		   ? 0
		   : err_set(e, ERR_LIMIT, "the answer is too large");
}

static int
write_line(struct writing *w, size_t i, struct err *e)
{
	const struct referral_line *from = &w->answer->lines[i];
	Resopro__V1__FindLine *to = arena_alloc(w->arena, sizeof *to);

	if (to == NULL)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	resopro__v1__find_line__init(to);
	w->out->lines[w->out->n_lines++] = to;
	to->rank = (uint32_t)i + 1;
	to->rule_id = borrow(from->rule_id);
	to->legal_source = borrow(from->legal_source);
	to->reason = borrow(from->reason);
	if (from->candidate != NULL)
		return write_place(w, from, to, e);
	to->organisation_nom = borrow(from->hors_reseau);
	to->site_web = borrow(from->site_web);
	to->telephone = borrow(from->telephone);
	return 0;
}

static int
write_exclusion(struct writing *w, size_t i, struct err *e)
{
	const struct referral_exclusion *from = &w->answer->excluded[i];
	Resopro__V1__FindExclusion *to = arena_alloc(w->arena, sizeof *to);

	if (to == NULL)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	resopro__v1__find_exclusion__init(to);
	w->out->excluded[w->out->n_excluded++] = to;
	to->rule_id = borrow(from->rule_id);
	to->organisation_kind = borrow(from->kind);
	to->reason = borrow(from->reason);
	to->legal_source = borrow(from->legal_source);
	if (from->candidate != NULL)
		to->organisation_id = borrow(from->candidate->body->id);
	return 0;
}

static int
write_answer(struct writing *w, struct err *e)
{
	const struct referral_answer *a = w->answer;
	Resopro__V1__FindResponse *out = w->out;

	out->lines = arena_alloc(w->arena, a->n_lines * sizeof *out->lines);
	out->excluded =
	    arena_alloc(w->arena, (a->n_excluded + 1) * sizeof *out->excluded);
	out->notes =
	    arena_alloc(w->arena, (a->n_notes + 1) * sizeof *out->notes);
	if (out->lines == NULL || out->excluded == NULL || out->notes == NULL)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	for (size_t i = 0; i < a->n_lines; i++)
		if (write_line(w, i, e) < 0)
			return -1;
	for (size_t i = 0; i < a->n_excluded; i++)
		if (write_exclusion(w, i, e) < 0)
			return -1;
	for (size_t i = 0; i < a->n_notes; i++)
		out->notes[out->n_notes++] = borrow(a->notes[i]);
	return 0;
}

static int
answer(struct call *c, const request *q, struct view *v, struct err *e)
{
	struct service *s = call_service(c);
	struct directory *d = s->referrals->directory;
	struct referral_query asked;
	struct referral_answer found;
	Resopro__V1__FindResponse out;
	struct writing w = { .arena = call_arena(c),
		.directory = d,
		.view = v,
		.periods = catalog_periods(s->catalog),
		.answer = &found,
		.out = &out };
	char day[DAY_TEXT_MAX];

	if (read_request(s->catalog, q, &asked, e) < 0)
		return -1;
	referral_find(catalog_rules(s->catalog), &asked, directory_source(d),
	    &found);
	resopro__v1__find_response__init(&out);
	day_to_text(asked.day, day);
	out.revision = view_revision(v);
	out.date = day;
	if (write_answer(&w, e) < 0)
		return -1;
	return call_reply(c, &out.base);
}

/* ---- questions that wait for the directory ------------------------------- */

static void
leave(struct referrals *r, struct waiting *w)
{
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	else
		r->last = w->link;
	call_set_user(w->user.call, NULL);
}

/* Answer them all, or tell them why not. */
static void
answer_waiting(struct referrals *r, struct view *v, const struct err *why)
{
	struct waiting *w;

	while ((w = r->first) != NULL) {
		struct call *c = w->user.call;
		struct err e = { 0 };

		leave(r, w);
		if (why != NULL)
			call_fail(c, why);
		else if (answer(c, w->question, v, &e) < 0)
			call_fail(c, &e);
	}
}

static void
go_on_later(struct referrals *r)
{
	if (r->posted)
		return;
	r->posted = true;
	loop_post(r->service->loop, &r->task);
}

static void
run(struct loop_task *t)
{
	struct referrals *r =
	    (struct referrals *)((char *)t - offsetof(struct referrals, task));
	struct err e = { 0 };
	struct view *v;
	int rc = -1;

	r->posted = false;
	if (r->dead) {
		free(r);
		return;
	}
	if (r->service->server == NULL)
		return; /* it is ending */
	if ((v = service_view(r->service, &e)) != NULL)
		rc = directory_advance(r->directory, v, r->service->catalog,
		    PART, &e);
	if (rc == 0) {
		go_on_later(r);
		return;
	}
	if (rc < 0)
		log_error("directory", "error=\"%s\"", e.msg);
	answer_waiting(r, v, rc < 0 ? &e : NULL);
}

static int
wait_for_it(struct call *c, const request *q, struct err *e)
{
	struct referrals *r = call_service(c)->referrals;
	struct waiting *w = arena_alloc(call_arena(c), sizeof *w);

	if (w == NULL)
		return err_set(e, ERR_LIMIT, "the question is too large");
	w->user.call = c;
	w->question = q;
	w->link = r->last;
	*r->last = w;
	r->last = &w->next;
	call_set_user(c, &w->user);
	go_on_later(r);
	return 0;
}

static int
referrals_find(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);
	struct view *v = service_view(s, e);
	const request *q = (const request *)m;
	int rc = v == NULL ? -1
			   : directory_advance(s->referrals->directory, v,
				 s->catalog, PART, e);

	if (rc == 1)
		return answer(c, q, v, e);
	return rc == 0 ? wait_for_it(c, q, e) : -1;
}

static void
referrals_closed(struct call *c)
{
	struct call_user *u = call_user(c);

	if (u != NULL)
		leave(call_service(c)->referrals, (struct waiting *)u);
}

struct referrals *
referrals_new(struct service *s, struct err *e)
{
	struct referrals *r = calloc(1, sizeof *r);

	if (r == NULL || (r->directory = directory_new(e)) == NULL) {
		free(r);
		err_set(e, ERR_NOMEM, "referrals");
		return NULL;
	}
	r->service = s;
	r->last = &r->first;
	r->task.run = run;
	return r;
}

void
referrals_free(struct referrals *r)
{
	if (r == NULL)
		return;
	directory_free(r->directory);
	r->dead = true;
	if (!r->posted) /* else it frees itself */
		free(r);
}

void
referrals_start(struct referrals *r)
{
	go_on_later(r);
}

const struct rpc_method referrals_methods[] = {
	{ .path = "/resopro.v1.Referrals/Find",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__find_request__descriptor,
	    .message = referrals_find,
	    .closed = referrals_closed },
	{ .path = NULL },
};
