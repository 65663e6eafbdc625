/* records.c - see records.h. */
#include "records.h"

#include <stdio.h>
#include <string.h>

/* What a kind of body is competent for, and by what title. */
enum area { AREA_ARRONDISSEMENT, AREA_DEPARTEMENT, AREA_REGION };

static const struct body_kind {
	const char *kind, *title, *legal_basis, *authority;
	enum area area;
} body_kinds[] = {
	{ "mission-locale", "cep-loi", "C. trav. L6111-6, L5314-1", "Loi",
	    AREA_ARRONDISSEMENT },
	{ "france-travail", "cep-loi", "C. trav. L6111-6, L5312-1", "Loi",
	    AREA_ARRONDISSEMENT },
	{ "cio", "convention-etat", "C. trav. L6111-3, C. éduc. L313-5",
	    "État et Région Normandie", AREA_DEPARTEMENT },
	{ "cap-emploi", "cep-loi", "C. trav. L6111-6, L5214-3-1", "Loi",
	    AREA_DEPARTEMENT },
	{ "apec", "cep-loi", "C. trav. L6111-6", "Loi", AREA_REGION },
	{ "cma", "consulaire", "C. trav. L6111-3 I al. 6, L6211-4 4°", "Loi",
	    AREA_REGION },
	{ "cci", "consulaire", "C. trav. L6111-3 I al. 6, L6211-4 4°", "Loi",
	    AREA_REGION },
	{ "information-jeunesse", "information-jeunesse",
	    "C. trav. L6111-3 II, décret 2017-574",
	    "Recteur de région académique", AREA_ARRONDISSEMENT },
	{ "proximite-ccas", "reseau-proximite",
	    "Cadre de référence 2020, cercle 4",
	    "Agence régionale de l'orientation et des métiers",
	    AREA_ARRONDISSEMENT },
	{ "suio", "convention-etat", "C. trav. L6111-3, C. éduc. L714-1",
	    "État et Région Normandie", AREA_DEPARTEMENT },
};
#define N_BODY_KINDS (sizeof body_kinds / sizeof body_kinds[0])

static const char *const streets[] = { "rue de l'Exemple", "place du Marché",
	"avenue de la Gare", "boulevard des Métiers", "quai de l'Orne",
	"impasse des Tilleuls", "cours Clemenceau", "allée du Bocage" };

static const char *const hours[] = {
	"Mo-Th 09:00-12:30,13:30-17:30; Fr 09:00-12:30",
	"Mo-Fr 08:30-12:00,13:30-17:00", "Tu,Th 09:00-12:00",
	"Mo-We 10:00-18:00; Sa 09:00-12:00"
};

static const char *const words[] = { "accueil", "entretien", "projet", "métier",
	"atelier", "formation", "conseil", "parcours", "bilan", "emploi",
	"stage", "apprentissage", "orientation", "candidature", "rendez-vous",
	"documentation", "découverte", "reconversion", "compétences",
	"mobilité" };

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* Constant texts: protobuf-c's strings are not const, packing only reads. */
static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* A number that looks like chance and is not (splitmix64). */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Put the digit behind that makes the Luhn sum a multiple of ten. */
static void
luhn_close(char *digits)
{
	size_t n = strlen(digits);
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(digits[n - 1 - i] - '0');

		if (i % 2 == 0)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum += d;
	}
	digits[n] = (char)('0' + (10 - sum % 10) % 10);
	digits[n + 1] = '\0';
}

static void
begin(struct bench_record *r, Resopro__V1__Kind kind, const char *stem,
    int digits, unsigned i)
{
	memset(r, 0, sizeof *r);
	resopro__v1__record__init(&r->record);
	r->record.kind = kind;
	r->record.owner = borrow(BENCH_AGENCY);
	r->record.source = borrow(BENCH_SOURCE);
	(void)snprintf(r->id, sizeof r->id, BENCH_SOURCE "-%s%0*u", stem,
	    digits, i);
	r->record.id = r->id;
	r->record.source_id = r->id + sizeof BENCH_SOURCE; /* behind the "-" */
}

static void
write_body_id(char *out, size_t cap, unsigned body)
{
	(void)snprintf(out, cap, "%s-body-%03u", BENCH_SOURCE, body);
}

/* The commune of the seat of a body: its territory is where that lies. */
static const struct bench_commune *
seat(const struct bench_communes *communes, unsigned body)
{
	return &communes->list[mix(body + UINT64_C(0x5ea7)) % communes->n];
}

void
bench_organisation(struct bench_record *r,
    const struct bench_communes *communes, unsigned i)
{
	const struct body_kind *k = &body_kinds[i % N_BODY_KINDS];
	const struct bench_commune *c = seat(communes, i);
	Resopro__V1__Organisation *o = &r->body.organisation;

	begin(r, RESOPRO__V1__KIND__KIND_ORGANISATION, "body-", 3, i);
	resopro__v1__organisation__init(o);
	r->record.body_case = RESOPRO__V1__RECORD__BODY_ORGANISATION;
	r->record.organisation = o;
	(void)snprintf(r->nom, sizeof r->nom, "Organisme %u de %s", i, c->nom);
	o->nom = r->nom;
	o->kind = borrow(k->kind);
	(void)snprintf(r->siren, sizeof r->siren, "%08u", 90000000 + i);
	luhn_close(r->siren);
	o->siren = r->siren;
	if (k->area == AREA_ARRONDISSEMENT)
		(void)snprintf(r->competence, sizeof r->competence, "arr:%s",
		    c->arrondissement);
	else if (k->area == AREA_DEPARTEMENT)
		(void)snprintf(r->competence, sizeof r->competence, "dep:%s",
		    c->departement);
	else
		(void)snprintf(r->competence, sizeof r->competence, "reg:28");
	r->list[0] = r->competence;
	o->competence = r->list;
	o->n_competence = 1;
}

