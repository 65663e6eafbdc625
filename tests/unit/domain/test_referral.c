/* The rules as shipped, on a small network: every row, the conflicts, the age
 * boundaries, dates and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/slurp.h"
#include "domain/referral.h"

#define CONF "config/referral-rules.conf"
#define TODAY 20261124

/* ---- a network ---------------------------------------------------------- */

static const struct suspension summer[] = { { 20260601, 20260831 } };

#define TITLE(c, l, f, t, ce, sp)                                              \
	{                                                                      \
		.code = c, .label = l, .decision_number = "", .from = f,       \
		.to = t, .cercle = ce, .spro = sp                              \
	}
static const struct title by_law[] = { TITLE("membre-de-droit",
    "membre de droit", 20200101, 0, 2, true) };
static const struct title until_2027[] = { TITLE("operateur-cep",
    "opérateur CEP", 20240102, 20271231, 2, true) };
static const struct title recognised[] = { TITLE("reconnu", "reconnu", 20200101,
    0, 3, false) };
static const struct title vae[] = { TITLE("prc-vae", "point relais conseil",
    20200101, 0, 3, false) };
static const struct title labelled[] = { TITLE("label-spro", "labellisé",
    20260501, 20310430, 3, true) };
static const struct title near_them[] = { TITLE("proximite",
    "réseau de proximité", 20200101, 0, 4, false) };
static const struct title suspended_in_summer[] = { { .code = "membre-de-droit",
    .decision_number = "",
    .from = 20200101,
    .cercle = 2,
    .spro = true,
    .suspensions = summer,
    .n_suspensions = 1 } };

static const struct body {
	const char *id, *kind, *commune;
	const struct title *titles;
	const char *competence; /* one zone, or NULL */
	day_number closed;
} bodies[] = {
	{ "agence", "agence-regionale", "14118", by_law, "reg:28", 0 },
	{ "apec-caen", "apec", "14118", by_law, NULL, 0 },
	{ "apec-rouen", "apec", "76540", by_law, NULL, 0 },
	{ "bge", "entrepreneuriat", "", recognised, NULL, 0 },
	{ "ca-50", "chambre-agriculture", "50502", by_law, "dep:50", 0 },
	{ "ca-61", "chambre-agriculture", "61001", by_law, "dep:61", 0 },
	{ "cap-caen", "cap-emploi", "14118", by_law, "dep:14", 0 },
	{ "cap-manche", "cap-emploi", "50502", by_law, "dep:50", 0 },
	{ "cap-orne", "cap-emploi", "61001", by_law, "dep:61", 0 },
	{ "ccas-caen", "proximite-ccas", "14118", near_them, NULL, 0 },
	{ "ccas-flers", "proximite-ccas", "61169", near_them, NULL, 0 },
	{ "cci-caen", "cci", "14118", by_law, NULL, 0 },
	{ "cci-cherbourg", "cci", "50129", by_law, NULL, 0 },
	{ "cep", "operateur-cep-actifs", "", until_2027, "reg:28", 0 },
	{ "cfa-caen", "cfa", "14118", recognised, NULL, 0 },
	{ "cfa-untitled", "cfa", "61169", NULL, NULL, 0 },
	{ "cio-cherbourg", "cio", "50129", by_law, NULL, 0 },
	{ "cio-flers", "cio", "61169", by_law, NULL, 0 },
	{ "cma", "cma", "76540", by_law, "reg:28", 0 },
	{ "cress", "entrepreneuriat-ess", "14118", recognised, NULL, 0 },
	{ "crij", "information-jeunesse-crij", "14118", recognised, NULL, 0 },
	{ "ft-argentan", "france-travail", "61006", by_law, NULL, 0 },
	{ "ft-caen-a", "france-travail", "14118", by_law, NULL, 0 },
	{ "ft-caen-b", "france-travail", "14118", by_law, NULL, 0 },
	{ "ft-cherbourg", "france-travail", "50129", by_law, NULL, 0 },
	{ "ft-flers", "france-travail", "61169", by_law, NULL, 0 },
	{ "ft-rouen", "france-travail", "76540", by_law, NULL, 0 },
	{ "label-flers", "association", "61169", labelled, NULL, 0 },
	{ "ml-argentan", "mission-locale", "61006", by_law, "com:61006", 0 },
	{ "ml-bayeux", "mission-locale", "14047", suspended_in_summer, NULL,
	    0 },
	{ "ml-bocage", "mission-locale", "61169", by_law, NULL, 0 },
	{ "ml-caen", "mission-locale", "14118", by_law, NULL, 0 },
	{ "ml-cotentin", "mission-locale", "50129", by_law, NULL, 0 },
	{ "ml-rouen", "mission-locale", "76540", by_law, NULL, 0 },
	{ "paio-fecamp", "paio", "76259", by_law, NULL, 20261031 },
	{ "prc-cherbourg", "organisme-formation", "50129", vae, NULL, 0 },
	{ "suio-caen", "suio", "14118", by_law, NULL, 0 },
	{ "suio-rouen", "suio", "76540", by_law, NULL, 0 },
};

#define BODIES (sizeof bodies / sizeof bodies[0])

