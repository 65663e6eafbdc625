#include "records_di.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "json.h"

enum where { IN_NOTHING, IN_ARRAY, IN_OBJECT, IN_ENDED };

struct records_di {
	FILE *file;
	const char *organisation_kind; /* or NULL */
	unsigned line;
	enum where where; /* of what stands around the array, or the array */
	bool in_object;   /* the array is a member of an object */
	char section[16]; /* "structures", "services" or "" */
	unsigned index;   /* of the next element */
	/* A structure gives a second record: its site. */
	Resopro__V1__SyncRecord *second;
	unsigned second_line;
};

/* ---- fields ----------------------------------------------------------------- */

static const char *const site_fields[] = { "nom", "siret", "adresse",
	"complement_adresse", "code_postal", "commune", "code_insee",
	"telephone", "courriel", "site_web", "horaires_accueil",
	"accessibilite_lieu", "description", "lien_source", NULL };
static const char *const organisation_fields[] = { "nom", "siret",
	"description", "site_web", "telephone", "courriel", "lien_source",
	"reseaux_porteurs", NULL };
static const char *const offer_fields[] = { "nom", "description", "type",
	"thematiques", "frais", "frais_precisions", "publics",
	"publics_precisions", "conditions_acces", "modes_accueil",
	"zone_eligibilite", "lien_mobilisation", "modes_mobilisation",
	"mobilisable_par", "mobilisation_precisions",
	"volume_horaire_hebdomadaire", "nombre_semaines", "horaires_accueil",
	"telephone", "courriel", "lien_source", NULL };
static const char *const structure_others[] = { "id", "longitude", "latitude",
	"reseaux_porteurs", NULL };
static const char *const service_others[] = { "id", "structure_id", NULL };
/* "_..." and the rest of what an API adds, too. */
static const char *const structure_left_out[] = { "source", "date_maj",
	"adresse_certifiee", "score_qualite", "doublons", "extra", NULL };
static const char *const service_left_out[] = { "source", "date_maj",
	"contact_nom_prenom", "commune", "code_postal", "code_insee", "adresse",
	"complement_adresse", "longitude", "latitude", "adresse_certifiee",
	"score_qualite", "extra", NULL };

static bool
is_in(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

int
records_di_field(bool service, const char *name)
{
	if (is_in(service ? offer_fields : site_fields, name) ||
	    is_in(service ? service_others : structure_others, name))
		return 1;
	if (*name == '_' ||
	    is_in(service ? service_left_out : structure_left_out, name))
		return 0;
	return -1;
}

/* ---- one element ------------------------------------------------------------ */

/* All that are not left out, so that a name that is not known is told. */
static json_t *
body_of(const json_t *from, const char *const *fields, bool service)
{
	json_t *body = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)from, key, value)
	{
		if (is_in(fields, key) || records_di_field(service, key) < 0)
			json_object_set(body, key, value);
	}
	return body;
}

static void
add_position(const json_t *from, json_t *site)
{
	json_t *longitude = json_object_get(from, "longitude");
	json_t *latitude = json_object_get(from, "latitude");

	if (json_is_number(longitude) && json_is_number(latitude))
		json_object_set_new(site, "position",
		    json_pack("{s:O, s:O}", "longitude", longitude, "latitude",
			latitude));
}

/* `sync` is consumed. */
static Resopro__V1__SyncRecord *
read_record(json_t *sync, const struct records_kind *k,
    struct records_problem *p)
{
	struct json_fault f;
	ProtobufCMessage *m =
	    json_read(&resopro__v1__sync_record__descriptor, sync, NULL, 0, &f);
	Resopro__V1__SyncRecord *s = (Resopro__V1__SyncRecord *)m;
	const char *path = f.path, *dot;

	json_decref(sync);
	if (s == NULL) {
		/* "record.site.nom": what the file calls it is the end. */
		if (strncmp(path, "record.", 7) == 0 &&
		    (dot = strchr(path + 7, '.')) != NULL)
			path = dot + 1;
		records_cut(p->field, sizeof p->field, path);
		records_fault(p, f.remedy, "%s", f.msg);
		return NULL;
	}
	s->record->kind = k->kind;
	if (records_finish(s, p) == 0)
		return s;
	records_free(s);
	return NULL;
}

static json_t *
as_sync(const struct records_kind *k, json_t *id, json_t *body)
{
	return json_pack("{s:{s:O, s:o}}", "record", "source_id", id, k->name,
	    body);
}

