/* schema.c - see schema.h. */
#include "service/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/date.h"
#include "domain/territory.h"
#include "domain/vocabulary.h"
#include "service/record.h"
#include "service/service.h"

#define REQ FIELD_REQUIRED
#define AGY FIELD_AGENCY
#define IMM FIELD_IMMUTABLE
#define UNQ FIELD_UNIQUE
#define CLM FIELD_CLAIMED
#define ORG RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE

static const struct field_rule organisation_fields[] = {
	{ .name = "nom", .kind = VALUE_NAME, .flags = REQ },
	{ .name = "nom_usuel", .kind = VALUE_TEXT, .max = 150 },
	{ .name = "sigle", .kind = VALUE_TEXT, .max = 30 },
	{ .name = "kind",
	    .kind = VALUE_VOCABULARY,
	    .flags = REQ | AGY,
	    .vocabulary = "organisation-kinds",
	    .index = INDEX_ORGANISATION_KIND },
	{ .name = "siren", .kind = VALUE_SIREN },
	{ .name = "siret",
	    .kind = VALUE_SIRET,
	    .flags = CLM,
	    .index = INDEX_SIRET },
	{ .name = "rna", .kind = VALUE_RNA },
	{ .name = "uai", .kind = VALUE_UAI },
	{ .name = "forme_juridique", .kind = VALUE_TEXT, .max = 100 },
	{ .name = "parent_id",
	    .kind = VALUE_ID,
	    .flags = AGY,
	    .refers = ORG,
	    .index = INDEX_PARENT },
	{ .name = "description", .kind = VALUE_DESCRIPTION },
	{ .name = "site_web", .kind = VALUE_URL },
	{ .name = "telephone", .kind = VALUE_PHONE },
	{ .name = "courriel", .kind = VALUE_EMAIL },
	{ .name = "lien_source", .kind = VALUE_URL },
	{ .name = "reseaux_porteurs",
	    .kind = VALUE_VOCABULARY,
	    .max = 20,
	    .vocabulary = "reseaux-porteurs" },
	{ .name = "competence", .kind = VALUE_ZONE, .flags = AGY, .max = 3000 },
	{ .name = "competence_sauf",
	    .kind = VALUE_ZONE,
	    .flags = AGY,
	    .max = 3000 },
	{ .name = "predecesseurs", .flags = AGY, .max = 50 },
	{ .name = "successeurs", .flags = AGY, .max = 50 },
	{ .name = "date_fermeture", .kind = VALUE_DATE, .flags = AGY },
	{ .name = NULL },
};

static const struct field_rule site_fields[] = {
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .flags = REQ | IMM,
	    .refers = ORG,
	    .index = INDEX_ORGANISATION },
	{ .name = "nom", .kind = VALUE_NAME, .flags = REQ },
	{ .name = "siret",
	    .kind = VALUE_SIRET,
	    .flags = UNQ,
	    .index = INDEX_SIRET },
	{ .name = "uai", .kind = VALUE_UAI },
	{ .name = "adresse", .kind = VALUE_TEXT, .max = 250 },
	{ .name = "complement_adresse", .kind = VALUE_TEXT, .max = 250 },
	{ .name = "code_postal", .kind = VALUE_POSTAL_CODE },
	{ .name = "commune", .kind = VALUE_TEXT, .max = 100 },
	{ .name = "code_insee",
	    .kind = VALUE_COMMUNE,
	    .flags = REQ,
	    .index = INDEX_COMMUNE },
	{ .name = "position" },
	{ .name = "telephone", .kind = VALUE_PHONE },
	{ .name = "courriel", .kind = VALUE_EMAIL },
	{ .name = "site_web", .kind = VALUE_URL },
	{ .name = "horaires_accueil", .kind = VALUE_OPENING_HOURS },
	{ .name = "accessibilite_lieu", .kind = VALUE_URL },
	{ .name = "modes_accueil",
	    .kind = VALUE_VOCABULARY,
	    .max = 10,
	    .vocabulary = "modes-accueil" },
	{ .name = "itinerant" },
	{ .name = "description", .kind = VALUE_TEXT, .max = 10000 },
	{ .name = "lien_source", .kind = VALUE_URL },
	{ .name = "date_fermeture", .kind = VALUE_DATE },
	{ .name = NULL },
};