struct fixture {
	struct candidate_source source; /* first */
	struct territory *territory;
	struct referral_rules *rules;
	struct candidate candidates[BODIES];
	struct candidate_body shared[BODIES];
	const struct candidate *all[BODIES];
	const struct zone *zones[BODIES];
	struct placed placed[BODIES];
	size_t n; /* of them, in use */
	struct referral_answer answer;
};

/* A source that first shows few only: what it holds back must be asked for. */
static size_t
source_placed(struct candidate_source *s, size_t target,
    const struct commune *c, bool all, const struct placed **out)
{
	struct fixture *f = (struct fixture *)s;
	size_t room = all ? BODIES : REFERRAL_NEAR;
	size_t n = referral_place(referral_target(f->rules, target), f->all,
	    f->n, c, f->placed, room);

	*out = f->placed;
	return n < room ? n : room;
}

static void
make_candidate(struct fixture *f, size_t i)
{
	const struct body *b = &bodies[i];
	struct candidate *c = &f->candidates[i];

	f->shared[i] = (struct candidate_body){ .id = b->id, .kind = b->kind };
	*c = (struct candidate){ .body = &f->shared[i],
		.site_id = b->commune[0] != '\0' ? "s1" : "",
		.titles = b->titles,
		.n_titles = b->titles != NULL,
		.closed = b->closed,
		.modes = MODE_PRESENTIEL };
	c->commune = territory_commune(f->territory, b->commune);
	if (strcmp(b->id, "ft-caen-b") == 0)
		c->modes |= MODE_DISTANCE;
	if (b->competence != NULL) {
		f->zones[i] = territory_zone(f->territory, b->competence);
		assert_non_null(f->zones[i]);
		f->shared[i].competence = &f->zones[i];
		f->shared[i].n_competence = 1;
	}
	f->all[i] = c;
}

static struct territory *
load_territory(void)
{
	struct table_bytes t[3] = { { .name = "communes.csv" },
		{ .name = "anciens.csv" }, { .name = "zones.csv" } };
	char *bytes[3];
	struct err e = { 0 };
	struct territory *out;

	for (int i = 0; i < 3; i++) {
		char path[64];

		(void)snprintf(path, sizeof path, "config/territories/%s",
		    t[i].name);
		t[i].data = bytes[i] = slurp(path, &t[i].len);
	}
	out = territory_new(&t[0], &t[1], &t[2], &e);
	for (int i = 0; i < 3; i++)
		free(bytes[i]);
	return out;
}

static int
load(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err e = { 0 };
	size_t len;
	char *conf = slurp(CONF, &len);

	assert_non_null(f);
	f->source.placed = source_placed;
	f->territory = load_territory();
	assert_non_null(f->territory);
	f->rules = referral_rules_new(CONF, conf, len, NULL, NULL, &e);
	free(conf);
	if (f->rules == NULL)
		print_error("%s (%s)\n", e.msg, e.remedy);
	assert_non_null(f->rules);
	for (size_t i = 0; i < BODIES; i++)
		make_candidate(f, i);
	f->n = BODIES;
	*state = f;
	return 0;
}

static int
unload(void **state)
{
	struct fixture *f = *state;

	referral_rules_free(f->rules);
	territory_free(f->territory);
	free(f);
	return 0;
}

/* ---- questions as text -------------------------------------------------- */

struct question {
	struct referral_query query;
	char text[200];
};

static bool
read_flag(struct referral_query *q, const char *w)
{
	const struct {
		const char *word;
		enum reply *reply, value;
	} flags[] = {
		{ "cadre", &q->cadre, REPLY_YES },
		{ "cadre=non", &q->cadre, REPLY_NO },
		{ "boeth", &q->boeth, REPLY_YES },
		{ "rsa", &q->rsa, REPLY_YES },
		{ "principal", &q->handicap_principal, REPLY_YES },
		{ "suivi", &q->deja_suivi, REPLY_YES },
		{ "suivi=non", &q->deja_suivi, REPLY_NO },
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(flags[i].word, w) == 0) {
			*flags[i].reply = flags[i].value;
			return true;
		}
	return false;
}

/* "61169 20 sans_activite +vae boeth secteur=ess mode=distance". */
static void
ask(struct fixture *f, const char *text, day_number day, struct question *out)
{
	struct referral_query *q = &out->query;
	char *rest = NULL;

	*out = (struct question){ .query = { .day = day, .limit = 20 } };
	assert_true(strlen(text) < sizeof out->text);
	strcpy(out->text, text);
	for (char *w = strtok_r(out->text, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		if (q->commune == NULL)
			q->commune = territory_commune(f->territory, w);
		else if (w[0] >= '0' && w[0] <= '9')
			q->age_min = q->age_max = (unsigned)atoi(w);
		else if (w[0] == '+')
			q->besoins[q->n_besoins++] = w + 1;
		else if (strncmp(w, "secteur=", 8) == 0)
			q->secteur_projet = w + 8;
		else if (strncmp(w, "mode=", 5) == 0)
			q->modalite = w + 5;
		else if (!read_flag(q, w))
			q->situation = w;
	}
	if (strchr(text, '~') != NULL)
		q->age_max = q->age_min + 1;
	assert_non_null(q->commune);
}

/* "R04:ml-bocage R04:ft-flers": rule and body of every line; "-" outside. */
static const char *
lines_of(const struct referral_answer *a, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < a->n_lines && n < room; i++) {
		const struct referral_line *l = &a->lines[i];

		n += (size_t)snprintf(out + n, room - n, "%s%s:%s",
		    i > 0 ? " " : "", l->rule_id,
		    l->candidate != NULL ? l->candidate->body->id : "-");
	}
	return out;
}

