/* The register's store: directories and locks, records and their past,
 * walks, what refuses a change, and what readers are told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixture.h"

#define STEPS(...)                                                             \
	(const struct step[]){ __VA_ARGS__ },                                  \
	    sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step)

/* ---- opening ------------------------------------------------------------- */

static void
store_open__directory_is_absent__created_for_us_alone(void **state)
{
	struct fx *f = *state;
	struct stat sb;

	assert_int_equal(rmdir(f->dir), 0);
	open_store(f);
	assert_int_equal(stat(f->dir, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(head(f), 0);
	assert_int_equal(stats(f).records, 0);
	assert_false(stats(f).writes_refused);
}

static void
refuse_to_open(struct fx *f, enum err_code code, const char *words)
{
	assert_null(store_open(&f->opts, &f->e));
	assert_int_equal(f->e.code, code);
	if (strstr(f->e.msg, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, f->e.msg);
	if (strstr(f->e.msg, f->dir) == NULL)
		fail_msg("no directory in: %s", f->e.msg);
}

static void
store_open__nothing_there_and_not_create__not_found(void **state)
{
	struct fx *f = *state;

	f->opts.create = false;
	refuse_to_open(f, ERR_NOT_FOUND, "no register");
	assert_int_equal(rmdir(f->dir), 0);
	refuse_to_open(f, ERR_NOT_FOUND, "does not exist");
	assert_int_equal(access(f->dir, F_OK), -1);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void
store_open__a_file_instead__told(void **state)
{
	struct fx *f = *state;
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/file", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	f->opts.dir = path;
	refuse_to_open(f, ERR_IO, "not a directory");
	f->opts.dir = f->dir;
}

static void
store_open__directory_is_read_only__told(void **state)
{
	struct fx *f = *state;
	int status;
	pid_t pid = fork();

	/* Root may write anywhere: try it as nobody. */
	if (pid == 0) {
		struct err e = { 0 };

		if (chmod(f->dir, 0555) < 0 ||
		    (getuid() == 0 && setuid(65534) < 0))
			_exit(2);
		_exit(store_open(&f->opts, &e) == NULL && e.code == ERR_IO &&
			      strstr(e.msg, f->dir) != NULL &&
			      e.remedy[0] != '\0'
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(status, 0);
}

static void
store_open__not_a_store_file__corrupt(void **state)
{
	struct fx *f = *state;
	char path[300], noise[8192];
	int fd;

	memset(noise, 0x5a, sizeof noise);
	snprintf(path, sizeof path, "%s/data.mdb", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
	close(fd);
	refuse_to_open(f, ERR_CORRUPT, "store");
}

static void
store_open__second_opener__conflict_naming_the_pid(void **state)
{
	struct fx *f = *state;
	char pid[24];

	snprintf(pid, sizeof pid, "process %ld", (long)getpid());
	refuse_to_open(f, ERR_CONFLICT, pid);
	assert_string_equal(f->e.reason, "STORE_IN_USE");
	put(f, "a", "x:1"); /* the first is not disturbed */
}

static void
store_open__again__everything_is_there(void **state)
{
	struct fx *f = *state;
	struct store_stats s;

	put(f, "a", "x:1");
	put(f, "b", "y:1");
	put(f, "a", "x:2");
	del(f, "b");
	s = stats(f);
	reopen(f);
	assert_record(f, "a", 2, "x:2");
	assert_int_equal(head(f), 4);
	assert_int_equal(stats(f).head_revision, 4);
	assert_int_equal(stats(f).head_time_ns, s.head_time_ns);
	assert_int_equal(stats(f).records, 1);
	assert_int_equal(put(f, "c", "z:1"), 5);
	assert_verifies(f);
}

static void
store_open__read_only__reads_beside_nobody(void **state)
{
	struct fx *f = *state;

	put(f, "a", "x:1");
	close_store(f);
	f->opts.read_only = true;
	f->opts.create = false;
	open_store(f);
	assert_record(f, "a", 1, "x:1");
	assert_int_equal(stats(f).head_revision, 1);
	assert_verifies(f);
}

/* ---- records ------------------------------------------------------------- */

static void
decision_put__again_and_again__versions_count(void **state)
{
	struct fx *f = *state;
	struct stored s;

	assert_int_equal(put(f, "a", "x:1"), 1);
	assert_int_equal(put(f, "b", "x:1"), 2);
	assert_int_equal(put(f, "a", "x:2"), 3);
	s = assert_record(f, "a", 2, "x:2");
	assert_int_equal(s.kind, KIND);
	assert_int_equal(s.created_revision, 1);
	assert_int_equal(s.revision, 3);
	assert_int_equal(s.prev_revision, 1);
	assert_absent(f, "absent");
	assert_absent(f, "");
}

static void
decision_put__same_id_of_another_kind__another_record(void **state)
{
	struct fx *f = *state;
	struct stored s;

	put(f, "a", "x:1");
	assert_int_equal(view_get(view(f), KIND + 1, "a", &s, &f->e), 0);
	assert_int_equal(view_get(view(f), KIND - 1, "a", &s, &f->e), 0);
}

static void
decision_put__version_moved__conflict_telling_it(void **state)
{
	struct fx *f = *state;
	struct err e;

	commit(f, STEPS({ MUTATION_PUT, "a", "x:1", 1 + 0 }));
	commit(f, STEPS({ MUTATION_PUT, "a", "x:2", 1 + 1 }));
	e = refused(f, STEPS({ MUTATION_PUT, "a", "x:3", 1 + 1 }));
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_string_equal(e.reason, "VERSION_MOVED");
	assert_non_null(strstr(e.msg, "saw 1, now 2"));
	e = refused(f, STEPS({ MUTATION_PUT, "a", "x:3", 1 + 0 }));
	assert_int_equal(e.code, ERR_CONFLICT);
	e = refused(f, STEPS({ MUTATION_PUT, "b", "x:3", 1 + 1 }));
	assert_int_equal(e.code, ERR_CONFLICT);
	e = refused(f, STEPS({ MUTATION_DELETE, "a", NULL, 1 + 1 }));
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_record(f, "a", 2, "x:2");
}

static void
decision_delete__record__id_is_never_used_again(void **state)
{
	struct fx *f = *state;
	struct stored s;
	struct err e;

	put(f, "a", "x:1");
	del(f, "a");
	assert_int_equal(view_get(view(f), KIND, "a", &s, &f->e), 1);
	assert_true(s.deleted);
	assert_stored(&s, 2, "");
	e = put_refused(f, "a", "x:2");
	assert_int_equal(e.code, ERR_EXISTS);
	assert_string_equal(e.reason, "ID_DELETED");
	e = refused(f, STEPS({ MUTATION_PUT, "a", "x:2", 1 + 0 }));
	assert_int_equal(e.code, ERR_EXISTS);
	e = refused(f, STEPS({ MUTATION_DELETE, "a", NULL, 0 }));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	e = refused(f, STEPS({ MUTATION_CONFIRM, "a", NULL, 0 }));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	reopen(f);
	assert_int_equal(put_refused(f, "a", "x:2").code, ERR_EXISTS);
	assert_int_equal(stats(f).records, 0);
	assert_verifies(f);
}

static void
decision_put__id_out_of_bounds__invalid(void **state)
{
	struct fx *f = *state;
	char id[STORE_ID_MAX + 2];
	struct stored s;

	memset(id, 'i', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	assert_int_equal(put_refused(f, id, "x:1").code, ERR_INVALID);
	assert_int_equal(put_refused(f, "", "x:1").code, ERR_INVALID);
	assert_int_equal(view_get(view(f), KIND, id, &s, &f->e), 0);
	id[STORE_ID_MAX] = '\0';
	put(f, id, "x:1");
	assert_record(f, id, 1, "x:1");
}

/* ---- the past ------------------------------------------------------------ */

static void
view_previous__several_changes__walked_back_to_the_first(void **state)
{
	struct fx *f = *state;
	struct view *v;
	struct stored s;

	put(f, "a", "x:1");
	put(f, "other", "o:1");
	put(f, "a", "y:22");
	commit(f, STEPS({ MUTATION_PUT, "z", "z:1", 0 },
		      { MUTATION_PUT, "a", "z:333", 0 }));
	del(f, "a");
	v = view(f);
	assert_int_equal(view_get(v, KIND, "a", &s, &f->e), 1);
	assert_int_equal(view_previous(v, &s, &f->e), 1);
	assert_stored(&s, 3, "z:333");
	assert_false(s.deleted);
	assert_int_equal(s.revision, 4);
	assert_int_equal(view_previous(v, &s, &f->e), 1);
	assert_stored(&s, 2, "y:22");
	assert_int_equal(s.revision, 3);
	assert_int_equal(view_previous(v, &s, &f->e), 1);
	assert_stored(&s, 1, "x:1");
	assert_int_equal(s.revision, 1);
	assert_int_equal(view_previous(v, &s, &f->e), 0);
}

static void
view_get_as_of__every_revision__as_it_stood(void **state)
{
	static const char *const at[] = { NULL, NULL, "x:1", "x:1", "y:2",
		"y:2", "" };
	struct fx *f = *state;
	struct stored s;

	put(f, "other", "o:1");                               /* 1 */
	put(f, "a", "x:1");                                   /* 2 */
	put(f, "other", "o:2");                               /* 3 */
	put(f, "a", "y:2");                                   /* 4 */
	commit(f, STEPS({ MUTATION_CONFIRM, "a", NULL, 0 })); /* 5 */
	del(f, "a");                                          /* 6 */
	for (uint64_t r = 0; r < 7; r++) {
		int want = at[r] != NULL;

		assert_int_equal(view_get_as_of(view(f), KIND, "a", r, &s,
				     &f->e),
		    want);
		if (want) {
			assert_stored(&s, r < 4 ? 1 : r < 6 ? 2 : 3, at[r]);
			assert_int_equal(s.deleted, r == 6);
			assert_int_equal(s.created_revision, 2);
		}
	}
	assert_int_equal(view_get_as_of(view(f), KIND, "a", UINT64_MAX, &s,
			     &f->e),
	    1);
	assert_true(s.deleted);
}

static int64_t
time_of(struct fx *f, uint64_t revision)
{
	struct commit c;

	assert_int_equal(view_commit(view(f), revision, &c, &f->e), 1);
	return c.time_ns;
}

static uint64_t
revision_at(struct fx *f, int64_t time_ns)
{
	uint64_t r = 99;

	assert_int_equal(view_revision_at(view(f), time_ns, &r, &f->e), 0);
	return r;
}

static void
view_revision_at__times_of_commits__last_one_not_after(void **state)
{
	struct fx *f = *state;
	int64_t before = clock_wall_ns(), t;

	assert_int_equal(revision_at(f, INT64_MAX), 0); /* empty */
	for (int i = 0; i < 5; i++)
		put(f, "a", "x:1");
	assert_int_equal(revision_at(f, before - 1), 0);
	assert_int_equal(revision_at(f, INT64_MAX), 5);
	for (uint64_t r = 1; r <= 5; r++) {
		t = time_of(f, r);
		assert_int_equal(revision_at(f, t), r);
		assert_int_equal(revision_at(f, t - 1), r - 1);
		assert_true(t >= before && t <= clock_wall_ns());
	}
}

/* ---- the log ------------------------------------------------------------- */

static void
view_commit__of_a_change__who_what_and_the_chain(void **state)
{
	struct fx *f = *state;
	struct change c;
	struct commit got;
	struct mutation_iter it;
	struct mutation m;

	put(f, "a", "x:1");
	change_init(&c, STEPS({ MUTATION_PUT, "b", "x:2", 0 },
			    { MUTATION_DELETE, "a", NULL, 0 }));
	c.note = "a note";
	memset(c.p.body_hash, 0xcd, STORE_HASH_LEN);
	submit(f, &c);
	assert_int_equal(view_commit(view(f), 2, &got, &f->e), 1);
	assert_memory_equal(got.actor.data, "tester", 6);
	assert_memory_equal(got.method.data, "/test/Change", 12);
	assert_int_equal(got.note.len, 6);
	assert_memory_equal(got.note.data, "a note", 6);
	assert_int_equal(got.body_hash[7], 0xcd);
	assert_int_equal(got.request_id.len, 0);
	assert_int_equal(got.time_ns, c.p.time_ns);
	mutation_first(&got, &it);
	assert_int_equal(mutation_next(&it, &m, &f->e), 1);
	assert_string_equal(m.id, "b");
	assert_int_equal(mutation_next(&it, &m, &f->e), 1);
	assert_int_equal(m.op, MUTATION_DELETE);
	assert_int_equal(m.prev_revision, 1);
	assert_int_equal(mutation_next(&it, &m, &f->e), 0);
	assert_int_equal(view_commit(view(f), 3, &got, &f->e), 0);
	assert_int_equal(view_commit(view(f), 0, &got, &f->e), 0);
}

static void
store_propose__note_of_the_one_before__not_kept(void **state)
{
	struct fx *f = *state;
	struct change c;
	struct commit got;

	change_init(&c, STEPS({ MUTATION_PUT, "a", "x:1", 0 }));
	c.note = "a note";
	submit(f, &c);
	put(f, "a", "x:2");
	assert_int_equal(view_commit(view(f), 2, &got, &f->e), 1);
	assert_int_equal(got.note.len, 0);
}

/* ---- walks --------------------------------------------------------------- */

struct seen {
	char text[4096];
	unsigned left; /* stop when it comes to 0 */
};

static int
see_key(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	(void)e;
	snprintf(s->text + n, sizeof s->text - n, "%.*s/%s ", (int)len, key,
	    id);
	return --s->left > 0;
}

static void
assert_walk(struct fx *f, uint8_t index, const char *prefix,
    const char *after_key, const char *after_id, unsigned most,
    const char *want)
{
	struct seen s = { .left = most };

	assert_int_equal(view_each_index(view(f), index, prefix, strlen(prefix),
			     after_key, after_id, see_key, &s, &f->e),
	    0);
	assert_string_equal(s.text, want);
}

static void
view_each_index__prefix_and_after__in_order_and_no_more(void **state)
{
	struct fx *f = *state;

	put(f, "c", "ab:1");
	put(f, "a", "abc:1");
	put(f, "b", "ab:2");
	put(f, "d", "b:1");
	put(f, "e", "a:1");
	assert_walk(f, 1, "", NULL, NULL, 99, "a/e ab/b ab/c abc/a b/d ");
	assert_walk(f, 1, "ab", NULL, NULL, 99, "ab/b ab/c abc/a ");
	assert_walk(f, 1, "ab", NULL, NULL, 2, "ab/b ab/c ");
	assert_walk(f, 1, "ab", "ab", "b", 99, "ab/c abc/a ");
	assert_walk(f, 1, "ab", "ab", "bb", 99, "ab/c abc/a ");
	assert_walk(f, 1, "ab", "ab", NULL, 99, "ab/b ab/c abc/a ");
	assert_walk(f, 1, "ab", "abc", "a", 99, "");
	assert_walk(f, 1, "ab", "a", "e", 99, "ab/b ab/c abc/a ");
	assert_walk(f, 1, "ab", "", NULL, 99, "ab/b ab/c abc/a ");
	assert_walk(f, 1, "b", "a", "e", 99, "b/d ");
	assert_walk(f, 1, "x", NULL, NULL, 99, "");
	assert_walk(f, 2, "a", NULL, NULL, 99, "a/a a/b a/c a/e ");
	assert_walk(f, 3, "", NULL, NULL, 99, "");
}

static void
view_each_index__record_changes_or_ends__keys_follow(void **state)
{
	struct fx *f = *state;

	put(f, "a", "old:1");
	put(f, "b", "old:1");
	put(f, "a", "new:1");
	assert_walk(f, 1, "", NULL, NULL, 99, "new/a old/b ");
	del(f, "b");
	assert_walk(f, 1, "", NULL, NULL, 99, "new/a ");
	assert_walk(f, 2, "", NULL, NULL, 99, "n/a ");
	assert_verifies(f);
}

static void
view_each_index__thousands__each_once(void **state)
{
	static struct step steps[3000];
	static char ids[3000][8];
	struct fx *f = *state;
	struct seen s = { .left = 0 }; /* wraps: never stops */

	for (size_t i = 0; i < 3000; i++) {
		snprintf(ids[i], sizeof ids[i], "%04zu", i);
		steps[i] = (struct step){ MUTATION_PUT, ids[i], "key:", 0 };
	}
	commit(f, steps, 3000);
	assert_int_equal(view_each_index(view(f), 1, "key", 3, "key", "2000",
			     see_key, &s, &f->e),
	    0);
	assert_int_equal(UINT32_MAX - s.left + 1, 999);
	assert_int_equal(stats(f).records, 3000);
}

static void
index_emit__key_too_long__change_refused(void **state)
{
	struct fx *f = *state;
	char text[STORE_INDEX_KEY_MAX + 2];

	memset(text, 'k', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(put_refused(f, "a", text).code, ERR_INVALID);
	text[sizeof text - 2] = '\0';
	put(f, "a", text);
	assert_verifies(f);
}

static int
see_record(const struct stored *s, void *arg, struct err *e)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	(void)e;
	snprintf(seen->text + n, sizeof seen->text - n, "%s%s ", s->id,
	    s->deleted ? "-" : "");
	return --seen->left > 0;
}

static void
assert_each(struct fx *f, uint8_t kind, const char *after, unsigned most,
    const char *want)
{
	struct seen s = { .left = most };

	assert_int_equal(view_each(view(f), kind, after, see_record, &s, &f->e),
	    0);
	assert_string_equal(s.text, want);
}

static void
view_each__after_an_id__its_kind_in_order_with_tombstones(void **state)
{
	struct fx *f = *state;

	assert_each(f, KIND, NULL, 99, "");
	put(f, "b", "x:1");
	put(f, "a", "x:1");
	put(f, "c", "x:1");
	put(f, "ab", "x:1");
	del(f, "b");
	assert_each(f, KIND, NULL, 99, "a ab b- c ");
	assert_each(f, KIND, "", 2, "a ab ");
	assert_each(f, KIND, "a", 99, "ab b- c ");
	assert_each(f, KIND, "aa", 99, "ab b- c ");
	assert_each(f, KIND, "c", 99, "");
	assert_each(f, KIND - 1, NULL, 99, "");
}

static int
fail_there(const struct stored *s, void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_CANCELLED, "at %s", s->id);
}

static void
view_each__seen_fails__its_error(void **state)
{
	struct fx *f = *state;

	put(f, "a", "x:1");
	assert_int_equal(view_each(view(f), KIND, NULL, fail_there, NULL,
			     &f->e),
	    -1);
	assert_int_equal(f->e.code, ERR_CANCELLED);
}

/* ---- confirmations ------------------------------------------------------- */

static void
decision_confirm__record__moves_its_date_not_its_version(void **state)
{
	struct fx *f = *state;
	struct stored s;
	uint64_t r;

	put(f, "a", "x:1");
	assert_int_equal(assert_record(f, "a", 1, "x:1").confirmed_ns, 0);
	r = commit(f, STEPS({ MUTATION_CONFIRM, "a", NULL, 0 }));
	s = assert_record(f, "a", 1, "x:1");
	assert_int_equal(s.confirmed_ns, time_of(f, r));
	assert_int_equal(s.revision, 1);
	put(f, "a", "x:2");
	s = assert_record(f, "a", 2, "x:2");
	assert_int_equal(s.confirmed_ns, 0);
	assert_int_equal(s.prev_revision, 1);
	assert_int_equal(refused(f, STEPS({ MUTATION_CONFIRM, "b", NULL, 0 }))
			     .code,
	    ERR_NOT_FOUND);
	assert_verifies(f);
}

static void
decision_confirm_scope__several_times__the_last_time(void **state)
{
	struct fx *f = *state;
	uint64_t r;

	assert_int_equal(view_scope_confirmed(view(f), "m", 1), 0);
	commit(f, STEPS({ MUTATION_CONFIRM_SCOPE, "m", NULL, 0 }));
	r = commit(f, STEPS({ MUTATION_CONFIRM_SCOPE, "m", NULL, 0 },
			  { MUTATION_CONFIRM_SCOPE, "n", NULL, 0 }));
	assert_int_equal(view_scope_confirmed(view(f), "m", 1), time_of(f, r));
	assert_int_equal(view_scope_confirmed(view(f), "n", 1), time_of(f, r));
	assert_int_equal(view_scope_confirmed(view(f), "mm", 2), 0);
	assert_int_equal(refused(f,
			     STEPS({ MUTATION_CONFIRM_SCOPE, "", NULL, 0 }))
			     .code,
	    ERR_INVALID);
	assert_verifies(f);
}

/* ---- refusals ------------------------------------------------------------ */

static void
store_propose__refused_after_emitting__leaves_nothing(void **state)
{
	struct fx *f = *state;
	struct change c;

	put(f, "a", "x:1");
	change_init(&c, STEPS({ MUTATION_PUT, "a", "x:2", 0 },
			    { MUTATION_PUT, "b", "x:2", 0 },
			    { MUTATION_CONFIRM_SCOPE, "m", NULL, 0 }));
	c.refuse = true;
	submit(f, &c);
	assert_int_equal(c.p.err.code, ERR_PRECONDITION);
	assert_record(f, "a", 1, "x:1");
	assert_absent(f, "b");
	assert_int_equal(view_scope_confirmed(view(f), "m", 1), 0);
	assert_int_equal(head(f), 1);
	assert_int_equal(put(f, "c", "x:3"), 2);
	assert_verifies(f);
}

static void
store_propose__nothing_emitted__no_commit(void **state)
{
	struct fx *f = *state;
	struct change c;

	put(f, "a", "x:1");
	change_init(&c, NULL, 0);
	submit(f, &c);
	assert_int_equal(c.p.err.code, ERR_NONE);
	assert_int_equal(c.p.revision, 1);
	assert_int_equal(head(f), 1);
}

static void
assert_twice(struct fx *f, const struct step *steps, size_t n)
{
	assert_int_equal(refused(f, steps, n).code, ERR_INTERNAL);
	assert_record(f, "a", 1, "x:1");
	assert_int_equal(head(f), 1);
}

static void
decision_put__record_changes_twice_in_a_commit__internal(void **state)
{
	struct fx *f = *state;

	put(f, "a", "x:1");
	assert_twice(f, STEPS({ MUTATION_PUT, "a", "x:2", 0 },
			    { MUTATION_PUT, "a", "x:3", 0 }));
	assert_twice(f, STEPS({ MUTATION_PUT, "a", "x:2", 0 },
			    { MUTATION_DELETE, "a", NULL, 0 }));
	assert_twice(f, STEPS({ MUTATION_DELETE, "a", NULL, 0 },
			    { MUTATION_PUT, "a", "x:2", 0 }));
	assert_twice(f, STEPS({ MUTATION_PUT, "b", "x:2", 0 },
			    { MUTATION_PUT, "b", "x:2", 0 }));
	assert_twice(f, STEPS({ MUTATION_PUT, "a", "x:2", 0 },
			    { MUTATION_CONFIRM, "a", NULL, 0 }));
	assert_absent(f, "b");
	assert_int_equal(put(f, "a", "x:2"), 2);
	assert_verifies(f);
}

/* ---- who wants to know --------------------------------------------------- */

struct told {
	struct loop *loop;
	struct loop_task stop;
	unsigned times;
	uint64_t head;
	bool free_it;
};

static void
told_moved(struct store_watch *w, uint64_t head_now, void *arg)
{
	struct told *t = arg;

	t->times++;
	t->head = head_now;
	if (t->free_it)
		store_watch_free(w);
}

static void
stop_loop(struct loop_task *task)
{
	loop_stop(((struct told *)((char *)task - offsetof(struct told, stop)))
		      ->loop);
}

/* Run what was posted up to now. */
static void
drain(struct told *t)
{
	t->stop.run = stop_loop;
	loop_post(t->loop, &t->stop);
	loop_run(t->loop);
}

static void
store_watch__many_commits_before_the_turn__told_once(void **state)
{
	struct fx *f = *state;
	struct told t = { .loop = loop_new(&f->e) };
	struct store_watch *w;

	w = store_watch_new(f->store, t.loop, told_moved, &t, &f->e);
	assert_non_null(w);
	for (int i = 0; i < 5; i++)
		put(f, "a", "x:1");
	drain(&t);
	assert_int_equal(t.times, 1);
	assert_int_equal(t.head, 5);
	put(f, "a", "x:1");
	drain(&t);
	assert_int_equal(t.times, 2);
	assert_int_equal(t.head, 6);
	put_refused(f, "", "x:1"); /* no commit, nothing to tell */
	drain(&t);
	assert_int_equal(t.times, 2);
	store_watch_free(w);
	loop_free(t.loop);
}

static void
store_watch_free__already_posted__no_call_comes(void **state)
{
	struct fx *f = *state;
	struct told t = { .loop = loop_new(&f->e) };
	struct store_watch *w;

	w = store_watch_new(f->store, t.loop, told_moved, &t, &f->e);
	put(f, "a", "x:1");
	store_watch_free(w);
	put(f, "a", "x:2");
	drain(&t);
	assert_int_equal(t.times, 0);
	loop_free(t.loop);
}

static void
store_watch_free__in_its_own_call__others_go_on(void **state)
{
	struct fx *f = *state;
	struct told t = { .loop = loop_new(&f->e), .free_it = true };
	struct told other = { .loop = t.loop };
	struct store_watch *w;

	w = store_watch_new(f->store, t.loop, told_moved, &other, &f->e);
	assert_non_null(
	    store_watch_new(f->store, t.loop, told_moved, &t, &f->e));
	put(f, "a", "x:1");
	drain(&t);
	put(f, "a", "x:2");
	drain(&t);
	assert_int_equal(t.times, 1);
	assert_int_equal(other.times, 2);
	store_watch_free(w);
	loop_free(t.loop);
}

/* ---- the page cache ------------------------------------------------------ */

static void
store_prefault__a_store__reads_it_or_stops(void **state)
{
	struct fx *f = *state;
	bool stop = false;

	put(f, "a", "x:1");
	assert_int_equal(store_prefault(f->store, &stop, &f->e), 0);
	stop = true;
	assert_int_equal(store_prefault(f->store, &stop, &f->e), 0);
}

static void
reader_view__held__same_snapshot_until_released(void **state)
{
	struct fx *f = *state;
	struct view *v;
	struct stored s;

	put(f, "a", "x:1");
	v = view(f);
	put(f, "a", "x:2");
	assert_ptr_equal(reader_view(f->reader, &f->e), v);
	assert_int_equal(view_get(v, KIND, "a", &s, &f->e), 1);
	assert_stored(&s, 1, "x:1");
	assert_int_equal(view_revision(v), 1);
	assert_record(f, "a", 2, "x:2");
	assert_int_equal(view_oldest(view(f)), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CLOSED(name)                                                           \
	cmocka_unit_test_setup_teardown(name, setup_closed, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CLOSED(store_open__directory_is_absent__created_for_us_alone),
		CLOSED(store_open__nothing_there_and_not_create__not_found),
		CLOSED(store_open__a_file_instead__told),
		CLOSED(store_open__directory_is_read_only__told),
		CLOSED(store_open__not_a_store_file__corrupt),
		T(store_open__second_opener__conflict_naming_the_pid),
		T(store_open__again__everything_is_there),
		T(store_open__read_only__reads_beside_nobody),
		T(decision_put__again_and_again__versions_count),
		T(decision_put__same_id_of_another_kind__another_record),
		T(decision_put__version_moved__conflict_telling_it),
		T(decision_delete__record__id_is_never_used_again),
		T(decision_put__id_out_of_bounds__invalid),
		T(view_previous__several_changes__walked_back_to_the_first),
		T(view_get_as_of__every_revision__as_it_stood),
		T(view_revision_at__times_of_commits__last_one_not_after),
		T(view_commit__of_a_change__who_what_and_the_chain),
		T(store_propose__note_of_the_one_before__not_kept),
		T(view_each_index__prefix_and_after__in_order_and_no_more),
		T(view_each_index__record_changes_or_ends__keys_follow),
		T(view_each_index__thousands__each_once),
		T(index_emit__key_too_long__change_refused),
		T(view_each__after_an_id__its_kind_in_order_with_tombstones),
		T(view_each__seen_fails__its_error),
		T(decision_confirm__record__moves_its_date_not_its_version),
		T(decision_confirm_scope__several_times__the_last_time),
		T(store_propose__refused_after_emitting__leaves_nothing),
		T(store_propose__nothing_emitted__no_commit),
		T(decision_put__record_changes_twice_in_a_commit__internal),
		T(store_watch__many_commits_before_the_turn__told_once),
		T(store_watch_free__already_posted__no_call_comes),
		T(store_watch_free__in_its_own_call__others_go_on),
		T(store_prefault__a_store__reads_it_or_stops),
		T(reader_view__held__same_snapshot_until_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
