/* mirror.c - see mirror.h: opening, state and changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "i18n.h"
#include "kinds.h"
#include "mirror_db.h"

#define BUSY_MS 5000

/* ---- opening ----------------------------------------------------------------- */

static int
open_dir(struct mirror *m, struct rsp_error *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (mkdir(m->dir, 0777) != 0 && errno != EEXIST)
		return mirror_file_fail(m, "", e);
	m->dir_fd = open(m->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir_fd < 0)
		return mirror_file_fail(m, "", e);
	m->lock_fd =
	    openat(m->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0)
		return mirror_file_fail(m, ".lock", e);
	if (fcntl(m->lock_fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return mirror_file_fail(m, ".lock", e);
	return fault(e, RSP_UNAVAILABLE,
	    _("Let it end, or end it: “resopro pull --follow” goes on until "
	      "it is told to stop."),
	    _("another “resopro pull” works on %s"), m->dir);
}

/* Another program's database is left alone. */
static int
check_ours(struct mirror *m, struct rsp_error *e)
{
	sqlite3_int64 id, format, tables;

	if (mirror_ask_number(m, "PRAGMA application_id", &id, e) != 0 ||
	    mirror_ask_number(m, "PRAGMA user_version", &format, e) != 0 ||
	    mirror_ask_number(m, "SELECT count(*) FROM sqlite_schema", &tables,
		e) != 0)
		return -1;
	if (id != MIRROR_APPLICATION_ID && tables > 0)
		return fault(e, RSP_ERR_CONFIG, _("Choose another directory."),
		    _("%s is not a mirror of “resopro pull”"), m->path);
	if (format > MIRROR_FORMAT)
		return fault(e, RSP_ERR_CONFIG,
		    _("Use that version, or pull into another directory."),
		    _("%s is of a later version of resopro"), m->path);
	return 0;
}

/* Readers go on while a change is written, however large; what a power cut takes
 * of the last ones is pulled again.  The files beside the database stay, so that
 * it can be read without the right to write there. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = NORMAL;"
			       "PRAGMA journal_size_limit = 67108864";

static int
open_db(struct mirror *m, struct rsp_error *e)
{
	int stay = 1;
	int rc = sqlite3_open_v2(m->path, &m->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc != SQLITE_OK)
		return mirror_fail(m, rc, e);
	(void)sqlite3_busy_timeout(m->db, BUSY_MS);
	(void)sqlite3_file_control(m->db, NULL, SQLITE_FCNTL_PERSIST_WAL,
	    &stay);
	return check_ours(m, e) != 0 ? -1 : mirror_exec(m, settings, e);
}

static int
init_tables(struct mirror *m, struct rsp_error *e)
{
	const struct kind *k;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && (k = kinds_at(i)) != NULL && i < MIRROR_TABLES_MAX - 1;
	     i++)
		rc = mirror_table_init(&m->tables[m->n++], k);
	if (rc == 0)
		rc = mirror_table_init(&m->tables[m->n++], NULL);
	return rc == 0 ? 0 : mirror_fail(m, SQLITE_NOMEM, e);
}

static int
read_state(struct mirror *m, struct rsp_error *e)
{
	char *revision;

	if (mirror_kept(m, "revision", &revision, e) != 0)
		return -1;
	m->revision = revision != NULL ? strtoull(revision, NULL, 10) : 0;
	free(revision);
	if (mirror_kept(m, "filter", &m->filter, e) != 0)
		return -1;
	return mirror_files_look(m, e);
}

struct mirror *
mirror_open(const char *dir, struct rsp_error *e)
{
	struct mirror *m = calloc(1, sizeof *m);

	if (m == NULL) {
		fault(e, RSP_ERR_NOMEM, NULL, "%s", _("out of memory"));
		return NULL;
	}
	m->dir_fd = m->lock_fd = -1;
	m->dir = strdup(dir);
	if (m->dir == NULL || asprintf(&m->path, "%s/mirror.sqlite", dir) < 0) {
		m->path = NULL;
		(void)mirror_fail(m, SQLITE_NOMEM, e);
	} else if (open_dir(m, e) == 0 && open_db(m, e) == 0 &&
		   init_tables(m, e) == 0 && mirror_grow(m, e) == 0 &&
		   read_state(m, e) == 0) {
		return m;
	}
	mirror_close(m);
	return NULL;
}

void
mirror_close(struct mirror *m)
{
	if (m == NULL)
		return;
	mirror_drop(m);
	for (size_t i = 0; i < m->n; i++)
		mirror_table_free(&m->tables[i]);
	/* All in one file, unless somebody reads just now. */
	if (m->db != NULL) {
		(void)sqlite3_busy_timeout(m->db, 0);
		(void)sqlite3_exec(m->db, "PRAGMA wal_checkpoint(TRUNCATE)",
		    NULL, NULL, NULL);
	}
	(void)sqlite3_close(m->db);
	if (m->lock_fd >= 0)
		(void)close(m->lock_fd);
	if (m->dir_fd >= 0)
		(void)close(m->dir_fd);
	free(m->filter);
	free(m->path);
	free(m->dir);
	free(m);
}

/* ---- what it is ---------------------------------------------------------------- */

uint64_t
mirror_revision(const struct mirror *m)
{
	return m->revision;
}

const char *
mirror_filter(const struct mirror *m)
{
	return m->filter != NULL ? m->filter : "";
}

static void
take_newer(sqlite3_stmt *s, const struct mirror_table *t,
    struct mirror_record *r)
{
	uint64_t revision = (uint64_t)sqlite3_column_int64(s, 1);
	const unsigned char *id = sqlite3_column_text(s, 0);
	const unsigned char *when = sqlite3_column_text(s, 2);

	if (revision <= r->revision || id == NULL || when == NULL)
		return;
	r->kind = t->kind;
	r->revision = revision;
	snprintf(r->id, sizeof r->id, "%s", (const char *)id);
	snprintf(r->updated_at, sizeof r->updated_at, "%s", (const char *)when);
}

int
mirror_newest(struct mirror *m, struct mirror_record *r, struct rsp_error *e)
{
	*r = (struct mirror_record){ 0 };
	for (size_t i = 0; i + 1 < m->n; i++) {
		char *sql = sqlite3_mprintf("SELECT id, revision, updated_at "
					    "FROM \"%w\" ORDER BY revision "
					    "DESC LIMIT 1",
		    m->tables[i].name);
		sqlite3_stmt *s = NULL;
		int rc = SQLITE_NOMEM;

		if (sql != NULL)
			rc = sqlite3_prepare_v2(m->db, sql, -1, &s, NULL);
		sqlite3_free(sql);
		if (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
			take_newer(s, &m->tables[i], r);
		if (rc == SQLITE_OK)
			rc = sqlite3_finalize(s);
		if (rc != SQLITE_OK)
			return mirror_fail(m, rc, e);
	}
	return 0;
}

/* ---- changing it ----------------------------------------------------------------- */

int
mirror_begin(struct mirror *m, struct rsp_error *e)
{
	if (m->changing)
		return 0;
	if (mirror_exec(m, "BEGIN IMMEDIATE", e) != 0)
		return -1;
	m->changing = true;
	return 0;
}

void
mirror_drop(struct mirror *m)
{
	if (m->changing)
		(void)sqlite3_exec(m->db, "ROLLBACK", NULL, NULL, NULL);
	m->changing = false;
	for (size_t i = 0; i < m->n; i++)
		m->tables[i].touched = false;
}

/* A change that failed is dropped at once: -1. */
static int
changed(struct mirror *m, int rc, struct rsp_error *e)
{
	if (rc == SQLITE_OK)
		return 0;
	(void)mirror_fail(m, rc, e);
	mirror_drop(m);
	return -1;
}

int
mirror_clear(struct mirror *m, struct rsp_error *e)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < m->n; i++) {
		char *sql =
		    sqlite3_mprintf("DELETE FROM \"%w\"", m->tables[i].name);

		rc = sql != NULL ? sqlite3_exec(m->db, sql, NULL, NULL, NULL)
				 : SQLITE_NOMEM;
		sqlite3_free(sql);
		m->tables[i].touched = true;
	}
	return changed(m, rc, e);
}