static void
assert_answer_at(struct fixture *f, const char *text, day_number day,
    const char *expected)
{
	struct question q;
	char got[600];

	ask(f, text, day, &q);
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	lines_of(&f->answer, got, sizeof got);
	if (strcmp(got, expected) != 0)
		print_error("%s\n", text);
	assert_string_equal(got, expected);
}

/* ---- every row ---------------------------------------------------------- */

/* The row that the question is there to show, and the whole answer. */
static const struct scenario {
	const char *row, *question, *answer;
} scenarios[] = {
	{ "X1", "76540 45 salarie_prive cadre +demission_reconversion",
	    "X1:apec-rouen X1:cep" },
	{ "X1.3", "61006 24 salarie_prive +demission_reconversion", "X1:cep" },
	{ "X1.4", "14118 40 salarie_prive boeth +demission_reconversion",
	    "X1:cep X1:cap-caen" },
	{ "X1.2", "14118 40 salarie_prive boeth cadre +demission_reconversion",
	    "X1:cap-caen X1:apec-caen X1:cep" },
	{ "X1.5", "14118 22 cadre +demission_reconversion",
	    "X1:apec-caen X1:cep" },
	{ "R01", "50129 16 eleve", "R01:cio-cherbourg R01:agence" },
	{ "R01.2", "61169 12 eleve +decrochage", "R01:cio-flers R01:agence" },
	{ "R01.3", "50129 14", "R01:cio-cherbourg R01:agence" },
	{ "R01.4", "61169 15 sans_activite", "R01:cio-flers R01:agence" },
	{ "R02", "76540 20 etudiant", "R02:suio-rouen" },
	{ "R03", "14118 18 apprenti", "R03:cfa-caen R03:cma R03:cio-flers" },
	{ "R03.2", "14118 18 apprenti secteur=artisanat",
	    "R03:cfa-caen R03:cma R03:cio-flers" },
	{ "R03.3", "14118 18 apprenti secteur=commerce",
	    "R03:cfa-caen R03:cci-caen R03:cio-flers" },
	{ "R03.4", "61169 18 apprenti secteur=agriculture",
	    "R03:cfa-caen R03:ca-61 R03:cio-flers" },
	{ "R03.5", "14118 18 apprenti secteur=ess",
	    "R03:cfa-caen R03:cma R03:cio-flers" },
	{ "R03.6", "50129 18 apprenti secteur=industrie",
	    "R03:cfa-caen R03:cci-cherbourg R03:cio-cherbourg" },
	{ "R04a", "61169 16 sans_activite", "R04a:ml-bocage R04a:cio-flers" },
	{ "R04a.2", "50129 17 salarie_prive +decrochage",
	    "R04a:ml-cotentin R07:cep" },
	{ "R04a.3", "50129 17", "R04a:ml-cotentin R04a:cio-cherbourg" },
	{ "R04a.4", "61169 16", "R04a:ml-bocage R04a:cio-flers" },
	{ "R04.4", "61169 20", "R04:ml-bocage R04:ft-flers" },
	{ "R04.5", "61169 sans_activite", "R18:ccas-flers R18:agence" },
	{ "R04", "61169 20 sans_activite", "R04:ml-bocage R04:ft-flers" },
	{ "R04.2", "61169 20 salarie_prive +decrochage",
	    "R04:ml-bocage R07:cep" },
	{ "R04.3", "61169 20 sans_activite suivi=non", "R04:ml-bocage" },
	{ "R04b", "61006 27 sans_activite boeth",
	    "R04b:cap-orne R04b:ml-argentan" },
	{ "R04b.2", "61006 29 demandeur_emploi boeth",
	    "R04b:cap-orne R04b:ml-argentan R05:ft-argentan" },
	{ "R05", "14118 20 demandeur_emploi boeth principal",
	    "R05:cap-caen R04:ml-caen R04:ft-caen-a" },
	{ "R05.2", "14118 20 demandeur_emploi boeth",
	    "R04:ml-caen R05:cap-caen R04:ft-caen-a" },
	{ "R05.3", "14118 50 demandeur_emploi boeth cadre",
	    "R05:cap-caen R06:apec-caen R05:ft-caen-a" },
	{ "R05.4", "14118 20 boeth", "R04:ml-caen R05:cap-caen R04:ft-caen-a" },
	{ "R05.5", "14118 20 boeth principal",
	    "R05:cap-caen R04:ml-caen R04:ft-caen-a" },
	{ "R05a", "14118 50 agent_public boeth",
	    "R05a:cap-caen R08:- R08:label-flers" },
	{ "R05a.2", "14118 50 salarie_prive boeth cadre",
	    "R05a:cap-caen R06:apec-caen R05a:cep" },
	{ "R06", "14118 40 sans_activite cadre",
	    "R06:apec-caen R06:ft-caen-a" },
	{ "R06.2", "14118 40 independant cadre secteur=artisanat",
	    "R06:apec-caen R06:cep R07:cma" },
	{ "R06.3", "76540 40 demandeur_emploi cadre",
	    "R06:apec-rouen R06:ft-rouen" },
	{ "R07", "14118 40 salarie_prive", "R07:cep" },
	{ "R07.2", "14118 40 independant secteur=artisanat",
	    "R07:cep R07:cma" },
	{ "R07.3", "50129 40 independant secteur=services",
	    "R07:cep R07:cci-cherbourg" },
	{ "R07.4", "50129 40 independant secteur=agriculture",
	    "R07:cep R07:ca-50" },
	{ "R07.5", "50129 40 independant", "R07:cep R07:ca-50" },
	{ "R08", "61169 40 agent_public", "R08:- R08:label-flers" },
	{ "R08.2", "14118 40 agent_public", "R08:- R08:label-flers" },
	{ "R09", "50129 45 demandeur_emploi", "R09:ft-cherbourg" },
	{ "R10", "50129 45 demandeur_emploi rsa", "R10:ft-cherbourg R10:-" },
	{ "R10.2", "50129 45 sans_activite rsa", "R10:ft-cherbourg R10:-" },
	{ "R11", "50129 23 salarie_prive +vae", "R11:prc-cherbourg R07:cep" },
	{ "R11.2", "50129 40 salarie_prive +vae +apprentissage",
	    "R07:cep R11:prc-cherbourg R16:ca-50 R16:cfa-caen" },
	{ "R11.3", "50129 40 sans_activite +vae",
	    "R11:prc-cherbourg R11:ft-cherbourg" },
	{ "R12", "14118 40 +creation_entreprise", "R12:cma R13:cci-caen" },
	{ "R12.2", "14118 40 +creation_entreprise secteur=artisanat",
	    "R12:cma R12:bge" },
	{ "R13", "50129 40 +creation_entreprise secteur=industrie",
	    "R13:cci-cherbourg R13:bge" },
	{ "R13.2", "14118 40 +creation_entreprise secteur=commerce",
	    "R13:cci-caen R13:bge" },
	{ "R14", "61169 40 +creation_entreprise secteur=agriculture",
	    "R14:ca-61" },
	{ "R15", "14118 40 +creation_entreprise secteur=ess",
	    "R15:cress R15:cma" },
	{ "R15.2", "50129 40 +creation_entreprise secteur=ess",
	    "R15:cress R15:cma" },
	{ "R16", "14118 40 salarie_prive +decouverte_artisanat",
	    "R07:cep R16:cma R16:cfa-caen" },
	{ "R16.2", "14118 40 +decouverte_commerce_industrie",
	    "R16:cci-caen R16:cfa-caen" },
	{ "R16.3", "50129 40 +decouverte_agriculture",
	    "R16:ca-50 R16:cfa-caen" },
	{ "R16.4", "14118 40 +apprentissage secteur=artisanat",
	    "R16:cma R16:cfa-caen" },
	{ "R16.5", "50129 40 +apprentissage secteur=services",
	    "R16:cci-cherbourg R16:cfa-caen" },
	{ "R16.6", "50129 40 +apprentissage secteur=agriculture",
	    "R16:ca-50 R16:cfa-caen" },
	{ "R16.7", "76540 40 +apprentissage", "R16:cma R16:cfa-caen" },
	{ "R16.8", "76540 40 +decouverte_artisanat", "R16:cma R16:cfa-caen" },
	{ "R17", "14118 30 salarie_prive +droits_loisirs", "R07:cep R17:crij" },
	{ "R17.2", "61169 25 salarie_prive +droits_loisirs",
	    "R07:cep R17:label-flers R17:ml-bocage" },
	{ "R18", "61169 70 retraite", "R18:ccas-flers R18:agence" },
	{ "R18.2", "14118", "R18:ccas-caen R18:agence" },
};

