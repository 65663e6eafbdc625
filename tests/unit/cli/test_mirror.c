/* A mirror: what its tables hold, what a reader sees of a change, and how it
 * grows with the messages. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <resopro/client.h>

#include "../../../client/cli/mirror.h"

struct fx {
	char dir[80], path[100];
	struct mirror *m;
	struct rsp_error e;
	char text[4096];
};

static int
setup(void **state)
{
	struct fx *f = calloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");

	if (f == NULL)
		return -1;
	snprintf(f->dir, sizeof f->dir, "%.40s/mirror.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/mirror.sqlite", f->dir);
	f->m = mirror_open(f->dir, &f->e);
	*state = f;
	return f->m != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fx *f = *state;
	char command[120];

	mirror_close(f->m);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	if (system(command) != 0)
		return -1;
	free(f);
	return 0;
}

/* As another program: the first value of a query, "NULL", or "" for no row. */
static const char *
ask(struct fx *f, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY,
			     NULL),
	    SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	*f->text = '\0';
	if (sqlite3_step(s) == SQLITE_ROW)
		snprintf(f->text, sizeof f->text, "%s",
		    sqlite3_column_type(s, 0) == SQLITE_NULL
			? "NULL"
			: (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return f->text;
}

static void
change(struct fx *f, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

static void
well(const struct fx *f, int rc)
{
	if (rc != 0)
		fail_msg("%s", f->e.msg);
}

static void
reopen(struct fx *f)
{
	mirror_close(f->m);
	f->m = mirror_open(f->dir, &f->e);
	if (f->m == NULL)
		fail_msg("%s", f->e.msg);
}

/* ---- records ----------------------------------------------------------------- */

struct site {
	Resopro__V1__Record record;
	Resopro__V1__Site site;
	Resopro__V1__Position position;
	char *modes[2];
};

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static const Resopro__V1__Record *
site_of(struct site *s, const char *id, const char *name)
{
	resopro__v1__record__init(&s->record);
	resopro__v1__site__init(&s->site);
	resopro__v1__position__init(&s->position);
	s->record.id = text(id);
	s->record.kind = RESOPRO__V1__KIND__KIND_SITE;
	s->record.version = 3;
	s->record.revision = 70;
	s->record.body_case = RESOPRO__V1__RECORD__BODY_SITE;
	s->record.site = &s->site;
	s->site.nom = text(name);
	s->site.itinerant = 1;
	s->modes[0] = text("en-presentiel");
	s->modes[1] = text("a-distance");
	s->site.modes_accueil = s->modes;
	s->site.n_modes_accueil = 2;
	s->position.latitude = 49.25;
	s->site.position = &s->position;
	return &s->record;
}

static void
put_site(struct fx *f, const char *id, const char *name)
{
	struct site s;

	well(f, mirror_begin(f->m, &f->e));
	well(f, mirror_put(f->m, site_of(&s, id, name), &f->e));
}

/* A record of this wire form, and of fields that no message has. */
static void
put_with_unknown(struct fx *f, const Resopro__V1__Record *r)
{
	static const uint8_t unknown[] = { 0xfa, 0x7f, 3, 'n', 'e', 'w' };
	uint8_t *bytes;
	size_t len;
	ProtobufCMessage *m;

	assert_int_equal(rsp_message_pack(&r->base, &bytes, &len, &f->e), 0);
	bytes = realloc(bytes, len + sizeof unknown);
	assert_non_null(bytes);
	memcpy(bytes + len, unknown, sizeof unknown);
	m = rsp_message_unpack(&resopro__v1__record__descriptor, bytes,
	    len + sizeof unknown, &f->e);
	free(bytes);
	assert_non_null(m);
	well(f, mirror_begin(f->m, &f->e));
	well(f, mirror_put(f->m, (Resopro__V1__Record *)m, &f->e));
	rsp_message_free(m);
}

/* ---- what is in it -------------------------------------------------------------- */

static void
put__a_record__column_for_each_field(void **state)
{
	static const char *const rows[][2] = {
		{ "SELECT nom FROM sites", "Évreux \"centre\"" },
		{ "SELECT version + revision FROM sites", "73" },
		{ "SELECT typeof(itinerant) FROM sites", "integer" },
		{ "SELECT itinerant FROM sites", "1" },
		{ "SELECT modes_accueil FROM sites",
		    "[\"en-presentiel\",\"a-distance\"]" },
		{ "SELECT position_latitude FROM sites", "49.25" },
		{ "SELECT position_longitude FROM sites", "0.0" },
		{ "SELECT telephone FROM sites", "NULL" }, /* not known */
		{ "SELECT wire FROM sites", "NULL" },
		{ "SELECT json ->> '$.site.nom' FROM sites",
		    "Évreux \"centre\"" },
		{ "SELECT count(*) FROM organisations", "0" },
		{ "SELECT value FROM mirror WHERE key = 'revision'", "71" },
		{ "SELECT value FROM mirror WHERE key = 'filter'", "of x" },
	};
	struct fx *f = *state;

	put_site(f, "evreux", "Évreux \"centre\"");
	well(f, mirror_commit(f->m, 71, "of x", &f->e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(ask(f, rows[i][0]), rows[i][1]);
	assert_int_equal(mirror_revision(f->m), 71);
	reopen(f);
	assert_int_equal(mirror_revision(f->m), 71);
	assert_string_equal(mirror_filter(f->m), "of x");
}

static void
put__again__replaced_and_remove__gone(void **state)
{
	struct fx *f = *state;
	struct site s;

	put_site(f, "a", "one");
	put_site(f, "b", "two");
	put_site(f, "a", "three");
	well(f, mirror_commit(f->m, 5, "", &f->e));
	assert_string_equal(ask(f, "SELECT group_concat(nom) FROM sites"),
	    "two,three");
	well(f, mirror_begin(f->m, &f->e));
	well(f, mirror_remove(f->m, site_of(&s, "a", ""), &f->e));
	well(f, mirror_commit(f->m, 6, "", &f->e));
	assert_string_equal(ask(f, "SELECT group_concat(nom) FROM sites"),
	    "two");
}

static void
change__until_committed__readers_see_the_old_state(void **state)
{
	struct fx *f = *state;

	put_site(f, "a", "one");
	well(f, mirror_commit(f->m, 1, "", &f->e));
	well(f, mirror_begin(f->m, &f->e));
	well(f, mirror_clear(f->m, &f->e));
	for (int i = 0; i < 3000; i++) {
		char id[16];

		snprintf(id, sizeof id, "s-%d", i);
		put_site(f, id, "new");
	}
	assert_string_equal(ask(f, "SELECT group_concat(nom) FROM sites"),
	    "one");
	mirror_drop(f->m);
	assert_string_equal(ask(f, "SELECT group_concat(nom) FROM sites"),
	    "one");
	assert_int_equal(mirror_revision(f->m), 1);
}

static void
newest__of_several_kinds__the_one_of_the_last_revision(void **state)
{
	struct fx *f = *state;
	struct mirror_record newest;
	struct site s;

	well(f, mirror_newest(f->m, &newest, &f->e));
	assert_int_equal(newest.kind, RESOPRO__V1__KIND__KIND_UNSPECIFIED);
	put_site(f, "a", "one");
	(void)site_of(&s, "b", "two");
	s.record.revision = 90;
	Google__Protobuf__Timestamp t;
	google__protobuf__timestamp__init(&t);
	t.seconds = 1700000000;
	s.record.updated_at = &t;
	well(f, mirror_put(f->m, &s.record, &f->e));
	well(f, mirror_commit(f->m, 91, "", &f->e));
	well(f, mirror_newest(f->m, &newest, &f->e));
	assert_string_equal(newest.id, "b");
	assert_int_equal(newest.revision, 90);
	assert_string_equal(newest.updated_at, "2023-11-14T22:13:20Z");
}

/* ---- growing ---------------------------------------------------------------------- */

static void
put__field_is_unknown__whole_record_in_json(void **state)
{
	struct fx *f = *state;
	struct site s;

	put_with_unknown(f, site_of(&s, "a", "one"));
	well(f, mirror_commit(f->m, 1, "", &f->e));
	assert_string_equal(ask(f, "SELECT nom FROM sites"), "one");
	assert_string_equal(ask(f, "SELECT json ->> '$.id' FROM sites"), "a");
	/* The base64 of it all ends with that of the field. */
	assert_non_null(
	    strstr(ask(f, "SELECT json ->> '$.@wire' FROM sites"), "bmV3"));
	assert_string_equal(ask(f, "SELECT substr(wire, -3) FROM sites"),
	    "new");
}

/* What an earlier version made: it did not know a column of today's. */
static void
open__fields_became_known__columns_with_what_was_kept(void **state)
{
	struct fx *f = *state;
	struct site s;

	(void)site_of(&s, "a", "one");
	s.site.telephone = text("0231");
	put_with_unknown(f, &s.record);
	put_site(f, "b", "two");
	well(f, mirror_commit(f->m, 1, "", &f->e));
	well(f, mirror_write_files(f->m, &f->e));
	mirror_close(f->m);
	change(f, "ALTER TABLE sites DROP COLUMN telephone;"
		  "ALTER TABLE offers DROP COLUMN besoins;"
		  "UPDATE mirror SET value = 'old' WHERE key = 'schema'");
	f->m = mirror_open(f->dir, &f->e);
	assert_non_null(f->m);
	assert_string_equal(
	    ask(f, "SELECT group_concat(id || ifnull(telephone, '-')) "
		   "FROM (SELECT * FROM sites ORDER BY id)"),
	    "a0231,b-");
	assert_string_equal(ask(f, "SELECT count(besoins) FROM offers"), "0");
	assert_int_equal(mirror_revision(f->m), 1);
	assert_true(mirror_files_are_old(f->m));
	put_site(f, "c", "three");
	well(f, mirror_commit(f->m, 2, "", &f->e));
}

static void
put__kind_is_unknown__among_the_others_until_it_is_known(void **state)
{
	struct fx *f = *state;
	struct site s;

	(void)site_of(&s, "a", "one");
	s.record.kind = (Resopro__V1__Kind)77;
	s.record.body_case = RESOPRO__V1__RECORD__BODY__NOT_SET;
	put_with_unknown(f, &s.record);
	well(f, mirror_commit(f->m, 1, "", &f->e));
	assert_string_equal(ask(f, "SELECT kind || id FROM others"), "77a");
	well(f, mirror_begin(f->m, &f->e));
	well(f, mirror_remove(f->m, &s.record, &f->e));
	well(f, mirror_commit(f->m, 2, "", &f->e));
	assert_string_equal(ask(f, "SELECT count(*) FROM others"), "0");
	/* A site that an earlier version took for unknown. */
	put_with_unknown(f, site_of(&s, "b", "two"));
	well(f, mirror_commit(f->m, 3, "", &f->e));
	mirror_close(f->m);
	change(f, "INSERT INTO others (kind, id, json, wire) "
		  "SELECT 'site', id, json, wire FROM sites;"
		  "DELETE FROM sites;"
		  "UPDATE mirror SET value = 'old' WHERE key = 'schema'");
	f->m = mirror_open(f->dir, &f->e);
	assert_non_null(f->m);
	assert_string_equal(ask(f, "SELECT nom FROM sites"), "two");
	assert_string_equal(ask(f, "SELECT count(*) FROM others"), "0");
}

/* ---- files ------------------------------------------------------------------------- */

static const char *
file(struct fx *f, const char *name)
{
	char path[160];
	FILE *in;
	size_t n = 0;

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	if ((in = fopen(path, "r")) == NULL)
		return NULL;
	n = fread(f->text, 1, sizeof f->text - 1, in);
	f->text[n] = '\0';
	fclose(in);
	return f->text;
}

static void
write_files__what_changed__line_a_record_by_id(void **state)
{
	static const char b[] =
	    "{\"id\":\"b\",\"kind\":\"KIND_SITE\",\"version\":\"3\","
	    "\"revision\":\"70\",\"site\":{\"nom\":\"two\","
	    "\"position\":{\"latitude\":49.25},\"modes_accueil\":"
	    "[\"en-presentiel\",\"a-distance\"],\"itinerant\":true}}\n";
	struct fx *f = *state;
	char path[160];

	put_site(f, "b", "two");
	put_site(f, "a", "one");
	well(f, mirror_commit(f->m, 1, "", &f->e));
	assert_true(mirror_files_are_old(f->m));
	assert_null(file(f, "sites.jsonl"));
	well(f, mirror_write_files(f->m, &f->e));
	assert_false(mirror_files_are_old(f->m));
	assert_memory_equal(file(f, "sites.jsonl"), "{\"id\":\"a\"", 9);
	assert_string_equal(strchr(f->text, '\n') + 1, b);
	assert_string_equal(file(f, "offers.jsonl"), "");
	/* A run that ended between the commit and the files. */
	put_site(f, "c", "three");
	well(f, mirror_commit(f->m, 2, "", &f->e));
	reopen(f);
	assert_true(mirror_files_are_old(f->m));
	well(f, mirror_write_files(f->m, &f->e));
	assert_non_null(strstr(file(f, "sites.jsonl"), "three"));
	snprintf(path, sizeof path, "%s/sites.jsonl", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_true(mirror_files_are_old(f->m));
}

/* ---- opening -------------------------------------------------------------------------- */

static void
open__a_second_time__unavailable(void **state)
{
	struct fx *f = *state;

	assert_null(mirror_open(f->dir, &f->e));
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	reopen(f);
}

static void
open__of_a_later_format__refused(void **state)
{
	struct fx *f = *state;

	mirror_close(f->m);
	change(f, "PRAGMA user_version = 9");
	f->m = mirror_open(f->dir, &f->e);
	assert_null(f->m);
	assert_int_equal(f->e.code, RSP_ERR_CONFIG);
	assert_non_null(strstr(f->e.msg, "later version"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(put__a_record__column_for_each_field),
		T(put__again__replaced_and_remove__gone),
		T(change__until_committed__readers_see_the_old_state),
		T(newest__of_several_kinds__the_one_of_the_last_revision),
		T(put__field_is_unknown__whole_record_in_json),
		T(open__fields_became_known__columns_with_what_was_kept),
		T(put__kind_is_unknown__among_the_others_until_it_is_known),
		T(write_files__what_changed__line_a_record_by_id),
		T(open__a_second_time__unavailable),
		T(open__of_a_later_format__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
