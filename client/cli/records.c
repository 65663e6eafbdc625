#include "records.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "closest.h"
#include "i18n.h"
#include "json.h"
#include "records.h"

typedef ProtobufCFieldDescriptor field_desc;
typedef ProtobufCMessageDescriptor message_desc;

static const char *const organisation_stems[] = { "organisations",
	"organisation", "organismes", "structures", NULL };
static const char *const site_stems[] = { "sites", "site", "lieux", NULL };
static const char *const offer_stems[] = { "offers", "offer", "offres",
	"prestations", "services", NULL };
static const char *const status_stems[] = { "statuses", "status", "statuts",
	"titles", "titres", NULL };

static const struct records_kind kinds[] = {
	{ RESOPRO__V1__KIND__KIND_ORGANISATION, "organisation",
	    N_("organisations"), organisation_stems,
	    &resopro__v1__organisation__descriptor },
	{ RESOPRO__V1__KIND__KIND_SITE, "site", N_("sites"), site_stems,
	    &resopro__v1__site__descriptor },
	{ RESOPRO__V1__KIND__KIND_OFFER, "offer", N_("offers"), offer_stems,
	    &resopro__v1__offer__descriptor },
	{ RESOPRO__V1__KIND__KIND_STATUS, "status", N_("statuses"),
	    status_stems, &resopro__v1__status__descriptor },
};

/* Headings that are met in practice, folded.  "" means: known, not kept. */
static const struct alias {
	const char *heading, *field;
} aliases[] = {
	{ "name", "nom" },
	{ "nom_officiel", "nom" },
	{ "intitule", "nom" },
	{ "acronym", "sigle" },
	{ "address", "adresse" },
	{ "adresse_postale", "adresse" },
	{ "address_complement", "complement_adresse" },
	{ "postal_code", "code_postal" },
	{ "cp", "code_postal" },
	{ "ville", "commune" },
	{ "city", "commune" },
	{ "code_commune", "code_insee" },
	{ "insee", "code_insee" },
	{ "url", "site_web" },
	{ "site_internet", "site_web" },
	{ "website", "site_web" },
	{ "phone", "telephone" },
	{ "tel", "telephone" },
	{ "email", "courriel" },
	{ "e_mail", "courriel" },
	{ "mail", "courriel" },
	{ "horaires", "horaires_accueil" },
	{ "opening_hours", "horaires_accueil" },
	{ "accessibilite", "accessibilite_lieu" },
	{ "lat", "latitude" },
	{ "lon", "longitude" },
	{ "lng", "longitude" },
	{ "structure_id", "organisation_source_id" },
	{ "organisation", "organisation_source_id" },
	{ "site", "site_source_id" },
	{ "lieu_id", "site_source_id" },
	{ "retirer", "retire" },
	{ "supprimer", "retire" },
	{ "supprime", "retire" },
	{ "deleted", "retire" },
	{ "identifiant", "source_id" },
	{ "identifier", "source_id" },
	{ "departement", "" }, /* computed from the commune */
	{ "certainty", "" },   /* of whoever made the file */
	{ "date_maj", "" },    /* the register has its own */
	{ "owner", "" },       /* of the whole set, as is the source */
	{ "source", "" },
	{ "version", "" }, /* these are set by the register */
	{ "revision", "" },
	{ "created_at", "" },
	{ "updated_at", "" },
	{ "confirmed_at", "" },
	{ "freshness", "" },
	{ "stale_on", "" },
};

const struct records_kind *
records_kind_at(size_t i)
{
	return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL;
}

const struct records_kind *
records_kind_of(Resopro__V1__Kind kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

/* Is `stem` a whole word of the name ("2026-sites.csv")? */
static bool
has_word(const char *name, const char *stem)
{
	size_t n = strlen(stem);

	for (const char *p = name; (p = strcasestr(p, stem)) != NULL; p++)
		if ((p == name || !isalpha((unsigned char)p[-1])) &&
		    !isalpha((unsigned char)p[n]))
			return true;
	return false;
}

const struct records_kind *
records_kind_of_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (const char *const *s = kinds[i].stems; *s != NULL; s++)
			if (has_word(name, *s))
				return &kinds[i];
	return NULL;
}