static const struct field_rule offer_fields[] = {
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .flags = REQ | IMM,
	    .refers = ORG,
	    .index = INDEX_ORGANISATION },
	{ .name = "site_id",
	    .kind = VALUE_ID,
	    .refers = SITE,
	    .index = INDEX_SITE },
	{ .name = "nom", .kind = VALUE_NAME, .flags = REQ },
	{ .name = "description", .kind = VALUE_DESCRIPTION, .flags = REQ },
	{ .name = "type",
	    .kind = VALUE_VOCABULARY,
	    .vocabulary = "types-services" },
	{ .name = "thematiques",
	    .kind = VALUE_VOCABULARY,
	    .max = 69,
	    .vocabulary = "thematiques" },
	{ .name = "frais", .kind = VALUE_VOCABULARY, .vocabulary = "frais" },
	{ .name = "frais_precisions", .kind = VALUE_TEXT, .max = 1000 },
	{ .name = "publics",
	    .kind = VALUE_VOCABULARY,
	    .max = 20,
	    .vocabulary = "publics" },
	{ .name = "publics_precisions", .kind = VALUE_TEXT, .max = 1000 },
	{ .name = "conditions_acces", .kind = VALUE_TEXT, .max = 1000 },
	{ .name = "modes_accueil",
	    .kind = VALUE_VOCABULARY,
	    .max = 10,
	    .vocabulary = "modes-accueil" },
	{ .name = "zone_eligibilite",
	    .kind = VALUE_ZONE_ELIGIBILITE,
	    .max = 3000 },
	{ .name = "lien_mobilisation", .kind = VALUE_URL },
	{ .name = "modes_mobilisation",
	    .kind = VALUE_VOCABULARY,
	    .max = 10,
	    .vocabulary = "modes-mobilisation" },
	{ .name = "mobilisable_par",
	    .kind = VALUE_VOCABULARY,
	    .max = 10,
	    .vocabulary = "personnes-mobilisatrices" },
	{ .name = "mobilisation_precisions", .kind = VALUE_TEXT, .max = 1000 },
	{ .name = "volume_horaire_hebdomadaire", .low = 0, .high = 168 },
	{ .name = "nombre_semaines", .low = 0, .high = 520 },
	{ .name = "horaires_accueil", .kind = VALUE_OPENING_HOURS },
	{ .name = "telephone", .kind = VALUE_PHONE },
	{ .name = "courriel", .kind = VALUE_EMAIL },
	{ .name = "lien_source", .kind = VALUE_URL },
	{ .name = "besoins",
	    .kind = VALUE_VOCABULARY,
	    .max = 20,
	    .vocabulary = "besoins" },
	{ .name = NULL },
};

static const struct field_rule status_fields[] = {
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .flags = REQ | IMM | AGY,
	    .refers = ORG,
	    .index = INDEX_ORGANISATION },
	{ .name = "site_id",
	    .kind = VALUE_ID,
	    .flags = AGY | IMM,
	    .refers = SITE,
	    .index = INDEX_SITE },
	{ .name = "title",
	    .kind = VALUE_VOCABULARY,
	    .flags = REQ | AGY,
	    .vocabulary = "titles" },
	{ .name = "legal_basis",
	    .kind = VALUE_TEXT,
	    .flags = REQ | AGY,
	    .max = 200 },
	{ .name = "authority",
	    .kind = VALUE_TEXT,
	    .flags = REQ | AGY,
	    .max = 150 },
	{ .name = "decision_number",
	    .kind = VALUE_TEXT,
	    .flags = AGY,
	    .max = 100 },
	{ .name = "decision_date", .kind = VALUE_DATE, .flags = AGY },
	{ .name = "from", .kind = VALUE_DATE, .flags = REQ | AGY },
	{ .name = "to", .kind = VALUE_DATE, .flags = AGY },
	{ .name = "evidence", .kind = VALUE_TEXT, .flags = AGY, .max = 500 },
	{ .name = "notification_date", .kind = VALUE_DATE, .flags = AGY },
	{ .name = "end_reason", .kind = VALUE_TEXT, .flags = AGY, .max = 500 },
	{ .name = "end_decision_number",
	    .kind = VALUE_TEXT,
	    .flags = AGY,
	    .max = 100 },
	{ .name = "suspensions", .flags = AGY, .max = 20 },
	{ .name = NULL },
};