#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

static void
find__each_scenario__its_lines_in_order(void **state)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		assert_answer_at(*state, scenarios[i].question, TODAY,
		    scenarios[i].answer);
}

/* R18.3 answers when no body holds a title: see the empty network below. */
static void
rules__every_row_of_the_file__has_a_scenario(void **state)
{
	struct fixture *f = *state;

	for (size_t r = 0; r < referral_rules_count(f->rules); r++) {
		const char *row = referral_rules_row(f->rules, r);
		bool shown = strcmp(row, "R18.3") == 0;

		for (size_t i = 0; i < SCENARIOS; i++)
			shown |= strcmp(scenarios[i].row, row) == 0;
		if (!shown)
			print_error("no scenario for row %s\n", row);
		assert_true(shown);
	}
	assert_null(referral_rules_row(f->rules, 9999));
}

/* ---- pairs that conflict ------------------------------------------------ */

static const struct {
	const char *question, *answer;
} conflicts[] = {
	/* education beats age, disability and need */
	{ "61169 20 eleve", "R01:cio-flers R01:agence" },
	{ "61169 17 eleve +decrochage boeth", "R01:cio-flers R01:agence" },
	{ "76540 25 etudiant boeth", "R02:suio-rouen" },
	{ "14118 22 etudiant +decrochage", "R02:suio-caen" },
	{ "14118 20 apprenti boeth", "R03:cfa-caen R03:cma R03:cio-flers" },
	{ "14118 20 etudiant +vae", "R11:prc-cherbourg R02:suio-caen" },
	/* age and disability: both, the mission locale first unless said */
	{ "14118 25 sans_activite boeth",
	    "R04:ml-caen R05:cap-caen R04:ft-caen-a" },
	{ "14118 25 sans_activite boeth principal",
	    "R05:cap-caen R04:ml-caen R04:ft-caen-a" },
	{ "61006 28 sans_activite boeth principal",
	    "R05:cap-orne R04b:ml-argentan" },
	/* an executive: before the worker's and the jobseeker's rule, after
	 * Cap emploi, beside the mission locale */
	{ "14118 40 salarie_prive cadre", "R06:apec-caen R06:cep" },
	{ "14118 40 demandeur_emploi cadre", "R06:apec-caen R06:ft-caen-a" },
	{ "14118 40 sans_activite boeth cadre",
	    "R05:cap-caen R06:apec-caen R06:ft-caen-a" },
	{ "14118 24 demandeur_emploi cadre",
	    "R04:ml-caen R06:apec-caen R04:ft-caen-a" },
	{ "14118 40 agent_public cadre", "R08:- R08:label-flers" },
	/* RSA adds the registration, not a second France Travail */
	{ "14118 45 demandeur_emploi rsa suivi", "R09:ft-caen-a" },
	{ "14118 20 sans_activite rsa", "R04:ml-caen R10:ft-caen-a R10:-" },
	{ "14118 45 demandeur_emploi boeth rsa",
	    "R05:cap-caen R10:ft-caen-a R10:-" },
	{ "14118 45 demandeur_emploi boeth", "R05:cap-caen R05:ft-caen-a" },
	/* a prohibition beats every later row that would give the body */
	{ "14118 24 salarie_prive boeth rsa +demission_reconversion",
	    "X1:cep X1:cap-caen R10:-" },
	{ "14118 17 salarie_prive +demission_reconversion +decrochage",
	    "X1:cep" },
	{ "14118 24 +demission_reconversion +droits_loisirs +vae",
	    "X1:cep R11:prc-cherbourg R17:crij" },
	/* the only need is first, one of several comes after the status */
	{ "50129 40 demandeur_emploi +vae",
	    "R11:prc-cherbourg R09:ft-cherbourg" },
	{ "50129 40 demandeur_emploi +vae +mixite",
	    "R09:ft-cherbourg R11:prc-cherbourg" },
	{ "50129 30 demandeur_emploi +creation_entreprise +droits_loisirs "
	  "secteur=agriculture",
	    "R09:ft-cherbourg R14:ca-50 R17:crij" },
};