int
mirror_put(struct mirror *m, const Resopro__V1__Record *r, struct rsp_error *e)
{
	return changed(m, mirror_table_put(mirror_table_of(m, r->kind), r), e);
}

int
mirror_remove(struct mirror *m, const Resopro__V1__Record *r,
    struct rsp_error *e)
{
	return changed(m,
	    mirror_table_remove(mirror_table_of(m, r->kind), r->kind, r->id),
	    e);
}

int
mirror_end(struct mirror *m, struct rsp_error *e)
{
	if (mirror_files_note(m, e) != 0 || mirror_exec(m, "COMMIT", e) != 0) {
		mirror_drop(m);
		return -1;
	}
	m->changing = false;
	mirror_files_noted(m);
	return 0;
}

static void
now_text(char out[32])
{
	time_t t = time(NULL);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		*out = '\0';
}

int
mirror_commit(struct mirror *m, uint64_t revision, const char *filter,
    struct rsp_error *e)
{
	char number[24], now[32], *copy = strdup(filter);

	snprintf(number, sizeof number, "%ju", (uintmax_t)revision);
	now_text(now);
	if (copy == NULL) {
		mirror_drop(m);
		return mirror_fail(m, SQLITE_NOMEM, e);
	}
	if (mirror_keep(m, "revision", number, e) != 0 ||
	    mirror_keep(m, "filter", filter, e) != 0 ||
	    mirror_keep(m, "updated_at", now, e) != 0) {
		mirror_drop(m);
		free(copy);
		return -1;
	}
	if (mirror_end(m, e) != 0) {
		free(copy);
		return -1;
	}
	free(m->filter);
	m->filter = copy;
	m->revision = revision;
	return 0;
}
