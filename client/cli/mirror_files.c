/* mirror_files.c - see mirror.h: the files of JSON lines beside the database.
 * The database counts the changes of each table and knows how many of them the
 * file has: after a crash the files that are behind are written again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "i18n.h"
#include "mirror_db.h"

enum { NAME_MAX_BYTES = 64 };

static void
name_of(const struct mirror_table *t, char out[NAME_MAX_BYTES])
{
	snprintf(out, NAME_MAX_BYTES, "%s.jsonl", t->name);
}

static bool
is_old(const struct mirror *m, const struct mirror_table *t)
{
	char name[NAME_MAX_BYTES];
	struct stat st;

	name_of(t, name);
	return t->now != t->written || fstatat(m->dir_fd, name, &st, 0) != 0 ||
	       !S_ISREG(st.st_mode);
}

bool
mirror_files_are_old(const struct mirror *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (is_old(m, &m->tables[i]))
			return true;
	return false;
}

/* ---- how many changes they have -------------------------------------------- */

static int
look(struct mirror *m, struct mirror_table *t, struct rsp_error *e)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(m->db,
	    "SELECT changes, written FROM mirror_files WHERE name = ?1", -1, &s,
	    NULL);

	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW) {
		t->now = sqlite3_column_int64(s, 0);
		t->written = sqlite3_column_int64(s, 1);
	}
	rc = sqlite3_finalize(s);
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

int
mirror_files_look(struct mirror *m, struct rsp_error *e)
{
	for (size_t i = 0; i < m->n; i++)
		if (look(m, &m->tables[i], e) != 0)
			return -1;
	return 0;
}

static int
note(struct mirror *m, const struct mirror_table *t, sqlite3_int64 changes,
    sqlite3_int64 written, struct rsp_error *e)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(m->db,
	    "INSERT OR REPLACE INTO mirror_files VALUES (?1, ?2, ?3)", -1, &s,
	    NULL);

	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, changes);
	sqlite3_bind_int64(s, 3, written);
	(void)sqlite3_step(s);
	rc = sqlite3_finalize(s);
	return rc == SQLITE_OK ? 0 : mirror_fail(m, rc, e);
}

int
mirror_files_note(struct mirror *m, struct rsp_error *e)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct mirror_table *t = &m->tables[i];

		if (t->touched && note(m, t, t->now + 1, t->written, e) != 0)
			return -1;
	}
	return 0;
}

void
mirror_files_noted(struct mirror *m)
{
	for (size_t i = 0; i < m->n; i++) {
		m->tables[i].now += m->tables[i].touched;
		m->tables[i].touched = false;
	}
}

/* ---- writing ----------------------------------------------------------------- */

static int
write_rows(struct mirror *m, const struct mirror_table *t, FILE *out,
    struct rsp_error *e)
{
	char *sql =
	    sqlite3_mprintf("SELECT json FROM \"%w\" ORDER BY id", t->name);
	sqlite3_stmt *s = NULL;
	int rc = SQLITE_NOMEM;

	if (sql != NULL)
		rc = sqlite3_prepare_v2(m->db, sql, -1, &s, NULL);
	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	while (sqlite3_step(s) == SQLITE_ROW && !ferror(out)) {
		fwrite(sqlite3_column_text(s, 0), 1,
		    (size_t)sqlite3_column_bytes(s, 0), out);
		putc('\n', out);
	}
	rc = sqlite3_finalize(s);
	return rc == SQLITE_OK || ferror(out) ? 0 : mirror_fail(m, rc, e);
}

/* Whole and on the disk before it has its name. */
static int
write_new(struct mirror *m, const struct mirror_table *t, const char *name,
    struct rsp_error *e)
{
	int fd = openat(m->dir_fd, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	int rc;

	if (out == NULL) {
		rc = mirror_file_fail(m, name, e);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	rc = write_rows(m, t, out, e);
	if (rc == 0 && (fflush(out) != 0 || ferror(out) || fsync(fd) != 0))
		rc = mirror_file_fail(m, name, e);
	if (fclose(out) != 0 && rc == 0)
		rc = mirror_file_fail(m, name, e);
	return rc;
}

static int
write_file(struct mirror *m, struct mirror_table *t, struct rsp_error *e)
{
	char name[NAME_MAX_BYTES], fresh[NAME_MAX_BYTES + 8];

	name_of(t, name);
	snprintf(fresh, sizeof fresh, ".%s.new", name);
	if (write_new(m, t, fresh, e) != 0) {
		(void)unlinkat(m->dir_fd, fresh, 0);
		return -1;
	}
	if (renameat(m->dir_fd, fresh, m->dir_fd, name) != 0 ||
	    fsync(m->dir_fd) != 0)
		return mirror_file_fail(m, name, e);
	if (note(m, t, t->now, t->now, e) != 0)
		return -1;
	t->written = t->now;
	return 0;
}

int
mirror_write_files(struct mirror *m, struct rsp_error *e)
{
	for (size_t i = 0; i < m->n; i++)
		if (is_old(m, &m->tables[i]) &&
		    write_file(m, &m->tables[i], e) != 0)
			return -1;
	return 0;
}