static void
find__each_pair_that_conflicts__ranked_by_the_rule_of_priority(void **state)
{
	for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++)
		assert_answer_at(*state, conflicts[i].question, TODAY,
		    conflicts[i].answer);
}

/* ---- ages --------------------------------------------------------------- */

static void
find__age_boundaries__as_the_law_counts_them(void **state)
{
	static const struct {
		const char *question, *first;
	} ages[] = {
		{ "61169 11", "R01" },
		{ "61169 15 sans_activite", "R01" },
		{ "61169 15 demandeur_emploi", "R18" },
		{ "61169 16 sans_activite", "R04a" },
		{ "61169 17 sans_activite", "R04a" },
		{ "61169 18 sans_activite", "R04" },
		{ "61169 25 sans_activite", "R04" },
		{ "61169 26 sans_activite", "R18" },
		{ "61169 25 demandeur_emploi", "R04" },
		{ "61169 26 demandeur_emploi", "R09" },
		{ "61169 demandeur_emploi", "R09" },
		{ "61169 25 demandeur_emploi boeth", "R04" },
		{ "61169 26 demandeur_emploi boeth", "R04b" },
		{ "61169 29 demandeur_emploi boeth", "R04b" },
		{ "61169 30 demandeur_emploi boeth", "R05" },
		{ "61169 15 +droits_loisirs", "R01" },
		{ "61169 15 retraite +droits_loisirs", "R18" },
		{ "61169 16 etudiant +droits_loisirs", "R02" },
		{ "61169 30 +droits_loisirs", "R17" },
		{ "61169 31 +droits_loisirs", "R18" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
		struct question q;

		ask(f, ages[i].question, TODAY, &q);
		referral_find(f->rules, &q.query, &f->source, &f->answer);
		if (strcmp(f->answer.lines[0].rule_id, ages[i].first) != 0)
			print_error("%s\n", ages[i].question);
		assert_string_equal(f->answer.lines[0].rule_id, ages[i].first);
	}
}

static void
find__age_band__applies_when_the_rule_holds_all_of_it(void **state)
{
	struct fixture *f = *state;
	struct question q;

	ask(f, "61169 sans_activite", TODAY, &q);
	q.query.age_min = 18;
	q.query.age_max = 25;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_string_equal(f->answer.lines[0].rule_id, "R04");
	q.query.age_max = 26;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_string_equal(f->answer.lines[0].rule_id, "R18");
}

/* ---- prohibitions, dates, what is left out ------------------------------ */

static bool
excludes(const struct referral_answer *a, const char *rule, const char *kind,
    const char *body)
{
	for (size_t i = 0; i < a->n_excluded; i++) {
		const struct referral_exclusion *x = &a->excluded[i];

		if (strcmp(x->rule_id, rule) == 0 &&
		    (kind == NULL || strcmp(x->kind, kind) == 0) &&
		    (body == NULL
			    ? x->candidate == NULL
			    : x->candidate != NULL &&
				  strcmp(x->candidate->body->id, body) == 0)) {
			assert_true(x->reason[0] != '\0');
			assert_true(x->legal_source[0] != '\0');
			return true;
		}
	}
	return false;
}

static void
find__advice_before_resigning__never_france_travail_and_says_why(void **state)
{
	struct fixture *f = *state;

	assert_answer_at(f,
	    "61006 24 salarie_prive rsa +demission_reconversion +droits_loisirs",
	    TODAY, "X1:cep R17:label-flers R10:-");
	assert_true(excludes(&f->answer, "X1", "france-travail", NULL));
	assert_true(excludes(&f->answer, "X1", "mission-locale", NULL));
	for (size_t i = 0; i < f->answer.n_excluded; i++)
		assert_non_null(
		    strstr(f->answer.excluded[i].legal_source, "L5422-1-1"));
	/* who resigns is an employee, even when nobody has said so */
	assert_answer_at(f, "61006 24 +demission_reconversion", TODAY,
	    "X1:cep");
	assert_true(excludes(&f->answer, "X1", "france-travail", NULL));
	assert_answer_at(f, "14118 24 boeth principal +demission_reconversion",
	    TODAY, "X1:cep X1:cap-caen");
	assert_answer_at(f, "61006 24 demandeur_emploi +demission_reconversion",
	    TODAY, "R04:ml-argentan R04:ft-argentan");
	assert_int_equal(f->answer.n_excluded, 0);
}

static void
find__label__answers_from_its_first_to_its_last_day(void **state)
{
	assert_answer_at(*state, "61169 40 agent_public", 20260430, "R08:-");
	assert_answer_at(*state, "61169 40 agent_public", 20260501,
	    "R08:- R08:label-flers");
	assert_answer_at(*state, "61169 40 agent_public", 20310430,
	    "R08:- R08:label-flers");
	assert_answer_at(*state, "61169 40 agent_public", 20310501, "R08:-");
}

static void
find__market_holder_after_its_contract__national_front_page(void **state)
{
	struct fixture *f = *state;

	assert_answer_at(f, "14118 40 salarie_prive", 20280101, "R07:-");
	assert_non_null(strstr(f->answer.lines[0].hors_reseau, "Mon-CEP"));
	assert_string_equal(f->answer.lines[0].site_web, "https://mon-cep.org");
}

static void
find__suspended_closed_untitled__left_out_with_the_reason(void **state)
{
	struct fixture *f = *state;
	struct question q;
	char got[300];

	assert_answer_at(f, "14047 20 sans_activite", TODAY,
	    "R04:ml-bayeux R04:ft-caen-a");
	ask(f, "14047 20 sans_activite", 20260701, &q);
	q.query.why = true;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_string_equal(lines_of(&f->answer, got, sizeof got),
	    "R04:ml-caen R04:ft-caen-a");
	assert_true(excludes(&f->answer, "X2", "mission-locale", "ml-bayeux"));
	ask(f, "76259 20 sans_activite", TODAY, &q);
	q.query.why = true;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_true(excludes(&f->answer, "X2", "paio", "paio-fecamp"));
	assert_answer_at(f, "76259 20 sans_activite", 20261031,
	    "R04:paio-fecamp R04:ft-rouen");
	ask(f, "61169 20 apprenti", TODAY, &q);
	q.query.why = true;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_true(excludes(&f->answer, "X2", "cfa", "cfa-untitled"));
}

static void
find__nobody_holds_anything__an_answer_outside_the_network(void **state)
{
	struct fixture *f = *state;

	f->n = 0;
	for (size_t i = 0; i < SCENARIOS; i++) {
		struct question q;

		ask(f, scenarios[i].question, TODAY, &q);
		referral_find(f->rules, &q.query, &f->source, &f->answer);
		assert_true(f->answer.n_lines >= 1);
		for (size_t j = 0; j < f->answer.n_lines; j++) {
			assert_null(f->answer.lines[j].candidate);
			assert_non_null(f->answer.lines[j].hors_reseau);
		}
	}
	assert_answer_at(f, "14118 40 retraite", TODAY, "R18:-");
	f->n = BODIES;
}

/* ---- ranks -------------------------------------------------------------- */

static void
find__lines__carry_place_proof_law_and_reason(void **state)
{
	struct fixture *f = *state;
	const struct referral_line *l = f->answer.lines;

	assert_answer_at(f, "61006 20 sans_activite", TODAY,
	    "R04:ml-argentan R04:ft-argentan");
	assert_int_equal(l[0].placed.class, DISTANCE_COMMUNE);
	assert_true(l[0].placed.competence);
	assert_int_equal(l[0].placed.metres, 0);
	assert_false(l[1].placed.competence);
	assert_string_equal(l[0].proof->code, "membre-de-droit");
	assert_non_null(strstr(l[0].legal_source, "L5314-2"));
	assert_true(strlen(l[0].reason) > 20);
	/* by competence, though another is nearer */
	assert_answer_at(f, "61006 16", TODAY,
	    "R04a:ml-argentan "
	    "R04a:cio-flers");
	assert_int_equal(l[1].placed.class, DISTANCE_ARRONDISSEMENT);
	assert_in_range(l[1].placed.metres, 20000, 60000);
}

static void
find__limit__the_first_lines(void **state)
{
	struct fixture *f = *state;
	struct question q;
	char got[300];

	ask(f,
	    "50129 20 demandeur_emploi boeth rsa +vae +apprentissage "
	    "+droits_loisirs",
	    TODAY, &q);
	q.query.limit = 0;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_string_equal(lines_of(&f->answer, got, sizeof got),
	    "R04:ml-cotentin R05:cap-manche R10:ft-cherbourg "
	    "R11:prc-cherbourg R16:ca-50");
	q.query.limit = 1;
	referral_find(f->rules, &q.query, &f->source, &f->answer);
	assert_int_equal(f->answer.n_lines, 1);
}

static void
find__two_of_a_kind_in_the_commune__lowest_id_or_the_mode_asked(void **state)
{
	assert_answer_at(*state, "14118 45 demandeur_emploi", TODAY,
	    "R09:ft-caen-a");
	assert_answer_at(*state, "14118 45 demandeur_emploi mode=distance",
	    TODAY, "R09:ft-caen-b");
	assert_answer_at(*state, "50129 45 demandeur_emploi mode=presentiel",
	    TODAY, "R09:ft-cherbourg");
}

static void
find__order_of_candidates__does_not_matter(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < BODIES; i++)
		f->all[i] = &f->candidates[BODIES - 1 - i];
	for (size_t i = 0; i < SCENARIOS; i++)
		assert_answer_at(f, scenarios[i].question, TODAY,
		    scenarios[i].answer);
	for (size_t i = 0; i < BODIES; i++)
		f->all[i] = &f->candidates[i];
}

