/* mirror_table.c - see mirror_table.h.  Names in SQL are those of .proto files:
 * lower-case letters, digits and underscores. */
#include "mirror_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "kinds.h"

typedef ProtobufCFieldDescriptor field_desc;
typedef ProtobufCMessageDescriptor message_desc;

/* ---- columns -------------------------------------------------------------- */

static bool
is_time(const field_desc *f)
{
	const message_desc *d = f->descriptor;

	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       strcmp(d->name, "google.protobuf.Timestamp") == 0;
}

static bool
is_list(const field_desc *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED;
}

static bool
has_column(const struct mirror_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return true;
	return strcmp(name, "json") == 0 || strcmp(name, "wire") == 0;
}

/* The record's own fields come first and keep their names. */
static int
add(struct mirror_table *t, bool of_body, const field_desc *in,
    const field_desc *f)
{
	struct mirror_column *grown = realloc(t->columns,
				 (t->n + 1) * sizeof *grown),
			     *c;

	if (grown == NULL)
		return -1;
	t->columns = grown;
	c = &grown[t->n];
	*c = (struct mirror_column){ .of_body = of_body, .in = in, .field = f };
	snprintf(c->name, sizeof c->name, "%s%s%s", in != NULL ? in->name : "",
	    in != NULL ? "_" : "", f->name);
	if (has_column(t, c->name))
		snprintf(c->name, sizeof c->name, "%s_%s", t->body->name,
		    f->name);
	t->n++;
	return 0;
}

/* A message in the body has a column for each of its fields. */
static int
add_body_field(struct mirror_table *t, const field_desc *f)
{
	const message_desc *d = f->descriptor;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE || is_list(f) || is_time(f))
		return add(t, true, NULL, f);
	for (unsigned i = 0; i < d->n_fields; i++)
		if (add(t, true, f, &d->fields[i]) != 0)
			return -1;
	return 0;
}

/* What is computed for an answer that tells of now is not in a watch. */
static bool
is_own(const struct mirror_table *t, const field_desc *f)
{
	static const char *const left_out[] = { "deleted", "confirmed_at",
		"freshness", "stale_on" };

	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return false;
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (strcmp(f->name, left_out[i]) == 0)
			return false;
	return strcmp(f->name, "kind") != 0 || t->body == NULL;
}

int
mirror_table_init(struct mirror_table *t, const struct kind *kind)
{
	const message_desc *d = &resopro__v1__record__descriptor;

	*t = (struct mirror_table){ .name = "others" };
	if (kind != NULL) {
		t->name = kind->words[1];
		t->kind = kind->kind;
	}
	for (unsigned i = 0; kind != NULL && i < d->n_fields; i++)
		if (d->fields[i].descriptor == kind->body)
			t->body = &d->fields[i];
	for (unsigned i = 0; i < d->n_fields; i++)
		if (is_own(t, &d->fields[i]) &&
		    add(t, false, NULL, &d->fields[i]) != 0)
			return -1;
	if (t->body == NULL)
		return 0;
	d = t->body->descriptor;
	for (unsigned i = 0; i < d->n_fields; i++)
		if (add_body_field(t, &d->fields[i]) != 0)
			return -1;
	return 0;
}

void
mirror_table_free(struct mirror_table *t)
{
	sqlite3_finalize(t->put);
	sqlite3_finalize(t->remove);
	free(t->columns);
}

/* ---- SQL ------------------------------------------------------------------ */

static const char *
type_of(const field_desc *f)
{
	if (is_list(f))
		return "TEXT";
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_ENUM:
		return "TEXT";
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return "REAL";
	default:
		return "INTEGER";
	}
}

static const char *
key_of(const struct mirror_table *t)
{
	return t->body != NULL ? "id" : "kind, id";
}

char *
mirror_table_describe(const struct mirror_table *t, char *text)
{
	text = sqlite3_mprintf("%z%s:", text, t->name);
	for (size_t i = 0; i < t->n; i++)
		text = sqlite3_mprintf("%z%s,", text, t->columns[i].name);
	return text;
}