static const struct field_rule activity_fields[] = {
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .flags = REQ | IMM,
	    .refers = ORG,
	    .index = INDEX_ORGANISATION },
	{ .name = "site_id",
	    .kind = VALUE_ID,
	    .refers = SITE,
	    .index = INDEX_SITE },
	{ .name = "activity_kind",
	    .kind = VALUE_VOCABULARY,
	    .flags = REQ,
	    .vocabulary = "activity-kinds" },
	{ .name = "title", .kind = VALUE_NAME, .flags = REQ },
	{ .name = "start", .kind = VALUE_DATE, .flags = REQ },
	{ .name = "end", .kind = VALUE_DATE },
	{ .name = "communes", .kind = VALUE_COMMUNE, .max = 100 },
	{ .name = "place_type",
	    .kind = VALUE_VOCABULARY,
	    .vocabulary = "place-types" },
	{ .name = "etablissement_uai", .kind = VALUE_UAI },
	{ .name = "audience", .max = 20, .vocabulary = "audiences" },
	{ .name = "people", .low = 0, .high = 1000000 },
	{ .name = "by_sex", .max = 3, .vocabulary = "sex-classes" },
	{ .name = "by_age", .max = 10, .vocabulary = "age-classes" },
	{ .name = "partial" },
	{ .name = "interviews", .low = 0, .high = 1000000 },
	{ .name = "sessions", .low = 0, .high = 1000000 },
	{ .name = "hours", .low = 0, .high = 100000 },
	{ .name = "partners", .kind = VALUE_ID, .max = 50, .refers = ORG },
	{ .name = "psy_en", .kind = VALUE_VOCABULARY, .vocabulary = "oui-non" },
	{ .name = "mixite", .low = 0, .high = 3 },
	{ .name = "mixite_effect", .kind = VALUE_TEXT, .max = 500 },
	{ .name = "metier_sectors",
	    .kind = VALUE_VOCABULARY,
	    .max = 20,
	    .vocabulary = "poles-metiers" },
	{ .name = "modality",
	    .kind = VALUE_VOCABULARY,
	    .vocabulary = "modalites" },
	{ .name = "region_financed",
	    .kind = VALUE_VOCABULARY,
	    .vocabulary = "oui-non" },
	{ .name = "state", .low = 0, .high = 3 },
	{ .name = "event_id", .kind = VALUE_ID },
	{ .name = "event_lead" },
	{ .name = "comment", .kind = VALUE_TEXT, .max = 1000 },
	{ .name = NULL },
};

/* Written by the register and by Ownership; never by Put. */
static const struct field_rule dispute_fields[] = {
	{ .name = "kind", .low = 0, .high = 31 },
	{ .name = "siret", .kind = VALUE_SIRET, .index = INDEX_SIRET },
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .index = INDEX_ORGANISATION },
	{ .name = "state", .low = 0, .high = 4 },
	{ .name = "holder" },
	{ .name = "claimant" },
	{ .name = "resolved_for", .kind = VALUE_ID },
	{ .name = "resolved_by", .kind = VALUE_ID },
	{ .name = "resolved_at" },
	{ .name = "reason", .kind = VALUE_TEXT, .max = 500 },
	{ .name = NULL },
};

static const struct field_rule transfer_fields[] = {
	{ .name = "kind", .low = 0, .high = 31 },
	{ .name = "record_id", .kind = VALUE_ID, .index = INDEX_RECORD },
	{ .name = "organisation_id",
	    .kind = VALUE_ID,
	    .index = INDEX_ORGANISATION },
	{ .name = "way", .low = 0, .high = 2 },
	{ .name = "state", .low = 0, .high = 4 },
	{ .name = "expires_at" },
	{ .name = "message", .kind = VALUE_TEXT, .max = 500 },
	{ .name = "wrong_secrets", .low = 0, .high = 5 },
	{ .name = "decided_by", .kind = VALUE_ID },
	{ .name = "decided_at" },
	{ .name = "reason", .kind = VALUE_TEXT, .max = 500 },
	{ .name = "moved", .max = 5000 },
	{ .name = NULL },
};

/* Rows, without the one that ends them. */
#define COUNT(fields) (sizeof(fields) / sizeof(fields)[0] - 1)

static const struct kind_schema organisation_schema = {
	RESOPRO__V1__KIND__KIND_ORGANISATION,
	"organisation",
	RESOPRO__V1__RECORD__BODY_ORGANISATION,
	&resopro__v1__organisation__descriptor,
	organisation_fields,
	COUNT(organisation_fields),
};
static const struct kind_schema site_schema = {
	RESOPRO__V1__KIND__KIND_SITE,
	"site",
	RESOPRO__V1__RECORD__BODY_SITE,
	&resopro__v1__site__descriptor,
	site_fields,
	COUNT(site_fields),
};
static const struct kind_schema offer_schema = {
	RESOPRO__V1__KIND__KIND_OFFER,
	"offer",
	RESOPRO__V1__RECORD__BODY_OFFER,
	&resopro__v1__offer__descriptor,
	offer_fields,
	COUNT(offer_fields),
};
static const struct kind_schema status_schema = {
	RESOPRO__V1__KIND__KIND_STATUS,
	"status",
	RESOPRO__V1__RECORD__BODY_STATUS,
	&resopro__v1__status__descriptor,
	status_fields,
	COUNT(status_fields),
};
static const struct kind_schema activity_schema = {
	RESOPRO__V1__KIND__KIND_ACTIVITY,
	"activity",
	RESOPRO__V1__RECORD__BODY_ACTIVITY,
	&resopro__v1__activity__descriptor,
	activity_fields,
	COUNT(activity_fields),
};