int
records_fault(struct records_problem *p, const char *remedy, const char *fmt,
    ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->msg, sizeof p->msg, fmt, ap);
	va_end(ap);
	snprintf(p->remedy, sizeof p->remedy, "%s", remedy);
	return -1;
}

/* ---- headings ------------------------------------------------------------ */

/* "Code Postal " -> "code_postal", "Téléphone" -> "telephone". */
static void
fold_heading(const char *heading, char *out, size_t size)
{
	utf8proc_uint8_t *folded = NULL;
	size_t n = 0;

	utf8proc_map((const utf8proc_uint8_t *)heading, 0, &folded,
	    UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE |
		UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD);
	out[0] = '\0';
	if (folded == NULL)
		return;
	for (const unsigned char *p = folded; *p != '\0' && n + 1 < size; p++) {
		bool plain = *p >= 0x80 || isalnum(*p) || *p == '.';

		if (plain)
			out[n++] = (char)*p;
		else if (n > 0 && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n > 0 && out[n - 1] == '_')
		n--;
	out[n] = '\0';
	free(folded);
}

static const field_desc *
field_of(const message_desc *d, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(d, name);
}

/* What the register sets, or the stream does, is no column. */
static const field_desc *
record_field(const char *name)
{
	if (strcmp(name, "id") != 0 && strcmp(name, "source_id") != 0)
		return NULL;
	return field_of(&resopro__v1__record__descriptor, name);
}

static const field_desc *
sync_field(const char *name)
{
	return strcmp(name, "record") == 0
		   ? NULL
		   : field_of(&resopro__v1__sync_record__descriptor, name);
}

static bool
is_reference_to_itself(const struct records_kind *k, const char *name)
{
	return k->kind == RESOPRO__V1__KIND__KIND_ORGANISATION &&
	       strcmp(name, "retire") != 0 && sync_field(name) != NULL;
}

static bool
find_column(const struct records_kind *k, const char *name,
    struct records_column *c)
{
	const field_desc *position = field_of(k->body, "position");

	if (strncmp(name, "position.", 9) == 0)
		name += 9;
	if ((c->field = record_field(name)) != NULL)
		c->place = PLACE_RECORD;
	else if ((c->field = field_of(k->body, name)) != NULL)
		c->place = PLACE_BODY;
	else if (!is_reference_to_itself(k, name) &&
		 (c->field = sync_field(name)) != NULL)
		c->place = PLACE_SYNC;
	else if (position != NULL &&
		 (c->field = field_of(&resopro__v1__position__descriptor,
		      name)) != NULL)
		c->place = PLACE_POSITION;
	return c->field != NULL;
}

/* A column of some other kind of record: not an error, but said. */
static bool
known_elsewhere(const char *name)
{
	struct records_column c = { 0 };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (find_column(&kinds[i], name, &c))
			return true;
	return *name == '\0';
}

static int
unknown_column(const struct records_kind *k, const char *name,
    const char *heading, struct records_problem *p)
{
	struct closest c = { .word = name };

	for (unsigned i = 0; i < k->body->n_fields; i++)
		closest_try(&c, k->body->fields[i].name);
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		closest_try(&c, aliases[i].heading);
	closest_try(&c, "source_id");
	closest_try(&c, "organisation_source_id");
	if (c.best == NULL)
		return records_fault(p,
		    _("remove the column; “resopro list KIND --output csv” "
		      "shows those that there are"),
		    _("unknown column \"%.60s\""), heading);
	records_fault(p, "", _("unknown column \"%.60s\""), heading);
	snprintf(p->remedy, sizeof p->remedy,
	    _("did you mean \"%s\"? Else remove the column"), c.best);
	return -1;
}

int
records_column(const struct records_kind *k, const char *heading,
    struct records_column *c, struct records_problem *p)
{
	char folded[64];
	const char *name = folded;

	fold_heading(heading, folded, sizeof folded);
	*c = (struct records_column){ .place = PLACE_NOWHERE };
	if (find_column(k, name, c))
		return 0;
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].heading, name) == 0)
			name = aliases[i].field;
	if (find_column(k, name, c) || known_elsewhere(name))
		return 0;
	return unknown_column(k, folded, heading, p);
}