/* Takes the text. */
static int
run(sqlite3 *db, char *sql)
{
	int rc = sql != NULL ? sqlite3_exec(db, sql, NULL, NULL, NULL)
			     : SQLITE_NOMEM;

	sqlite3_free(sql);
	return rc;
}

static int
make(const struct mirror_table *t, sqlite3 *db)
{
	char *columns = sqlite3_mprintf("");

	for (size_t i = 0; i < t->n; i++)
		columns = sqlite3_mprintf("%z\"%w\" %s, ", columns,
		    t->columns[i].name, type_of(t->columns[i].field));
	return run(db,
	    sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (%z"
			    "json TEXT NOT NULL, wire BLOB, PRIMARY KEY (%s));"
			    "CREATE INDEX IF NOT EXISTS \"%w_by_revision\" "
			    "ON \"%w\" (revision)",
		t->name, columns, key_of(t), t->name, t->name));
}

/* 1 it has the column, 0, or -1 with *rc. */
static int
is_there(const struct mirror_table *t, sqlite3 *db, const char *column, int *rc)
{
	sqlite3_stmt *s;
	int found = -1;

	*rc = sqlite3_prepare_v2(db,
	    "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2", -1,
	    &s, NULL);
	if (*rc != SQLITE_OK)
		return -1;
	sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, column, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW)
		found = sqlite3_column_int(s, 0) > 0;
	*rc = sqlite3_finalize(s);
	return found;
}

int
mirror_table_grow(const struct mirror_table *t, sqlite3 *db)
{
	int rc = make(t, db);

	for (size_t i = 0; rc == SQLITE_OK && i < t->n; i++) {
		const struct mirror_column *c = &t->columns[i];

		if (is_there(t, db, c->name, &rc) == 0)
			rc = run(db, sqlite3_mprintf("ALTER TABLE \"%w\" "
						     "ADD COLUMN \"%w\" %s",
					 t->name, c->name, type_of(c->field)));
	}
	return rc;
}

static char *
put_sql(const struct mirror_table *t)
{
	char *names = sqlite3_mprintf(""), *marks = sqlite3_mprintf(""), *sql;

	for (size_t i = 0; i < t->n; i++) {
		names =
		    sqlite3_mprintf("%z\"%w\", ", names, t->columns[i].name);
		marks = sqlite3_mprintf("%z?, ", marks);
	}
	sql = sqlite3_mprintf("INSERT OR REPLACE INTO \"%w\" (%z json, wire) "
			      "VALUES (%z ?, ?)",
	    t->name, names, marks);
	return sql;
}

static int
prepare(sqlite3 *db, char *sql, sqlite3_stmt **out)
{
	int rc = SQLITE_NOMEM;

	if (sql != NULL)
		rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT,
		    out, NULL);
	sqlite3_free(sql);
	return rc;
}

int
mirror_table_prepare(struct mirror_table *t, sqlite3 *db)
{
	int rc = prepare(db, put_sql(t), &t->put);

	if (rc != SQLITE_OK)
		return rc;
	return prepare(db,
	    sqlite3_mprintf("DELETE FROM \"%w\" WHERE id = ?1%s", t->name,
		t->body == NULL ? " AND kind = ?2" : ""),
	    &t->remove);
}

/* ---- values ---------------------------------------------------------------- */

static const ProtobufCMessage *
message_of(const ProtobufCMessage *m, const field_desc *f)
{
	const ProtobufCMessage *value;

	if (m == NULL || !json_field_is_set(m, f))
		return NULL;
	memcpy(&value, (const char *)m + f->offset, sizeof value);
	return value;
}

/* As JSON: what has no type of SQL. */
static char *
json_text(const ProtobufCMessage *m, const field_desc *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	json_write_field(out, m, f);
	return fclose(out) == 0 ? text : (free(text), NULL);
}