static void
find__notes__with_the_rules_that_have_one(void **state)
{
	struct fixture *f = *state;

	assert_answer_at(f, "50129 23 salarie_prive +vae", TODAY,
	    "R11:prc-cherbourg R07:cep");
	assert_int_equal(f->answer.n_notes, 1);
	assert_non_null(strstr(f->answer.notes[0], "France VAE"));
	/* a row may only note */
	assert_answer_at(f, "61169 sans_activite", TODAY,
	    "R18:ccas-flers R18:agence");
	assert_int_equal(f->answer.n_notes, 1);
	assert_non_null(strstr(f->answer.notes[0], "âge n'est pas précisé"));
	assert_answer_at(f, "61169 20", TODAY, "R04:ml-bocage R04:ft-flers");
	assert_non_null(
	    strstr(f->answer.lines[0].reason, "si la personne n'est ni"));
	assert_non_null(strstr(f->answer.notes[0], "situation n'est pas"));
}

static void
find__answer_outside_the_network__has_a_reason_that_is_true_of_it(void **state)
{
	struct fixture *f = *state;

	assert_answer_at(f, "50129 23 salarie_prive +vae", 20190101,
	    "R11:- R07:-");
	assert_non_null(
	    strstr(f->answer.lines[0].reason, "aucun centre de conseil"));
	assert_null(strstr(f->answer.lines[1].reason, "aucun"));
}