/* ---- records ------------------------------------------------------------- */

static ProtobufCMessage *
new_message(const message_desc *d)
{
	ProtobufCMessage *m = malloc(d->sizeof_message);

	if (m != NULL)
		protobuf_c_message_init(d, m);
	return m;
}

static void *
member(ProtobufCMessage *m, const field_desc *f)
{
	return (char *)m + f->offset;
}

static void *
quantifier(ProtobufCMessage *m, const field_desc *f)
{
	return (char *)m + f->quantifier_offset;
}

static ProtobufCMessage *
submessage(ProtobufCMessage *m, const field_desc *f)
{
	ProtobufCMessage *sub;

	memcpy(&sub, member(m, f), sizeof sub);
	return sub;
}

static void
set_submessage(ProtobufCMessage *m, const field_desc *f, ProtobufCMessage *sub)
{
	memcpy(member(m, f), &sub, sizeof sub);
}

/* The field of Record that holds the body, and says so in its case. */
static const field_desc *
body_field(const char *name)
{
	return field_of(&resopro__v1__record__descriptor, name);
}

static int
put_body(Resopro__V1__Record *r, const struct records_kind *k)
{
	const field_desc *f = body_field(k->name);
	ProtobufCMessage *body = new_message(k->body);
	int number = (int)f->id;

	if (body == NULL)
		return -1;
	set_submessage(&r->base, f, body);
	memcpy(quantifier(&r->base, f), &number, sizeof number);
	r->kind = k->kind;
	return 0;
}

Resopro__V1__SyncRecord *
records_new(const struct records_kind *k)
{
	ProtobufCMessage *s =
	    new_message(&resopro__v1__sync_record__descriptor);
	ProtobufCMessage *r = new_message(&resopro__v1__record__descriptor);
	Resopro__V1__SyncRecord *sync = (Resopro__V1__SyncRecord *)s;

	if (s == NULL || r == NULL || put_body((Resopro__V1__Record *)r, k)) {
		free(s);
		free(r);
		return NULL;
	}
	sync->record = (Resopro__V1__Record *)r;
	return sync;
}

void
records_free(Resopro__V1__SyncRecord *s)
{
	if (s != NULL)
		protobuf_c_message_free_unpacked(&s->base, NULL);
}

/* ---- cells --------------------------------------------------------------- */

static int
no_memory(struct records_problem *p)
{
	return records_fault(p, "", "%s", _("out of memory"));
}

/* "1,30005E+13": the spreadsheet has rounded a long number for good. */
static bool
is_rounded(const char *s)
{
	const char *p = s + strspn(s, "0123456789");

	if (p == s || (*p != ',' && *p != '.'))
		return false;
	p++;
	p += strspn(p, "0123456789");
	return (p[0] == 'E' || p[0] == 'e') && p[1] == '+' &&
	       isdigit((unsigned char)p[2]) &&
	       p[2 + strspn(p + 2, "0123456789")] == '\0';
}

static int
set_string(void *at, const char *text, size_t len, struct records_problem *p)
{
	char *copy = strndup(text, len);

	if (copy == NULL)
		return no_memory(p);
	memcpy(at, &copy, sizeof copy);
	return 0;
}

/* NaN and infinity have no place in a register: strtod takes them, we not. */
static int
set_double(void *at, const char *text, struct records_problem *p)
{
	char plain[64], *end, *comma;
	double v;

	snprintf(plain, sizeof plain, "%s", text);
	comma = strchr(plain, ',');
	if (comma != NULL)
		*comma = '.';
	v = strtod(plain, &end);
	if (*plain == '\0' || *end != '\0' || strlen(text) >= sizeof plain ||
	    plain[strspn(plain, "+-.0123456789eE")] != '\0' || !isfinite(v))
		return records_fault(p, _("write it as 49.1829 or 49,1829"),
		    "%s", _("not a number"));
	memcpy(at, &v, sizeof v);
	return 0;
}

