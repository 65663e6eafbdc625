/* mirror_grow.c - a mirror's tables, as the messages of this program have them:
 * see mirror.h. */
#include <resopro/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "mirror_db.h"

/* A record that an earlier version did not know all of. */
static int
reread(struct mirror *m, struct mirror_table *from, const void *wire, int len,
    struct rsp_error *e)
{
	Resopro__V1__Record *r = (Resopro__V1__Record *)
	    rsp_message_unpack(&resopro__v1__record__descriptor, wire,
		(size_t)len, e);
	int rc = 0;

	if (r == NULL)
		return -1;
	if (from != mirror_table_of(m, r->kind))
		rc = mirror_table_remove(from, r->kind, r->id);
	if (rc == SQLITE_OK)
		rc = mirror_table_put(mirror_table_of(m, r->kind), r);
	rsp_message_free(&r->base);
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

static int
reread_table(struct mirror *m, struct mirror_table *t, struct rsp_error *e)
{
	/* What is put comes after the last row: it is not met again. */
	char *sql = sqlite3_mprintf("SELECT wire FROM \"%w\" WHERE wire "
				    "IS NOT NULL AND rowid <= "
				    "(SELECT max(rowid) FROM \"%w\")",
	    t->name, t->name);
	sqlite3_stmt *s = NULL;
	int rc = SQLITE_NOMEM, failed = 0;

	if (sql != NULL)
		rc = sqlite3_prepare_v2(m->db, sql, -1, &s, NULL);
	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	while (failed == 0 && sqlite3_step(s) == SQLITE_ROW)
		failed = reread(m, t, sqlite3_column_blob(s, 0),
		    sqlite3_column_bytes(s, 0), e);
	rc = sqlite3_finalize(s);
	if (failed != 0)
		return -1;
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

static int
prepare(struct mirror *m, struct rsp_error *e)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < m->n; i++)
		rc = mirror_table_prepare(&m->tables[i], m->db);
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

/* Tables and columns that this program knows and the mirror has not. */
static int
grow(struct mirror *m, bool fresh, struct rsp_error *e)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < m->n; i++)
		rc = mirror_table_grow(&m->tables[i], m->db);
	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	if (prepare(m, e) != 0)
		return -1;
	for (size_t i = 0; !fresh && i < m->n; i++)
		if (reread_table(m, &m->tables[i], e) != 0)
			return -1;
	return 0;
}

static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS mirror (key TEXT PRIMARY KEY, value TEXT);"
    "CREATE TABLE IF NOT EXISTS mirror_files "
    "(name TEXT PRIMARY KEY, changes INTEGER, written INTEGER);"
    "PRAGMA user_version = 1"; /* MIRROR_FORMAT */

static int
grow_and_note(struct mirror *m, const char *schema, bool fresh,
    struct rsp_error *e)
{
	char id[48];

	snprintf(id, sizeof id, "PRAGMA application_id = %d",
	    MIRROR_APPLICATION_ID);
	return mirror_exec(m, id, e) != 0 ||
		       mirror_exec(m, own_tables, e) != 0 ||
		       grow(m, fresh, e) != 0 ||
		       mirror_keep(m, "schema", schema, e) != 0
		   ? -1
		   : 0;
}

/* All in one step: a reader sees the columns and what is in them at once. */
static int
grow_at_once(struct mirror *m, const char *schema, bool fresh,
    struct rsp_error *e)
{
	if (mirror_begin(m, e) != 0)
		return -1;
	if (grow_and_note(m, schema, fresh, e) == 0 && mirror_end(m, e) == 0)
		return 0;
	mirror_drop(m);
	return -1;
}

int
mirror_grow(struct mirror *m, struct rsp_error *e)
{
	char *schema = sqlite3_mprintf(""), *before = NULL;
	sqlite3_int64 format;
	int rc;

	for (size_t i = 0; i < m->n; i++)
		schema = mirror_table_describe(&m->tables[i], schema);
	if (schema == NULL)
		return mirror_fail(m, SQLITE_NOMEM, e);
	rc = mirror_ask_number(m, "PRAGMA user_version", &format, e);
	if (rc == 0 && format > 0)
		rc = mirror_kept(m, "schema", &before, e);
	if (rc == 0)
		rc = before != NULL && strcmp(before, schema) == 0
			 ? prepare(m, e)
			 : grow_at_once(m, schema, before == NULL, e);
	free(before);
	sqlite3_free(schema);
	return rc;
}
