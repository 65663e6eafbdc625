/* referrals.c - Referrals.Find.  Nothing of a question is kept or logged: it
 * lives in the call's arena, and the directory is asked by commune only. */
#include "service/referrals.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

typedef Resopro__V1__FindRequest request;

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
	const struct referral_answer *answer;
	Resopro__V1__FindResponse *out;
};

static int
write_place(struct writing *w, const struct referral_line *from,
    Resopro__V1__FindLine *to, struct err *e)
{
	const struct directory_place *p = directory_place_of(from->candidate);
	char proof[PROOF_BYTES];
	const char *confirmed;

	if (directory_confirmed(w->directory, w->view, p, &confirmed, e) < 0)
		return -1;
	to->organisation_id = borrow(from->candidate->organisation_id);
	to->organisation_nom = borrow(p->organisation_nom);
	to->organisation_kind = borrow(from->candidate->kind);
	to->site_id = borrow(from->candidate->site_id);
	to->site_nom = borrow(p->site_nom);
	to->adresse = borrow(p->adresse);
	to->commune = borrow(p->commune);
	to->code_insee = borrow(p->code_insee);
	to->telephone = borrow(p->telephone);
	to->courriel = borrow(p->courriel);
	to->site_web = borrow(p->site_web);
	to->horaires_accueil = borrow(p->horaires_accueil);
	to->modes_accueil = p->modes_accueil;
	to->n_modes_accueil = p->n_modes_accueil;
	to->accessibilite_lieu = borrow(p->accessibilite_lieu);
	to->distance_class = (Resopro__V1__DistanceClass)from->placed.class;
	to->distance_metres = from->placed.metres;
	to->competence = from->placed.competence;
	to->confirmed_on = borrow(confirmed);
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
		to->organisation_id = borrow(from->candidate->organisation_id);
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
referrals_find(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);
	struct view *v = service_view(s, e);
	struct referral_query q;
	struct referral_answer answer;
	Resopro__V1__FindResponse out;
	struct writing w = { .arena = call_arena(c),
		.directory = s->directory,
		.view = v,
		.answer = &answer,
		.out = &out };
	char day[DAY_TEXT_MAX];

	if (v == NULL ||
	    read_request(s->catalog, (const request *)m, &q, e) < 0 ||
	    directory_update(s->directory, v, s->catalog, e) < 0)
		return -1;
	referral_find(catalog_rules(s->catalog), &q,
	    directory_source(s->directory), &answer);
	resopro__v1__find_response__init(&out);
	day_to_text(q.day, day);
	out.revision = view_revision(v);
	out.date = day;
	if (write_answer(&w, e) < 0)
		return -1;
	return call_reply(c, &out.base);
}

const struct rpc_method referrals_methods[] = {
	{ .path = "/resopro.v1.Referrals/Find",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__find_request__descriptor,
	    .message = referrals_find },
	{ .path = NULL },
};
