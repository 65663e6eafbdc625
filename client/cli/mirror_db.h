/*
 * mirror_db.h - what the files of a mirror share: its database.
 */
#ifndef CLI_MIRROR_DB_H
#define CLI_MIRROR_DB_H

#include "mirror.h"
#include "mirror_table.h"

enum { MIRROR_TABLES_MAX = 16 };

/* "RsoM", to know our own databases; and the version of what is in them. */
#define MIRROR_APPLICATION_ID 0x52736f4d
#define MIRROR_FORMAT 1

struct mirror {
	char *dir, *path; /* path: of the database */
	int dir_fd, lock_fd;
	sqlite3 *db;
	struct mirror_table tables[MIRROR_TABLES_MAX];
	size_t n; /* the last one: of kinds that are unknown */
	uint64_t revision;
	char *filter;
	bool changing;
};

/* What SQLite says, in words.  -1. */
int mirror_fail(struct mirror *, int rc, struct rsp_error *);
/* What the system says of a file in the directory (errno).  -1. */
int mirror_file_fail(const struct mirror *, const char *name,
    struct rsp_error *);

int mirror_exec(struct mirror *, const char *sql, struct rsp_error *);

/* The first column of the first row, free() it; NULL when there is none.
 * `arg`: of ?1, or NULL. */
int mirror_ask(struct mirror *, const char *sql, const char *arg, char **,
    struct rsp_error *);
int mirror_ask_number(struct mirror *, const char *sql, sqlite3_int64 *,
    struct rsp_error *);

/* A value of the table "mirror". */
int mirror_keep(struct mirror *, const char *key, const char *value,
    struct rsp_error *);
int mirror_kept(struct mirror *, const char *key, char **value,
    struct rsp_error *);

/* Where records of this kind are. */
struct mirror_table *mirror_table_of(struct mirror *, Resopro__V1__Kind);

/* ---- mirror_grow.c --------------------------------------------------------- */

/* Its tables are those of this program, or become so, all in one step. */
int mirror_grow(struct mirror *, struct rsp_error *);

/* The open change is seen from now on; it is dropped when that fails. */
int mirror_end(struct mirror *, struct rsp_error *);

/* ---- mirror_files.c -------------------------------------------------------- */

/* Which files are behind the tables? */
int mirror_files_look(struct mirror *, struct rsp_error *);
/* In the open change: the tables that it touches; and once it is committed. */
int mirror_files_note(struct mirror *, struct rsp_error *);
void mirror_files_noted(struct mirror *);

#endif