static const struct kind_schema dispute_schema = {
	RESOPRO__V1__KIND__KIND_DISPUTE,
	"dispute",
	RESOPRO__V1__RECORD__BODY_DISPUTE,
	&resopro__v1__dispute__descriptor,
	dispute_fields,
	COUNT(dispute_fields),
};

static const struct kind_schema transfer_schema = {
	RESOPRO__V1__KIND__KIND_TRANSFER,
	"transfer",
	RESOPRO__V1__RECORD__BODY_TRANSFER,
	&resopro__v1__transfer__descriptor,
	transfer_fields,
	COUNT(transfer_fields),
};

static const struct kind_schema *const schemas[] = {
	&organisation_schema,
	&site_schema,
	&offer_schema,
	&status_schema,
	&activity_schema,
	&dispute_schema,
	&transfer_schema,
	NULL,
};

const struct kind_schema *const *
schema_all(void)
{
	return schemas;
}

const struct kind_schema *
schema_of(Resopro__V1__Kind kind)
{
	size_t i;

	for (i = 0; schemas[i] != NULL; i++)
		if (schemas[i]->kind == kind)
			return schemas[i];
	return NULL;
}

const struct kind_schema *
schema_of_body(Resopro__V1__Record__BodyCase body)
{
	size_t i;

	for (i = 0; schemas[i] != NULL; i++)
		if (schemas[i]->body_case == body)
			return schemas[i];
	return NULL;
}

const struct field_rule *
schema_field(const struct kind_schema *ks, const char *name)
{
	const struct field_rule *f;

	for (f = ks->fields; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* The rows are in the order of the message's fields, which are numbered from
 * 1: so each is where its number says, or is looked for. */
const ProtobufCFieldDescriptor *
schema_descriptor(const struct kind_schema *ks, const struct field_rule *f)
{
	size_t at = (size_t)(f - ks->fields);

	if (at < ks->body->n_fields &&
	    strcmp(ks->body->fields[at].name, f->name) == 0)
		return &ks->body->fields[at];
	return protobuf_c_message_descriptor_get_field_by_name(ks->body,
	    f->name);
}

const struct field_rule *
schema_numbered(const struct kind_schema *ks, uint64_t number)
{
	const struct field_rule *f;

	if (number - 1 < ks->n_fields &&
	    schema_descriptor(ks, &ks->fields[number - 1])->id == number)
		return &ks->fields[number - 1];
	for (f = ks->fields; f->name != NULL; f++)
		if (schema_descriptor(ks, f)->id == number)
			return f;
	return NULL;
}

/* ---- index keys --------------------------------------------------------- */

char
schema_letter(Resopro__V1__Kind kind)
{
	return (char)('a' + (int)kind);
}

size_t
schema_key(char *out, Resopro__V1__Kind kind, const char *value)
{
	int n = snprintf(out, STORE_INDEX_KEY_MAX, "%c%s/", schema_letter(kind),
	    value);

	return n > 0 && n < STORE_INDEX_KEY_MAX ? (size_t)n : 0;
}

size_t
schema_source_key(char *out, Resopro__V1__Kind kind, const char *owner,
    const char *source, const char *source_id)
{
	int n = snprintf(out, STORE_INDEX_KEY_MAX, "%c%s/%s/%s%s",
	    schema_letter(kind), owner, source, source_id,
	    source_id[0] != '\0' ? "/" : "");

	return n > 0 && n < STORE_INDEX_KEY_MAX ? (size_t)n : 0;
}

/* ---- reading fields by descriptor --------------------------------------- */

ProtobufCMessage *
schema_body(const Resopro__V1__Record *r)
{
	switch (r->body_case) {
	case RESOPRO__V1__RECORD__BODY_ORGANISATION:
		return &r->organisation->base;
	case RESOPRO__V1__RECORD__BODY_SITE:
		return &r->site->base;
	case RESOPRO__V1__RECORD__BODY_OFFER:
		return &r->offer->base;
	case RESOPRO__V1__RECORD__BODY_STATUS:
		return &r->status->base;
	case RESOPRO__V1__RECORD__BODY_ACTIVITY:
		return &r->activity->base;
	case RESOPRO__V1__RECORD__BODY_DISPUTE:
		return &r->dispute->base;
	case RESOPRO__V1__RECORD__BODY_TRANSFER:
		return &r->transfer->base;
	default:
		return NULL;
	}
}

static const void *
member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	return (const char *)m + fd->offset;
}

static size_t
count_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	size_t n;

	memcpy(&n, (const char *)m + fd->quantifier_offset, sizeof n);
	return n;
}

