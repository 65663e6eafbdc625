#include "records_jsonl.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "i18n.h"
#include "json.h"
#include "text_lines.h"

struct records_jsonl {
	const struct records_kind *kind; /* or NULL */
	struct text_lines lines;
	bool said_converted, line_waits, ended;
};

struct records_jsonl *
records_jsonl_open(FILE *file, const struct records_kind *kind)
{
	struct records_jsonl *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->kind = kind;
	text_lines_open(&r->lines, file);
	return r;
}

void
records_jsonl_close(struct records_jsonl *r)
{
	if (r == NULL)
		return;
	text_lines_close(&r->lines);
	free(r);
}

/* ---- the four shapes ----------------------------------------------------- */

/* The kind whose body the object holds, or NULL. */
static const struct records_kind *
kind_of_body(const json_t *object)
{
	const struct records_kind *k;

	for (size_t i = 0; (k = records_kind_at(i)) != NULL; i++)
		if (json_is_object(json_object_get(object, k->name)))
			return k;
	return NULL;
}

/* Move the entries that stand beside what they belong to. */
static int
move_keys(json_t *from, json_t *to, const char *const *keys)
{
	int rc = 0;

	for (; *keys != NULL; keys++) {
		json_t *v = json_object_get(from, *keys);

		if (v == NULL)
			continue;
		rc |= json_object_set(to, *keys, v);
		rc |= json_object_del(from, *keys);
	}
	return rc;
}

/* The kind that a word names: "site", "KIND_SITE"; NULL for other words, such
 * as the code of an organisation's kind. */
static const struct records_kind *
kind_of_word(const json_t *v)
{
	const char *word = json_string_value(v);
	const struct records_kind *k;

	if (word == NULL)
		return NULL;
	if (strncasecmp(word, "KIND_", 5) == 0)
		word += 5;
	for (size_t i = 0; (k = records_kind_at(i)) != NULL; i++)
		if (strcasecmp(word, k->name) == 0)
			return k;
	return NULL;
}

static bool
is_gone(const json_t *object)
{
	return json_is_true(json_object_get(object, "retire"));
}

/* The kind of one that is gone, said in its record or beside it. */
static const struct records_kind *
kind_of_gone(const json_t *object)
{
	const json_t *inner = json_object_get(object, "record");
	const struct records_kind *k = kind_of_body(object);

	if (k == NULL && json_is_object(inner))
		k = kind_of_body(inner);
	if (k == NULL && json_is_object(inner))
		k = kind_of_word(json_object_get(inner, "kind"));
	return k != NULL ? k : kind_of_word(json_object_get(object, "kind"));
}

/* Only what names it. */
static json_t *
as_retirement(json_t *object, const struct records_kind *k)
{
	static const char *const keys[] = { "id", "source_id", "sourceId",
		NULL };
	json_t *inner = json_object_get(object, "record");
	json_t *record = json_object(), *sync;

	if (move_keys(json_is_object(inner) ? inner : object, record, keys) !=
	    0) {
		json_decref(record);
		return NULL;
	}
	json_object_set_new(record, "kind", json_string(k->name));
	sync = json_pack("{s:o, s:b}", "record", record, "retire", 1);
	return sync;
}

/* Any shape as a SyncRecord's; a new reference, NULL without memory. */
static json_t *
as_sync_record(json_t *object, const struct records_kind *k)
{
	static const char *const sync_keys[] = { "organisation_source_id",
		"site_source_id", "organisationSourceId", "siteSourceId",
		"retire", NULL };
	static const char *const record_keys[] = { "id", "source_id",
		"sourceId", NULL };
	json_t *sync, *record;
	int rc;

	if (is_gone(object))
		return as_retirement(object, k);
	if (json_is_object(json_object_get(object, "record")))
		return json_incref(object);
	sync = json_object();
	rc = move_keys(object, sync, sync_keys);
	if (kind_of_body(object) != NULL)
		record = json_incref(object);
	else {
		record = json_object();
		rc |= move_keys(object, record, record_keys);
		rc |= json_object_set(record, k->name, object);
	}
	rc |= json_object_set_new(sync, "record", record);
	if (rc == 0)
		return sync;
	json_decref(sync);
	return NULL;
}

/* "record.site.nom" is "nom" to whoever wrote the line. */
static const char *
short_path(const char *path)
{
	const struct records_kind *k;

	if (strncmp(path, "record.", 7) == 0)
		path += 7;
	for (size_t i = 0; (k = records_kind_at(i)) != NULL; i++) {
		size_t n = strlen(k->name);

		if (strncmp(path, k->name, n) == 0 && path[n] == '.')
			return path + n + 1;
	}
	return path;
}

static int
check_kind(struct records_jsonl *r, const json_t *object,
    struct records_problem *p)
{
	const json_t *inner = json_object_get(object, "record");
	bool gone = is_gone(object);
	const struct records_kind *said =
	    gone ? kind_of_gone(object)
		 : kind_of_body(json_is_object(inner) ? inner : object);