static int
set_uint32(void *at, const char *text, struct records_problem *p)
{
	unsigned long long v;
	uint32_t narrow;

	errno = 0;
	v = strtoull(text, NULL, 10);
	if (text[strspn(text, "0123456789")] != '\0' || errno != 0 ||
	    v > UINT32_MAX)
		return records_fault(p, _("write digits only, as in 12"), "%s",
		    _("not a whole number"));
	narrow = (uint32_t)v;
	memcpy(at, &narrow, sizeof narrow);
	return 0;
}

static int
set_bool(void *at, const char *text, struct records_problem *p)
{
	static const char *const yes[] = { "oui", "true", "vrai", "yes", "1",
		"o", "x", NULL };
	static const char *const no[] = { "non", "false", "faux", "no", "0",
		"n", NULL };
	protobuf_c_boolean v = -1;

	for (size_t i = 0; yes[i] != NULL; i++)
		if (strcasecmp(text, yes[i]) == 0)
			v = 1;
	for (size_t i = 0; no[i] != NULL; i++)
		if (strcasecmp(text, no[i]) == 0)
			v = 0;
	if (v < 0)
		return records_fault(p, _("write oui or non"), "%s",
		    _("neither yes nor no"));
	memcpy(at, &v, sizeof v);
	return 0;
}

static int
set_value(const field_desc *f, void *at, const char *text,
    struct records_problem *p)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (is_rounded(text))
			return records_fault(p,
			    _("make the column a text column and enter the "
			      "digits again"),
			    "%s", _("a spreadsheet has rounded this number"));
		return set_string(at, text, strlen(text), p);
	case PROTOBUF_C_TYPE_DOUBLE:
		return set_double(at, text, p);
	case PROTOBUF_C_TYPE_UINT32:
		return set_uint32(at, text, p);
	case PROTOBUF_C_TYPE_BOOL:
		return set_bool(at, text, p);
	default:
		return records_fault(p, _("send this record as JSON lines"),
		    "%s", _("this field does not fit in a cell"));
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next of the objects apart by '|'; *cell moves past it. */
static ProtobufCMessage *
next_message(const field_desc *f, const char **cell, struct records_problem *p)
{
	struct json_fault why = { 0 };
	json_error_t e;
	json_t *v = json_loads(*cell, JSON_DISABLE_EOF_CHECK, &e);
	ProtobufCMessage *m =
	    v == NULL ? NULL : json_read(f->descriptor, v, NULL, 0, &why);

	json_decref(v);
	if (v == NULL)
		records_fault(p,
		    _("write objects, as in {\"id\": \"...\"}, "
		      "apart by |"),
		    _("no JSON: %.150s"), e.text);
	else if (m == NULL)
		records_fault(p, why.remedy, "%s: %s", why.path, why.msg);
	else
		*cell += e.position;
	while (is_blank(**cell))
		(*cell)++;
	return m;
}

/* Successions and suspensions: JSON objects, as `list --output csv` writes. */
static int
set_messages(ProtobufCMessage *m, const field_desc *f, const char *cell,
    struct records_problem *p)
{
	size_t room = strlen(cell) / 2 + 1, n = 0;
	ProtobufCMessage **list = calloc(room, sizeof *list);
	int rc = list == NULL ? no_memory(p) : 0;

	while (rc == 0) {
		list[n] = next_message(f, &cell, p);
		if (list[n] == NULL)
			rc = -1;
		else if (*cell != '\0' && *cell != '|')
			rc = records_fault(p, _("put a | between the objects"),
			    "%s", _("something after the object"));
		n += list[n] != NULL;
		if (rc != 0 || *cell == '\0')
			break;
		cell++;
	}
	memcpy(member(m, f), &list, sizeof list);
	memcpy(quantifier(m, f), &n, sizeof n);
	return rc;
}