const char *
schema_text_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	const char *s;

	memcpy(&s, member(m, fd), sizeof s);
	return s != NULL ? s : "";
}

const char *
schema_string(const Resopro__V1__Record *r, const char *field)
{
	const ProtobufCMessage *body = schema_body(r);
	const ProtobufCFieldDescriptor *fd;

	if (body == NULL)
		return "";
	fd = protobuf_c_message_descriptor_get_field_by_name(body->descriptor,
	    field);
	if (fd == NULL || fd->type != PROTOBUF_C_TYPE_STRING ||
	    fd->label == PROTOBUF_C_LABEL_REPEATED)
		return "";
	return schema_text_at(body, fd);
}

const char *
schema_name(const Resopro__V1__Record *r)
{
	static const char *const names[] = { "nom", "title" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *s = schema_string(r, names[i]);

		if (s[0] != '\0')
			return s;
	}
	return r->id != NULL ? r->id : "";
}

const struct store_schema *
service_schema(void)
{
	static const struct store_schema schema = {
		.index_version = 1,
		.index = schema_index,
	};

	return &schema;
}

/* ---- validation --------------------------------------------------------- */

void
violations_add(struct violations *v, const struct err *e)
{
	struct violation *at;

	if (v->n == 0)
		v->first = *e;
	if (v->n >= VIOLATIONS_MAX)
		return;
	if (v->list == NULL)
		v->list =
		    arena_alloc(v->arena, VIOLATIONS_MAX * sizeof *v->list);
	if (v->list == NULL)
		return;
	at = &v->list[v->n++];
	at->field = arena_strdup(v->arena, e->field);
	at->reason = arena_strdup(v->arena, e->reason);
	at->message = arena_strdup(v->arena, e->msg);
	at->remedy = arena_strdup(v->arena, e->remedy);
	at->description = arena_printf(v->arena, "%s%s%s", e->msg,
	    e->remedy[0] != '\0' ? "; " : "", e->remedy);
	if (at->field == NULL || at->reason == NULL || at->message == NULL ||
	    at->remedy == NULL || at->description == NULL)
		v->n--; /* no memory: the first one is told at least */
}

struct check { /* one record being checked */
	const struct catalog *catalog;
	const struct kind_schema *ks;
	struct violations *out;
	char path[64];
};

static const char *
path_of(struct check *c, const char *field)
{
	(void)snprintf(c->path, sizeof c->path, "%s.%s", c->ks->name, field);
	return c->path;
}

static void
refuse(struct check *c, const char *field, const char *reason,
    const char *remedy, const char *msg)
{
	struct err e = { 0 };

	err_set(&e, ERR_INVALID, "%s: %s", path_of(c, field), msg);
	err_field(&e, c->path);
	err_reason(&e, reason);
	err_remedy(&e, "%s", remedy);
	violations_add(c->out, &e);
}

static int
check_code(const struct check *c, const char *vocabulary, const char *field,
    const char *value, struct err *e)
{
	const struct vocabulary *voc =
	    vocabularies_find(catalog_vocabularies(c->catalog), vocabulary);

	if (voc == NULL) /* no such file: the shape is all we know */
		return 0;
	return vocabulary_check(voc, field, value, strlen(value), e);
}

static int
too_long(const char *path, size_t chars, unsigned max, struct err *e)
{
	err_set(e, ERR_INVALID, "%s: text has %zu characters, at most %u", path,
	    chars, max);
	err_field(e, path);
	err_reason(e, "TOO_LONG");
	return err_remedy(e, "shorten it to %u characters", max);
}

static int
not_current(const char *path, const char *value, struct err *e)
{
	err_set(e, ERR_INVALID,
	    "%s: %s is not a current commune "
	    "of the register's territory",
	    path, value);
	err_field(e, path);
	err_reason(e, "COMMUNE_UNKNOWN");
	return err_remedy(e, "give the INSEE code of a current commune "
			     "(resopro territory resolve)");
}

static int
try_value(const struct check *c, const struct field_rule *f, const char *path,
    const char *value, struct err *e)
{
	const struct territory *t = catalog_territory(c->catalog);
	size_t len = strlen(value);

	if (value_check(f->kind, path, value, len, e) < 0)
		return -1;
	if (f->kind == VALUE_TEXT && f->max > 0 && len > f->max &&
	    value_chars(value, len) > f->max)
		return too_long(path, value_chars(value, len), f->max, e);
	if (f->vocabulary != NULL &&
	    check_code(c, f->vocabulary, path, value, e) < 0)
		return -1;
	if (f->kind == VALUE_ZONE)
		return territory_check_zone(t, path, value, e);
	if (f->kind == VALUE_COMMUNE && territory_commune(t, value) == NULL)
		return not_current(path, value, e);
	return 0;
}