/* ---- bad rules ---------------------------------------------------------- */

#define ROW "[R1]\nconditions = toujours\nlegal_source = L\nreason_fr = r\n"
#define LAST                                                                   \
	"[R9]\nconditions = sans_reponse:oui\nlegal_source = L\n"              \
	"reason_fr = r\npriority = 9\nhors_reseau_fr = n\n"

static const struct {
	const char *conf, *message;
} bad_rules[] = {
	{ "", "conf:0: no row answers" },
	{ "x", "conf:1: x is neither" },
	{ "a = b\n", "conf:1: a stands before the first row" },
	{ "[]\n", "conf:1:  is not the name of a row" },
	{ "[R1\n", "conf:1: [R1 is not a section" },
	{ "[R 1]\n", "conf:1: R 1 is not the name of a row" },
	{ LAST LAST, "conf:7: R9 stands twice" },
	{ "[R1]\ncolour = x\n", "conf:2: [R1] colour is not a key" },
	{ "[R1]\npriority = 1\npriority = 2\n",
	    "conf:3: [R1] priority: stands twice" },
	{ "[R1]\npriority =\n", "conf:2: [R1] priority: is empty" },
	{ "[R1]\npriority = 0\n", "[R1] priority: 0 is not a priority" },
	{ "[R1]\npriority = 1000\n", "1000 is not a priority" },
	{ "[R1]\ncount = 6\n", "[R1] count: 6 is not a count" },
	{ "[R1]\nconditions = colour:red\n", "colour is not a condition" },
	{ "[R1]\nconditions = cadre\n", "cadre is not a condition" },
	{ "[R1]\nconditions = cadre:x\n", "x is not an answer" },
	{ "[R1]\nconditions = sans_reponse:inconnu\n",
	    "inconnu is not an answer" },
	{ "[R1]\nconditions = age:x\n", "x is not an age" },
	{ "[R1]\nconditions = age:-\n", "is not an age" },
	{ "[R1]\nconditions = age:20-19\n", "19 is not an age after" },
	{ "[R1]\nconditions = age:1-2,3-4\n", "is a second range" },
	{ "[R1]\nconditions = age:0\n", "age 0" },
	{ "[R1]\nconditions = age:121\n", "121 is not an age" },
	{ "[R1]\nconditions = cadre:oui cadre:non\n", "comes twice" },
	{ "[R1]\nconditions = situation:nope\n", "nope is not a known code" },
	{ "[R1]\ntargets = x\n", "x is not a target" },
	{ "[R1]\ntargets = kind:\n", "is not a target" },
	{ "[R1]\ntargets = kind:nope\n", "nope is not a known code" },
	{ "[R1]\ntargets = cercle:5\n", "5 is not a cercle" },
	{ "[R1]\nsite_web = http://x\n", "is not a secure address" },
	{ ROW, "conf:1: [R1] gives, forbids and notes nothing" },
	{ ROW "note_fr = n\n", "conf:1: [R1] only notes" },
	{ "[R1]\nconditions = toujours\nlegal_source = L\ntargets = label\n",
	    "conf:1: [R1] has no reason_fr" },
	{ ROW "targets = label\npriority = 1\nhors_reseau_reason_fr = r\n",
	    "conf:1: [R1] has a reason for no answer" },
	{ ROW "targets = label\n", "conf:1: [R1] has no priority" },
	{ ROW "forbids = label\npriority = 1\n", "[R1] forbids and gives" },
	{ ROW "targets = label\nforbids = label\n",
	    "conf:6: [R1] forbids: a row that has targets" },
	{ "[R1]\npriority = 1\n[R2]\n", "conf:1: [R1] conditions: is missing" },
	{ ROW "targets = label\npriority = 1\n", "no row answers" },
	{ LAST "# \xE9\n", "conf:7: [R9] holds a byte that is not text" },
	{ LAST "\r\n", "conf:7: [R9] holds a byte that is not text" },
};