static Resopro__V1__SyncRecord *
read_organisation(const struct records_di *r, const json_t *v, json_t *id,
    struct records_problem *p)
{
	const struct records_kind *k =
	    records_kind_of(RESOPRO__V1__KIND__KIND_ORGANISATION);
	json_t *body = body_of(v, organisation_fields, false);
	const char *siret = json_string_value(json_object_get(v, "siret"));

	json_object_set_new(body, "kind", json_string(r->organisation_kind));
	if (siret != NULL && strlen(siret) == 14)
		json_object_set_new(body, "siren", json_stringn(siret, 9));
	return read_record(as_sync(k, id, body), k, p);
}

static Resopro__V1__SyncRecord *
read_site(const struct records_di *r, const json_t *v, json_t *id,
    struct records_problem *p)
{
	const struct records_kind *k =
	    records_kind_of(RESOPRO__V1__KIND__KIND_SITE);
	json_t *body = body_of(v, site_fields, false), *sync;

	add_position(v, body);
	sync = as_sync(k, id, body);
	if (r->organisation_kind != NULL)
		json_object_set(sync, "organisation_source_id", id);
	return read_record(sync, k, p);
}

static Resopro__V1__SyncRecord *
read_offer(const struct records_di *r, const json_t *v, json_t *id,
    struct records_problem *p)
{
	const struct records_kind *k =
	    records_kind_of(RESOPRO__V1__KIND__KIND_OFFER);
	json_t *at = json_object_get(v, "structure_id");
	json_t *sync;

	if (!json_is_string(at)) {
		snprintf(p->field, sizeof p->field, "structure_id");
		records_fault(p, _("give the id of its structure"), "%s",
		    _("is missing, or no text"));
		return NULL;
	}
	sync = as_sync(k, id, body_of(v, offer_fields, true));
	json_object_set(sync, "site_source_id", at);
	if (r->organisation_kind != NULL)
		json_object_set(sync, "organisation_source_id", at);
	return read_record(sync, k, p);
}

static int
check_element(const json_t *v, struct records_problem *p)
{
	if (!json_is_object(v))
		return records_fault(p,
		    _("write a structure or a service of data-inclusion v1"),
		    "%s", _("not an object"));
	if (json_object_get(v, "source_id") != NULL ||
	    json_object_get(v, "record") != NULL)
		return records_fault(p,
		    _("write one whole JSON object a line (jq -c '.[]' makes "
		      "it of an array)"),
		    "%s", _("not a record of data-inclusion"));
	if (json_is_string(json_object_get(v, "id")))
		return 0;
	snprintf(p->field, sizeof p->field, "id");
	return records_fault(p,
	    _("give each record your own system's identifier, which never "
	      "changes"),
	    "%s", _("is missing, or no text"));
}

static enum records_got
read_element(struct records_di *r, json_t *v, Resopro__V1__SyncRecord **out,
    struct records_problem *p)
{
	json_t *id = json_object_get(v, "id");
	bool service =
	    strcmp(r->section, "services") == 0 ||
	    (*r->section == '\0' && json_object_get(v, "structure_id") != NULL);

	if (check_element(v, p) != 0)
		return RECORDS_BAD;
	*out = service ? read_offer(r, v, id, p) : read_site(r, v, id, p);
	if (*out == NULL)
		return RECORDS_BAD;
	if (service || r->organisation_kind == NULL)
		return RECORDS_ITEM;
	r->second = *out;
	r->second_line = p->line;
	*out = read_organisation(r, v, id, p);
	if (*out != NULL)
		return RECORDS_ITEM;
	records_free(r->second);
	r->second = NULL;
	return RECORDS_BAD;
}

/* ---- the file --------------------------------------------------------------- */

static int
next_char(struct records_di *r)
{
	int c;

	do {
		c = fgetc(r->file);
		r->line += c == '\n';
	} while (c != EOF && isspace(c));
	return c;
}

static enum records_got
broken(struct records_di *r, struct records_problem *p, const char *what)
{
	r->where = IN_ENDED;
	p->line = r->line;
	records_fault(p, _("Check quotes, commas and brackets there."),
	    _("no JSON: %.150s"), what);
	return RECORDS_FATAL;
}

/* One value; the lines that it takes are counted afterwards. */
static json_t *
load(struct records_di *r, json_error_t *e)
{
	long from = ftell(r->file), to;
	json_t *v = json_loadf(r->file,
	    JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
	    e);

	if (v == NULL) {
		r->line += e->line > 0 ? (unsigned)e->line - 1 : 0;
		return NULL;
	}
	to = ftell(r->file);
	if (from < 0 || to < from || fseek(r->file, from, SEEK_SET) < 0)
		return v;
	for (; from < to; from++)
		r->line += fgetc(r->file) == '\n';
	return v;
}