/* What is refused is looked at again, for words: most is not. */
static void
check_value(struct check *c, const struct field_rule *f, const char *value)
{
	struct err e = { 0 };

	if (try_value(c, f, f->name, value, NULL) == 0)
		return;
	(void)try_value(c, f, path_of(c, f->name), value, &e);
	violations_add(c->out, &e);
}

/* A member leaves such a field empty: put_merge() takes what is stored, then
 * asks whether there is something.  Titles are written by the agency only. */
static bool
left_to_agency(const struct kind_schema *ks, const struct field_rule *f)
{
	return (f->flags & FIELD_AGENCY) != 0 &&
	       ks->kind != RESOPRO__V1__KIND__KIND_STATUS;
}

static void
check_strings(struct check *c, const struct field_rule *f,
    const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	size_t i, n;
	char *const *list;

	if (fd->label != PROTOBUF_C_LABEL_REPEATED) {
		const char *s = schema_text_at(m, fd);

		if (s[0] != '\0')
			check_value(c, f, s);
		else if ((f->flags & FIELD_REQUIRED) != 0 &&
			 !left_to_agency(c->ks, f))
			refuse(c, f->name, "REQUIRED",
			    value_rule(f->kind)->remedy, "is required");
		return;
	}
	n = count_of(m, fd);
	memcpy(&list, member(m, fd), sizeof list);
	for (i = 0; i < n; i++) {
		size_t j;

		check_value(c, f, list[i]);
		for (j = 0; j < i && n <= 200; j++)
			if (strcmp(list[i], list[j]) == 0) {
				refuse(c, f->name, "DUPLICATE",
				    "give each value once",
				    "holds a value twice");
				return;
			}
	}
}

static double
number_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	double d;
	uint32_t u;

	if (fd->type == PROTOBUF_C_TYPE_DOUBLE) {
		memcpy(&d, member(m, fd), sizeof d);
		return d;
	}
	memcpy(&u, member(m, fd), sizeof u);
	return fd->type == PROTOBUF_C_TYPE_ENUM ? (double)(int32_t)u
						: (double)u;
}

static void
check_number(struct check *c, const struct field_rule *f,
    const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	char remedy[96];
	double d = number_at(m, fd);

	if (d >= f->low && d <= f->high)
		return;
	(void)snprintf(remedy, sizeof remedy, "give a number from %g to %g",
	    f->low, f->high);
	refuse(c, f->name, "OUT_OF_RANGE", remedy, "is out of range");
}

static void
check_messages(struct check *c, const struct field_rule *f,
    const ProtobufCMessage *m, const ProtobufCFieldDescriptor *fd)
{
	ProtobufCMessage *const *list;
	size_t i, n = count_of(m, fd);

	memcpy(&list, member(m, fd), sizeof list);
	for (i = 0; i < n; i++) {
		const ProtobufCMessage *item = list[i];
		struct field_rule id = { .name = f->name, .kind = VALUE_ID };
		struct field_rule day = { .name = f->name, .kind = VALUE_DATE };

		if (item->descriptor == &resopro__v1__count__descriptor) {
			const Resopro__V1__Count *count =
			    (const Resopro__V1__Count *)item;
			struct err e = { 0 };

			if (count->people > 1000000)
				refuse(c, f->name, "OUT_OF_RANGE",
				    "give a number from 0 to 1000000",
				    "a count is out of range");
			if (check_code(c, f->vocabulary, path_of(c, f->name),
				count->code, &e) < 0)
				violations_add(c->out, &e);
		} else if (item->descriptor ==
			   &resopro__v1__succession__descriptor) {
			const Resopro__V1__Succession *s =
			    (const Resopro__V1__Succession *)item;

			check_value(c, &id, s->id);
			check_value(c, &day, s->date);
		} else if (item->descriptor ==
			   &resopro__v1__suspension__descriptor) {
			const Resopro__V1__Suspension *s =
			    (const Resopro__V1__Suspension *)item;

			check_value(c, &day, s->from);
			if (s->to[0] != '\0')
				check_value(c, &day, s->to);
			if (s->to[0] != '\0' && strcmp(s->to, s->from) < 0)
				refuse(c, f->name, "DATES",
				    "give a last day on or after the first",
				    "a suspension ends before it starts");
		}
	}
}