static bool
knows_all_but_nope(const struct vocabularies *v, const char *vocabulary,
    const char *code)
{
	(void)v;
	assert_true(strcmp(vocabulary, "situations") == 0 ||
		    strcmp(vocabulary, "organisation-kinds") == 0);
	return strcmp(code, "nope") != 0;
}

static void
rules__each_fault__refused_with_line_row_key_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_rules / sizeof bad_rules[0]; i++) {
		const char *conf = bad_rules[i].conf;
		struct err e = { 0 };

		assert_null(referral_rules_new("conf", conf, strlen(conf),
		    knows_all_but_nope, NULL, &e));
		if (strstr(e.msg, bad_rules[i].message) == NULL)
			print_error("%zu: %s\n", i, e.msg);
		assert_non_null(strstr(e.msg, bad_rules[i].message));
		assert_int_equal(e.code, ERR_INVALID);
		assert_true(e.remedy[0] != '\0');
	}
}

static void
rules__last_line_without_lf__read(void **state)
{
	static const char conf[] = LAST "# the end";
	struct err e = { 0 };
	struct referral_rules *r =
	    referral_rules_new("conf", conf, strlen(conf), NULL, NULL, &e);

	(void)state;
	assert_non_null(r);
	assert_int_equal(referral_rules_count(r), 1);
	referral_rules_free(r);
	referral_rules_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find__each_scenario__its_lines_in_order),
		cmocka_unit_test(rules__every_row_of_the_file__has_a_scenario),
		cmocka_unit_test(
		    find__each_pair_that_conflicts__ranked_by_the_rule_of_priority),
		cmocka_unit_test(find__age_boundaries__as_the_law_counts_them),
		cmocka_unit_test(
		    find__age_band__applies_when_the_rule_holds_all_of_it),
		cmocka_unit_test(
		    find__advice_before_resigning__never_france_travail_and_says_why),
		cmocka_unit_test(
		    find__label__answers_from_its_first_to_its_last_day),
		cmocka_unit_test(
		    find__market_holder_after_its_contract__national_front_page),
		cmocka_unit_test(
		    find__suspended_closed_untitled__left_out_with_the_reason),
		cmocka_unit_test(
		    find__nobody_holds_anything__an_answer_outside_the_network),
		cmocka_unit_test(find__lines__carry_place_proof_law_and_reason),
		cmocka_unit_test(find__limit__the_first_lines),
		cmocka_unit_test(
		    find__two_of_a_kind_in_the_commune__lowest_id_or_the_mode_asked),
		cmocka_unit_test(find__order_of_candidates__does_not_matter),
		cmocka_unit_test(find__notes__with_the_rules_that_have_one),
		cmocka_unit_test(
		    find__answer_outside_the_network__has_a_reason_that_is_true_of_it),
		cmocka_unit_test(
		    rules__each_fault__refused_with_line_row_key_and_remedy),
		cmocka_unit_test(rules__last_line_without_lf__read),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