/* "structures" or "services" and the bracket after it. */
static enum records_got
enter_section(struct records_di *r, struct records_problem *p)
{
	size_t n = 0;
	int c = next_char(r);

	if (c == ',')
		c = next_char(r);
	if (c == '}') {
		r->where = IN_ENDED;
		return RECORDS_END;
	}
	if (c != '"')
		return broken(r, p, "\"");
	while ((c = fgetc(r->file)) != EOF && c != '"' &&
	       n + 1 < sizeof r->section)
		r->section[n++] = (char)c;
	r->section[n] = '\0';
	if (strcmp(r->section, "structures") != 0 &&
	    strcmp(r->section, "services") != 0) {
		broken(r, p, r->section);
		records_cut(p->field, sizeof p->field, r->section);
		records_fault(p, "", "%s",
		    _("only \"structures\" and \"services\" are read here"));
		return RECORDS_FATAL;
	}
	if (next_char(r) != ':' || next_char(r) != '[')
		return broken(r, p, "[");
	r->where = IN_ARRAY;
	r->index = 0;
	return RECORDS_ITEM;
}

static enum records_got
enter(struct records_di *r, struct records_problem *p)
{
	int c = next_char(r);

	if (c == 0xEF && fgetc(r->file) == 0xBB && fgetc(r->file) == 0xBF)
		c = next_char(r);
	r->in_object = c == '{';
	r->where = c == '{' ? IN_OBJECT : IN_ARRAY;
	return c == '{' || c == '[' ? RECORDS_ITEM : broken(r, p, "[");
}

/* 1: *v is the next element; else what next() shall return. */
static enum records_got
next_element(struct records_di *r, json_t **v, struct records_problem *p)
{
	json_error_t e;
	int c = next_char(r);

	*v = NULL;
	if (c == ']') {
		r->where = r->in_object ? IN_OBJECT : IN_ENDED;
		return RECORDS_ITEM;
	}
	if (r->index > 0)
		c = c == ',' ? next_char(r) : EOF;
	if (c == EOF)
		return broken(r, p, ", ]");
	ungetc(c, r->file);
	p->line = r->line;
	if ((*v = load(r, &e)) == NULL)
		return broken(r, p, e.text);
	return RECORDS_ITEM;
}

static enum records_got
advance(struct records_di *r, json_t **v, struct records_problem *p)
{
	enum records_got got = RECORDS_ITEM;

	for (*v = NULL; got == RECORDS_ITEM && *v == NULL;) {
		if (r->where == IN_ENDED)
			return RECORDS_END;
		got = r->where == IN_NOTHING  ? enter(r, p)
		      : r->where == IN_OBJECT ? enter_section(r, p)
					      : next_element(r, v, p);
	}
	return got;
}

enum records_got
records_di_next(struct records_di *r, Resopro__V1__SyncRecord **out,
    unsigned *line, struct records_problem *p)
{
	enum records_got got;
	char field[sizeof p->field];
	json_t *v;

	memset(p, 0, sizeof *p);
	*out = NULL;
	if (r->second != NULL) {
		*out = r->second;
		*line = r->second_line;
		r->second = NULL;
		return RECORDS_ITEM;
	}
	got = advance(r, &v, p);
	if (v == NULL)
		return got;
	*line = p->line;
	got = read_element(r, v, out, p);
	json_decref(v);
	/* The line is its first; which one it is says more. */
	if (got == RECORDS_BAD) {
		snprintf(field, sizeof field, "%s[%u]%s%.40s", r->section,
		    r->index, *p->field == '\0' ? "" : ".", p->field);
		memcpy(p->field, field, sizeof field);
	}
	r->index++;
	return got;
}

bool
records_di_looks_like(FILE *file)
{
	struct records_di r = { .file = file, .line = 1 };
	struct records_problem p;
	bool yes;

	rewind(file);
	yes = enter(&r, &p) == RECORDS_ITEM &&
	      (r.where == IN_ARRAY || enter_section(&r, &p) == RECORDS_ITEM);
	rewind(file);
	return yes;
}

struct records_di *
records_di_open(FILE *file, const char *organisation_kind)
{
	struct records_di *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->file = file;
	r->organisation_kind = organisation_kind;
	r->line = 1;
	return r;
}

void
records_di_close(struct records_di *r)
{
	if (r == NULL)
		return;
	records_free(r->second);
	free(r);
}