static void
check_position(struct check *c, const Resopro__V1__Record *r)
{
	const Resopro__V1__Position *p;

	if (r->body_case != RESOPRO__V1__RECORD__BODY_SITE ||
	    (p = r->site->position) == NULL)
		return;
	if (!(p->latitude >= -90 && p->latitude <= 90 && p->longitude >= -180 &&
		p->longitude <= 180))
		refuse(c, "position", "OUT_OF_RANGE",
		    "give WGS 84 degrees: latitude -90 to 90, longitude "
		    "-180 to 180",
		    "is not a place on Earth");
}

void
violations_warn(struct violations *v, const char *text)
{
	if (v->warned < sizeof v->warnings / sizeof v->warnings[0])
		v->warnings[v->warned++] = text;
}

static void
check_warnings(struct check *c, const Resopro__V1__Record *r)
{
	const char *mail = schema_string(r, "courriel");

	if (mail[0] != '\0' && value_email_looks_personal(mail, strlen(mail)))
		violations_warn(c->out,
		    arena_printf(c->out->arena,
			"%s: looks like a person's mailbox; give a functional one",
			path_of(c, "courriel")));
}

int
schema_check(const struct catalog *catalog, const Resopro__V1__Record *r,
    struct violations *out)
{
	struct check c = { .catalog = catalog,
		.out = out,
		.ks = schema_of(r->kind) };
	const ProtobufCMessage *body = schema_body(r);
	const struct field_rule *f;
	size_t before = out->n;

	if (c.ks == NULL || body == NULL || body->descriptor != c.ks->body) {
		struct err e = { 0 };

		err_set(&e, ERR_INVALID,
		    "record: its kind and body differ, "
		    "or the kind is not served");
		err_field(&e, "record.kind");
		err_reason(&e, "KIND");
		err_remedy(&e, "give a kind and the body of that kind");
		violations_add(out, &e);
		return -1;
	}
	for (f = c.ks->fields; f->name != NULL; f++) {
		const ProtobufCFieldDescriptor *fd = schema_descriptor(c.ks, f);

		if (fd->label == PROTOBUF_C_LABEL_REPEATED && f->max > 0 &&
		    count_of(body, fd) > f->max) {
			refuse(&c, f->name, "TOO_MANY", "give fewer values",
			    "has too many values");
			continue;
		}
		if (fd->type == PROTOBUF_C_TYPE_STRING)
			check_strings(&c, f, body, fd);
		else if (fd->type == PROTOBUF_C_TYPE_MESSAGE &&
			 fd->label == PROTOBUF_C_LABEL_REPEATED)
			check_messages(&c, f, body, fd);
		else if (f->high > f->low)
			check_number(&c, f, body, fd);
	}
	check_position(&c, r);
	check_warnings(&c, r);
	return out->n == before ? 0 : -1;
}

/* ---- differences -------------------------------------------------------- */

/* Each item as text, NULL: no memory.  `len`: of all, separators included. */
static const char **
texts_of_items(struct arena *arena, const ProtobufCMessage *m,
    const ProtobufCFieldDescriptor *fd, size_t *len)
{
	size_t n = count_of(m, fd);
	const char **texts = arena_alloc(arena, (n + 1) * sizeof(*texts));
	ProtobufCMessage *const *items;
	char *const *list;

	memcpy(&list, member(m, fd), sizeof list);
	memcpy(&items, member(m, fd), sizeof items);
	*len = 0;
	for (size_t i = 0; i < n && texts != NULL; i++) {
		if (fd->type == PROTOBUF_C_TYPE_STRING)
			texts[i] = arena_printf(arena, "\"%s\"", list[i]);
		else if (fd->type == PROTOBUF_C_TYPE_MESSAGE)
			texts[i] = schema_text(arena, items[i], NULL);
		else
			texts[i] = "?";
		if (texts[i] == NULL)
			return NULL;
		*len += strlen(texts[i]) + 1;
	}
	return texts;
}

/* Written once: lists have thousands of items. */
static const char *
text_of_list(struct arena *arena, const ProtobufCMessage *m,
    const ProtobufCFieldDescriptor *fd)
{
	size_t n = count_of(m, fd), len;
	const char **texts;
	char *out, *at;

	if (n == 0)
		return "";
	texts = texts_of_items(arena, m, fd, &len);
	out = texts != NULL ? arena_alloc(arena, len + 2) : NULL;
	if (out == NULL)
		return NULL;
	at = out;
	for (size_t i = 0; i < n; i++) {
		size_t one = strlen(texts[i]);

		*at++ = i == 0 ? '[' : ',';
		memcpy(at, texts[i], one);
		at += one;
	}
	*at++ = ']';
	*at = '\0';
	return out;
}