/* Room for every entry is made first: a list is set whole or not at all. */
static int
set_list(ProtobufCMessage *m, const field_desc *f, const char *cell,
    struct records_problem *p)
{
	size_t room = 1, n = 0;
	char **list;
	int rc = 0;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return set_messages(m, f, cell, p);
	for (const char *c = cell; *c != '\0'; c++)
		room += *c == '|';
	list = calloc(room, sizeof *list);
	if (list == NULL)
		return no_memory(p);
	for (const char *c = cell; rc == 0; c++) {
		size_t len;

		while (is_blank(*c))
			c++;
		len = strcspn(c, "|");
		const char *next = c + len;

		while (len > 0 && is_blank(c[len - 1]))
			len--;
		if (len > 0)
			rc = set_string(&list[n++], c, len, p);
		if (*next == '\0')
			break;
		c = next;
	}
	memcpy(member(m, f), &list, sizeof list);
	memcpy(quantifier(m, f), &n, sizeof n);
	return rc;
}

static ProtobufCMessage *
position_of(Resopro__V1__SyncRecord *s)
{
	const struct records_kind *k = records_kind_of(s->record->kind);
	ProtobufCMessage *body =
	    submessage(&s->record->base, body_field(k->name));
	const field_desc *f = field_of(k->body, "position");

	if (submessage(body, f) == NULL)
		set_submessage(body, f,
		    new_message(&resopro__v1__position__descriptor));
	return submessage(body, f);
}

static ProtobufCMessage *
target(Resopro__V1__SyncRecord *s, enum records_place place)
{
	const struct records_kind *k = records_kind_of(s->record->kind);

	switch (place) {
	case PLACE_SYNC:
		return &s->base;
	case PLACE_RECORD:
		return &s->record->base;
	case PLACE_POSITION:
		return position_of(s);
	default:
		return submessage(&s->record->base, body_field(k->name));
	}
}

/* Lists are allocated, texts not empty, once they were set. */
static bool
is_set(const field_desc *f, const void *at)
{
	const char *p;

	if (f->label != PROTOBUF_C_LABEL_REPEATED &&
	    f->type != PROTOBUF_C_TYPE_STRING)
		return false;
	memcpy(&p, at, sizeof p);
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return p != NULL;
	return p != NULL && *p != '\0';
}

void
records_cut(char *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
			n--;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

int
records_set(Resopro__V1__SyncRecord *s, const struct records_column *c,
    const char *cell, struct records_problem *p)
{
	ProtobufCMessage *m;
	size_t len;
	char *text;
	int rc;

	while (is_blank(*cell))
		cell++;
	len = strlen(cell);
	while (len > 0 && is_blank(cell[len - 1]))
		len--;
	if (len == 0 || c->place == PLACE_NOWHERE)
		return 0;
	m = target(s, c->place);
	text = strndup(cell, len);
	if (m == NULL || text == NULL) {
		free(text);
		return no_memory(p);
	}
	if (is_set(c->field, member(m, c->field)))
		rc = records_fault(p, _("keep one of the two columns"), "%s",
		    _("this field is given by two columns"));
	else if (c->field->label == PROTOBUF_C_LABEL_REPEATED)
		rc = set_list(m, c->field, text, p);
	else
		rc = set_value(c->field, member(m, c->field), text, p);
	if (rc != 0)
		records_cut(p->value, sizeof p->value, text);
	free(text);
	return rc;
}

int
records_finish(Resopro__V1__SyncRecord *s, struct records_problem *p)
{
	Resopro__V1__Record *r = s->record;

	if (*r->source_id == '\0' && *r->id == '\0')
		return records_fault(p,
		    _("give each record your own system's identifier, which "
		      "never changes"),
		    "%s", _("no source_id"));
	if (*r->source_id == '\0')
		return set_string(&r->source_id, r->id, strlen(r->id), p);
	return 0;
}