void
bench_status(struct bench_record *r, unsigned i)
{
	const struct body_kind *k = &body_kinds[i % N_BODY_KINDS];
	Resopro__V1__Status *s = &r->body.status;

	begin(r, RESOPRO__V1__KIND__KIND_STATUS, "title-", 3, i);
	resopro__v1__status__init(s);
	r->record.body_case = RESOPRO__V1__RECORD__BODY_STATUS;
	r->record.status = s;
	write_body_id(r->owner_id, sizeof r->owner_id, i);
	s->organisation_id = r->owner_id;
	s->title = borrow(k->title);
	s->legal_basis = borrow(k->legal_basis);
	s->authority = borrow(k->authority);
	s->from = borrow("2020-06-15");
}

static void
write_address(struct bench_record *r, const struct bench_commune *c,
    uint64_t chance)
{
	Resopro__V1__Site *s = &r->body.site;

	(void)snprintf(r->adresse, sizeof r->adresse, "%u %s",
	    (unsigned)(chance % 200) + 1,
	    streets[chance / 256 % COUNT(streets)]);
	s->adresse = r->adresse;
	s->code_postal = borrow(c->code_postal);
	s->commune = borrow(c->nom);
	s->code_insee = borrow(c->code);
	resopro__v1__position__init(&r->position);
	r->position.latitude = c->latitude;
	r->position.longitude = c->longitude;
	s->position = &r->position;
}

static void
write_contacts(struct bench_record *r, unsigned i, uint64_t chance)
{
	Resopro__V1__Site *s = &r->body.site;

	(void)snprintf(r->telephone, sizeof r->telephone, "02 61 91 %02u %02u",
	    (unsigned)(chance % 100), (unsigned)(chance / 128 % 100));
	s->telephone = r->telephone;
	(void)snprintf(r->courriel, sizeof r->courriel,
	    "accueil-%07u@example.org", i);
	s->courriel = r->courriel;
	s->site_web = borrow("https://www.example.org/lieux-d-accueil");
	s->horaires_accueil = borrow(hours[chance % COUNT(hours)]);
	r->list[0] = borrow("en-presentiel");
	r->list[1] = borrow("a-distance");
	s->modes_accueil = r->list;
	s->n_modes_accueil = 1 + chance % 2;
	(void)snprintf(r->siret, sizeof r->siret, "8%07u", i / 10000);
	luhn_close(r->siret); /* the SIREN is closed, then the whole */
	(void)snprintf(r->siret + 9, sizeof r->siret - 9, "%04u", i % 10000);
	luhn_close(r->siret);
	s->siret = r->siret;
}

/* The mark, and words up to `len` bytes of which the last is a full stop. */
static void
write_text(char *out, size_t len, const char *mark, uint64_t chance)
{
	size_t at = (size_t)snprintf(out, len + 1, "%s", mark);

	while (at < len) {
		chance = mix(chance);
		at += (size_t)snprintf(out + at, len + 1 - at, " %s",
		    words[chance % COUNT(words)]);
	}
	/* not within a character of two bytes, nor after a blank */
	at = len - 1;
	while ((unsigned char)out[at - 1] >= 0x80 || out[at - 1] == ' ')
		at--;
	memset(out + at, '.', len - at);
	out[len] = '\0';
}

void
bench_site_mark(char out[BENCH_MARK_SIZE], unsigned i, unsigned edition)
{
	(void)snprintf(out, BENCH_MARK_SIZE, "Fiche %u, mise à jour %u :", i,
	    edition);
}

void
bench_site(struct bench_record *r, const struct bench_communes *communes,
    unsigned i, unsigned edition)
{
	uint64_t chance = mix(i);
	const struct bench_commune *c =
	    &communes->list[chance / 7 % communes->n];
	Resopro__V1__Site *s = &r->body.site;
	struct bench_stamp stamp;
	Resopro__V1__Record bare;
	char mark[BENCH_MARK_SIZE];
	size_t size;

	begin(r, RESOPRO__V1__KIND__KIND_SITE, "", 7, i);
	resopro__v1__site__init(s);
	r->record.body_case = RESOPRO__V1__RECORD__BODY_SITE;
	r->record.site = s;
	write_body_id(r->owner_id, sizeof r->owner_id, i % BENCH_BODIES);
	s->organisation_id = r->owner_id;
	(void)snprintf(r->nom, sizeof r->nom, "Lieu d'accueil %u de %s", i,
	    c->nom);
	s->nom = r->nom;
	write_address(r, c, mix(chance));
	write_contacts(r, i, mix(chance + 1));
	/* what is left of the size is text; its tag and length are 4 bytes */
	bare = r->record;
	bench_stamp(r, &stamp, 1);
	size = resopro__v1__record__get_packed_size(&r->record) + 4;
	r->record = bare;
	bench_site_mark(mark, i, edition);
	write_text(r->description, BENCH_RECORD_BYTES - size, mark, chance);
	s->description = r->description;
}

void
bench_stamp(struct bench_record *r, struct bench_stamp *stamp,
    uint64_t revision)
{
	google__protobuf__timestamp__init(&stamp->created);
	stamp->created.seconds = 1767225600; /* 2026-01-01 */
	stamp->created.nanos = 123456789;
	stamp->updated = stamp->confirmed = stamp->created;
	r->record.version = 1;
	r->record.revision = revision;
	r->record.created_at = &stamp->created;
	r->record.updated_at = &stamp->updated;
	r->record.confirmed_at = &stamp->confirmed;
}