/* Numbers come as text: the column's type makes them numbers. */
static int
bind(sqlite3_stmt *s, int at, const ProtobufCMessage *m, const field_desc *f)
{
	bool set = m != NULL && json_field_is_set(m, f);
	char *text;

	if (!set && (m == NULL || strcmp(type_of(f), "TEXT") == 0))
		return sqlite3_bind_null(s, at);
	if (!set || f->type == PROTOBUF_C_TYPE_BOOL)
		if (!is_list(f))
			return sqlite3_bind_int(s, at, set);
	if (is_list(f) || (f->type == PROTOBUF_C_TYPE_MESSAGE && !is_time(f)))
		text = json_text(m, f);
	else
		text = json_field_text(m, f, "");
	if (text == NULL)
		return SQLITE_NOMEM;
	return sqlite3_bind_text(s, at, text, -1, free);
}

static bool
has_unknown(const ProtobufCMessage *m)
{
	const message_desc *d = m->descriptor;

	if (m->n_unknown_fields > 0)
		return true;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const field_desc *f = &d->fields[i];
		ProtobufCMessage **list;
		size_t n;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE ||
		    !json_field_is_set(m, f))
			continue;
		if (!is_list(f)) {
			if (has_unknown(message_of(m, f)))
				return true;
			continue;
		}
		memcpy(&n, (const char *)m + f->quantifier_offset, sizeof n);
		memcpy(&list, (const char *)m + f->offset, sizeof list);
		while (n-- > 0)
			if (has_unknown(list[n]))
				return true;
	}
	return false;
}

/* The record as proto3 JSON; with the whole of it where it has more than that
 * can say. */
static char *
record_json(const Resopro__V1__Record *r, const ProtobufCBinaryData *wire)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	json_write(out, &r->base, -1);
	if (wire->data != NULL) {
		/* Over the closing brace: a record has an id at least. */
		fseek(out, -1, SEEK_CUR);
		fputs(",\"@wire\":", out);
		json_write_bytes(out, wire);
		putc('}', out);
	}
	return fclose(out) == 0 ? text : (free(text), NULL);
}

static int
bind_whole(sqlite3_stmt *s, int at, const Resopro__V1__Record *r)
{
	ProtobufCBinaryData wire = { 0, NULL };
	char *json;
	int rc;

	if (has_unknown(&r->base)) {
		wire.len = protobuf_c_message_get_packed_size(&r->base);
		if ((wire.data = malloc(wire.len + 1)) == NULL)
			return SQLITE_NOMEM;
		protobuf_c_message_pack(&r->base, wire.data);
	}
	if ((json = record_json(r, &wire)) == NULL) {
		free(wire.data);
		return SQLITE_NOMEM;
	}
	rc = sqlite3_bind_text(s, at, json, -1, free);
	if (wire.data == NULL)
		return rc == SQLITE_OK ? sqlite3_bind_null(s, at + 1) : rc;
	if (rc != SQLITE_OK) {
		free(wire.data);
		return rc;
	}
	return sqlite3_bind_blob64(s, at + 1, wire.data, wire.len, free);
}

static int
finish(sqlite3_stmt *s, int rc)
{
	int reset;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	reset = sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? reset : rc;
}

int
mirror_table_put(struct mirror_table *t, const Resopro__V1__Record *r)
{
	const ProtobufCMessage *body =
	    t->body != NULL ? message_of(&r->base, t->body) : NULL;
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < t->n; i++) {
		const struct mirror_column *c = &t->columns[i];
		const ProtobufCMessage *m = c->of_body ? body : &r->base;

		if (c->in != NULL)
			m = message_of(m, c->in);
		rc = bind(t->put, (int)i + 1, m, c->field);
	}
	if (rc == SQLITE_OK)
		rc = bind_whole(t->put, (int)t->n + 1, r);
	t->touched = true;
	return finish(t->put, rc);
}

int
mirror_table_remove(struct mirror_table *t, Resopro__V1__Kind kind,
    const char *id)
{
	char name[48];
	int rc = sqlite3_bind_text(t->remove, 1, id, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK && t->body == NULL)
		rc = sqlite3_bind_text(t->remove, 2, kinds_name(kind, name), -1,
		    SQLITE_TRANSIENT);
	t->touched = true;
	return finish(t->remove, rc);
}