/* "2026-11-02T08:15:30Z" */
static const char *
text_of_time(struct arena *arena, const ProtobufCMessage *m)
{
	int64_t at = ((const Google__Protobuf__Timestamp *)m)->seconds;
	int64_t of_day = at % 86400 - (at % 86400 < 0 ? -86400 : 0);
	char day[DATE_TEXT_SIZE];

	date_format(date_from_days((int32_t)((at - of_day) / 86400)), day);
	return arena_printf(arena, "%sT%02d:%02d:%02dZ", day,
	    (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}

static const char *
text_of_message(struct arena *arena, const ProtobufCMessage *m)
{
	const char *out = "";
	unsigned i, shown = 0;

	for (i = 0; i < m->descriptor->n_fields && out != NULL; i++) {
		const ProtobufCFieldDescriptor *fd = &m->descriptor->fields[i];
		const char *value = schema_text(arena, m, fd);
		const char *quote =
		    fd->type == PROTOBUF_C_TYPE_STRING &&
			    fd->label != PROTOBUF_C_LABEL_REPEATED
			? "\""
			: "";

		if (value == NULL || value[0] == '\0')
			continue;
		out = arena_printf(arena, "%s%s\"%s\":%s%s%s", out,
		    shown++ > 0 ? "," : "", fd->name, quote, value, quote);
	}
	return out != NULL ? arena_printf(arena, "{%s}", out) : NULL;
}

const char *
schema_text(struct arena *arena, const ProtobufCMessage *m,
    const ProtobufCFieldDescriptor *fd)
{
	const ProtobufCEnumValue *ev;
	ProtobufCMessage *sub;
	protobuf_c_boolean b;
	double d;

	if (fd == NULL)
		return text_of_message(arena, m);
	if (fd->label == PROTOBUF_C_LABEL_REPEATED)
		return text_of_list(arena, m, fd);
	switch (fd->type) {
	case PROTOBUF_C_TYPE_STRING:
		return schema_text_at(m, fd);
	case PROTOBUF_C_TYPE_BOOL:
		memcpy(&b, member(m, fd), sizeof b);
		return b ? "true" : "";
	case PROTOBUF_C_TYPE_ENUM:
		d = number_at(m, fd);
		ev = protobuf_c_enum_descriptor_get_value(fd->descriptor,
		    (int)d);
		if (d == 0)
			return "";
		return ev != NULL ? ev->name
				  : arena_printf(arena, "%d", (int)d);
	case PROTOBUF_C_TYPE_MESSAGE:
		memcpy(&sub, member(m, fd), sizeof sub);
		return sub == NULL ? ""
		       : sub->descriptor ==
			       &google__protobuf__timestamp__descriptor
			   ? text_of_time(arena, sub)
			   : text_of_message(arena, sub);
	default:
		d = number_at(m, fd);
		return d == 0 ? "" : arena_printf(arena, "%.15g", d);
	}
}

bool
schema_equal(const ProtobufCMessage *a, const ProtobufCMessage *b,
    const ProtobufCFieldDescriptor *fd)
{
	struct arena *arena = arena_new(8u << 20);
	const char *x, *y;
	bool same;

	if (arena == NULL)
		return false;
	x = schema_text(arena, a, fd);
	y = schema_text(arena, b, fd);
	same = x != NULL && y != NULL && strcmp(x, y) == 0;
	arena_free(arena);
	return same;
}

int
schema_diff(struct arena *arena, const Resopro__V1__Record *before,
    const Resopro__V1__Record *after, change_fn *change, void *arg)
{
	const ProtobufCMessage *a = before != NULL ? schema_body(before) : NULL;
	const ProtobufCMessage *b = after != NULL ? schema_body(after) : NULL;
	const ProtobufCMessageDescriptor *d = b != NULL   ? b->descriptor
					      : a != NULL ? a->descriptor
							  : NULL;
	const struct kind_schema *ks;
	unsigned i;

	if (d == NULL || (a != NULL && b != NULL && a->descriptor != d))
		return 0;
	ks = schema_of(after != NULL ? after->kind : before->kind);
	for (i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *fd = &d->fields[i];
		const char *x = a != NULL ? schema_text(arena, a, fd) : "";
		const char *y = b != NULL ? schema_text(arena, b, fd) : "";
		int rc;

		if (x == NULL || y == NULL)
			return -1;
		if (strcmp(x, y) == 0)
			continue;
		rc = change(ks != NULL ? schema_field(ks, fd->name) : NULL,
		    fd->name, x, y, arg);
		if (rc != 0)
			return rc;
	}
	return 0;
}