	if (said == NULL && gone && r->kind == NULL)
		return records_fault(p,
		    _("add \"kind\": \"organisation\", \"site\", \"offer\" "
		      "or \"status\", or give --kind"),
		    "%s", _("the kind of this record is not known"));
	if (said == NULL && !gone && (r->kind == NULL || json_is_object(inner)))
		return records_fault(p,
		    _("put its fields under \"organisation\", \"site\", "
		      "\"offer\" or \"status\", or give --kind"),
		    "%s", _("the kind of this record is not known"));
	if (said != NULL && r->kind != NULL && said != r->kind) {
		records_fault(p, "", _("this record is one of the %s"),
		    _(said->title));
		snprintf(p->remedy, sizeof p->remedy,
		    _("this file holds %s: move the record to another"),
		    _(r->kind->title));
		return -1;
	}
	return 0;
}

static Resopro__V1__SyncRecord *
read_object(struct records_jsonl *r, json_t *object, struct records_problem *p)
{
	const struct records_kind *k;
	struct json_fault f;
	ProtobufCMessage *m = NULL;
	json_t *sync;

	if (check_kind(r, object, p) != 0)
		return NULL;
	k = is_gone(object) ? kind_of_gone(object) : NULL;
	sync = as_sync_record(object, k != NULL ? k : r->kind);
	if (sync == NULL) {
		records_fault(p, "", "%s", _("out of memory"));
		return NULL;
	}
	m = json_read(&resopro__v1__sync_record__descriptor, sync, NULL, 0, &f);
	if (m == NULL) {
		records_cut(p->field, sizeof p->field, short_path(f.path));
		records_fault(p, f.remedy, "%s", f.msg);
	}
	json_decref(sync);
	return (Resopro__V1__SyncRecord *)m;
}

/* The kind is the body's; what else "kind" may say is of no use. */
static void
set_kind(Resopro__V1__Record *r)
{
	const struct records_kind *k;

	for (size_t i = 0; (k = records_kind_at(i)) != NULL; i++)
		if (protobuf_c_message_descriptor_get_field_by_name(
			r->base.descriptor, k->name)
			->id == r->body_case)
			r->kind = k->kind;
}

static enum records_got
read_line(struct records_jsonl *r, Resopro__V1__SyncRecord **out,
    struct records_problem *p)
{
	json_error_t e;
	json_t *v =
	    json_loadb(r->lines.line, r->lines.len, JSON_REJECT_DUPLICATES, &e);
	Resopro__V1__SyncRecord *s = NULL;

	p->line = r->lines.number;
	if (v == NULL) {
		p->column = e.column > 0 ? (unsigned)e.column : 0;
		records_fault(p,
		    _("write one whole JSON object a line (jq -c '.[]' makes "
		      "it of an array)"),
		    _("no JSON: %.150s"), e.text);
	} else if (!json_is_object(v)) {
		records_fault(p,
		    _("write one JSON object a line (jq -c '.[]' makes it of "
		      "an array)"),
		    "%s", _("not an object"));
	} else {
		s = read_object(r, v, p);
	}
	json_decref(v);
	if (s != NULL)
		set_kind(s->record);
	if (s == NULL || records_finish(s, p) != 0) {
		records_free(s);
		return RECORDS_BAD;
	}
	*out = s;
	return RECORDS_ITEM;
}

/* ---- lines --------------------------------------------------------------- */

static enum records_got
next_line(struct records_jsonl *r, struct records_problem *p)
{
	enum text_got got;

	do
		got = text_lines_next(&r->lines);
	while (got == TEXT_LINE &&
	       r->lines.line[strspn(r->lines.line, " \t\n")] == '\0');
	if (got == TEXT_LINE)
		return RECORDS_ITEM;
	r->ended = true;
	if (got == TEXT_END)
		return RECORDS_END;
	text_lines_problem(got, p->msg, sizeof p->msg, p->remedy,
	    sizeof p->remedy);
	p->line = r->lines.number;
	return RECORDS_FATAL;
}

enum records_got
records_jsonl_next(struct records_jsonl *r, Resopro__V1__SyncRecord **out,
    unsigned *line, struct records_problem *p)
{
	*out = NULL;
	memset(p, 0, sizeof *p);
	if (r->ended)
		return RECORDS_END;
	if (!r->line_waits) {
		enum records_got got = next_line(r, p);

		if (got != RECORDS_ITEM)
			return got;
	}
	r->line_waits = false;
	*line = r->lines.number;
	if (r->lines.converted && !r->said_converted) {
		r->said_converted = r->line_waits = true;
		p->line = *line;
		records_fault(p, "", "%s",
		    _("not UTF-8 from here on: read as Windows-1252; have a "
		      "look at the accents"));
		return RECORDS_REMARK;
	}
	return read_line(r, out, p);
}
