/* mirror_db.c - see mirror_db.h. */
#include "mirror_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "i18n.h"

/* ---- words ----------------------------------------------------------------- */

int
mirror_file_fail(const struct mirror *m, const char *name, struct rsp_error *e)
{
	int cause = errno;
	bool full = cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
	const char *remedy =
	    full ? _("Make room, then pull again: the mirror is as it was.")
		 : _("Check the directory and its permissions.");

	return fault(e, full ? RSP_RESOURCE_EXHAUSTED : RSP_ERR_CONFIG, remedy,
	    "%s%s%s: %s", m->dir, *name != '\0' ? "/" : "", name,
	    strerror(cause));
}

int
mirror_fail(struct mirror *m, int rc, struct rsp_error *e)
{
	int system = m->db != NULL ? sqlite3_system_errno(m->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		errno = ENOSPC;
		return mirror_file_fail(m, "mirror.sqlite", e);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		errno = system != 0 ? system : EIO;
		return mirror_file_fail(m, "mirror.sqlite", e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fault(e, RSP_UNAVAILABLE,
		    _("End the program that writes to it; reading is no "
		      "hindrance."),
		    _("%s is held by another program"), m->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fault(e, RSP_ERR_CONFIG,
		    _("Move it away: the next pull makes it anew."),
		    _("%s is damaged, or no mirror"), m->path);
	case SQLITE_NOMEM:
		return fault(e, RSP_ERR_NOMEM, NULL, "%s", _("out of memory"));
	default:
		return fault(e, RSP_ERR_CONFIG,
		    _("Check the directory and its permissions."), "%s: %s",
		    m->path, sqlite3_errstr(rc));
	}
}

int
mirror_exec(struct mirror *m, const char *sql, struct rsp_error *e)
{
	int rc = sqlite3_exec(m->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

/* ---- what is kept of the mirror itself -------------------------------------- */

/* The first column of the first row, free() it; NULL when there is none. */
int
mirror_ask(struct mirror *m, const char *sql, const char *arg, char **out,
    struct rsp_error *e)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &s, NULL);

	*out = NULL;
	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	if (arg != NULL)
		sqlite3_bind_text(s, 1, arg, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0) != NULL)
		*out = strdup((const char *)sqlite3_column_text(s, 0));
	rc = sqlite3_finalize(s);
	if (rc == SQLITE_OK)
		return 0;
	free(*out);
	*out = NULL;
	return mirror_fail(m, rc, e);
}

int
mirror_ask_number(struct mirror *m, const char *sql, sqlite3_int64 *out,
    struct rsp_error *e)
{
	char *text;

	if (mirror_ask(m, sql, NULL, &text, e) != 0)
		return -1;
	*out = text != NULL ? strtoll(text, NULL, 10) : 0;
	free(text);
	return 0;
}

int
mirror_keep(struct mirror *m, const char *key, const char *value,
    struct rsp_error *e)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(m->db,
	    "INSERT OR REPLACE INTO mirror VALUES (?1, ?2)", -1, &s, NULL);

	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
	(void)sqlite3_step(s);
	rc = sqlite3_finalize(s);
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

int
mirror_kept(struct mirror *m, const char *key, char **value,
    struct rsp_error *e)
{
	return mirror_ask(m, "SELECT value FROM mirror WHERE key = ?1", key,
	    value, e);
}

struct mirror_table *
mirror_table_of(struct mirror *m, Resopro__V1__Kind kind)
{
	for (size_t i = 0; i + 1 < m->n; i++)
		if (m->tables[i].kind == kind)
			return &m->tables[i];
	return &m->tables[m->n - 1];
}
