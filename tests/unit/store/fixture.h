/*
 * fixture.h - a store in a directory of its own under TMPDIR, and proposals
 * written as lists of steps.  Every helper asserts.  Include after cmocka.h.
 *
 * The schema of these tests: a record is text "KEY:anything"; KEY is its key
 * in index 1, its first byte its key in index 2.  Version 2 of the schema
 * gives the same keys in index 3 too.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

#define KIND 7

static inline int
fixture_index(uint8_t kind, const char *id, struct bytes r,
    struct index_sink *sink, struct err *e)
{
	const char *text = (const char *)r.data;
	const char *colon = memchr(text, ':', r.len);
	size_t len = colon != NULL ? (size_t)(colon - text) : r.len;

	(void)kind;
	(void)id;
	/* Out of order and twice: both are allowed. */
	if (index_emit(sink, 2, text, 1, e) < 0)
		return -1;
	if (index_emit(sink, 1, text, len, e) < 0)
		return -1;
	return index_emit(sink, 2, text, 1, e);
}

static inline int
fixture_index_2(uint8_t kind, const char *id, struct bytes r,
    struct index_sink *sink, struct err *e)
{
	if (fixture_index(kind, id, r, sink, e) < 0)
		return -1;
	return index_emit(sink, 3, (const char *)r.data, 1, e);
}

static const struct store_schema fixture_schema = { 1, fixture_index };
static const struct store_schema fixture_schema_2 = { 2, fixture_index_2 };

struct fx {
	char dir[256];
	struct store_opts opts;
	struct store *store;
	struct reader *reader;
	struct err e;
};

/* ---- open and close ------------------------------------------------------ */

static inline void
open_store(struct fx *f)
{
	f->store = store_open(&f->opts, &f->e);
	if (f->store == NULL)
		fail_msg("store_open: %s", f->e.msg);
	f->reader = reader_new(f->store, &f->e);
	assert_non_null(f->reader);
}

static inline void
close_store(struct fx *f)
{
	reader_free(f->reader);
	store_close(f->store);
	f->reader = NULL;
	f->store = NULL;
}

static inline void
reopen(struct fx *f)
{
	close_store(f);
	open_store(f);
}

/* A directory, and how to open a store in it; none is open. */
static inline int
setup_closed(void **state)
{
	struct fx *f = calloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "%s/store.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	f->opts = (struct store_opts){
		.dir = f->dir,
		.map_bytes = 1UL << 28,
		.request_ids = 1000,
		.create = true,
		.schema = &fixture_schema,
	};
	*state = f;
	return 0;
}

static inline int
setup(void **state)
{
	setup_closed(state);
	open_store(*state);
	return 0;
}

static inline int
teardown(void **state)
{
	struct fx *f = *state;
	DIR *dir;
	struct dirent *entry;

	close_store(f);
	dir = opendir(f->dir);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	assert_int_equal(rmdir(f->dir), 0); /* nothing else was left */
	free(f);
	return 0;
}

/* ---- proposals ----------------------------------------------------------- */

struct step {
	enum mutation_op op;
	const char *id;
	const char *text; /* of a PUT */
	uint64_t version; /* if_version plus one; 0: any */
};

struct change {
	struct proposal p; /* first */
	const struct step *steps;
	size_t n;
	const char *note;
	bool refuse;      /* after the steps */
	unsigned decided; /* times that decide() ran */
	sem_t *gate;      /* decide() waits for it once */
	sem_t answered;
};

static inline struct bytes
bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static inline int
take_step(struct decision *d, const struct step *s, struct err *e)
{
	uint64_t v = s->version == 0 ? ANY_VERSION : s->version - 1;

	switch (s->op) {
	case MUTATION_PUT:
		return decision_put(d, KIND, s->id, v, bytes_of(s->text), e);
	case MUTATION_DELETE:
		return decision_delete(d, KIND, s->id, v, e);
	case MUTATION_CONFIRM:
		return decision_confirm(d, KIND, s->id, e);
	case MUTATION_CONFIRM_SCOPE:
		return decision_confirm_scope(d, s->id, strlen(s->id), e);
	}
	return -1;
}

static inline int
change_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct change *c = (struct change *)p;

	if (c->gate != NULL && c->decided == 0)
		sem_wait(c->gate);
	c->decided++;
	for (size_t i = 0; i < c->n; i++) {
		if (take_step(d, &c->steps[i], e) < 0)
			return -1;
	}
	if (c->note != NULL && decision_note(d, bytes_of(c->note), e) < 0)
		return -1;
	return c->refuse ? err_set(e, ERR_PRECONDITION, "on purpose") : 0;
}

static inline void
change_done(struct proposal *p)
{
	sem_post(&((struct change *)p)->answered);
}

static inline void
change_init(struct change *c, const struct step *steps, size_t n)
{
	memset(c, 0, sizeof *c);
	c->p.actor = "tester";
	c->p.method = "/test/Change";
	c->p.decide = change_decide;
	c->p.done = change_done;
	c->steps = steps;
	c->n = n;
	sem_init(&c->answered, 0, 0);
}

static inline void
change_wait(struct change *c)
{
	while (sem_wait(&c->answered) != 0)
		;
	sem_destroy(&c->answered);
}

/* Do it; the outcome is in c->p. */
static inline void
submit(struct fx *f, struct change *c)
{
	store_propose(f->store, &c->p);
	change_wait(c);
}

/* One accepted commit of these steps: its revision. */
static inline uint64_t
commit(struct fx *f, const struct step *steps, size_t n)
{
	struct change c;

	change_init(&c, steps, n);
	submit(f, &c);
	if (c.p.err.code != ERR_NONE)
		fail_msg("commit: %s", c.p.err.msg);
	return c.p.revision;
}

static inline uint64_t
put(struct fx *f, const char *id, const char *text)
{
	return commit(f, &(struct step){ MUTATION_PUT, id, text, 0 }, 1);
}

static inline uint64_t
del(struct fx *f, const char *id)
{
	return commit(f, &(struct step){ MUTATION_DELETE, id, NULL, 0 }, 1);
}

/* These steps are refused: why. */
static inline struct err
refused(struct fx *f, const struct step *steps, size_t n)
{
	struct change c;

	change_init(&c, steps, n);
	submit(f, &c);
	assert_int_not_equal(c.p.err.code, ERR_NONE);
	return c.p.err;
}

static inline struct err
put_refused(struct fx *f, const char *id, const char *text)
{
	return refused(f, &(struct step){ MUTATION_PUT, id, text, 0 }, 1);
}

/* ---- reading ------------------------------------------------------------- */

/* A snapshot of now; the one before ends. */
static inline struct view *
view(struct fx *f)
{
	struct view *v;

	reader_release(f->reader);
	v = reader_view(f->reader, &f->e);
	if (v == NULL)
		fail_msg("reader_view: %s", f->e.msg);
	return v;
}

static inline uint64_t
head(struct fx *f)
{
	return view_revision(view(f));
}

static inline void
assert_stored(const struct stored *s, uint64_t version, const char *text)
{
	assert_int_equal(s->version, version);
	assert_int_equal(s->record.len, strlen(text));
	assert_memory_equal(s->record.data, text, strlen(text));
}

/* The record is live with this version and text. */
static inline struct stored
assert_record(struct fx *f, const char *id, uint64_t version, const char *text)
{
	struct stored s;

	assert_int_equal(view_get(view(f), KIND, id, &s, &f->e), 1);
	assert_string_equal(s.id, id);
	assert_false(s.deleted);
	assert_stored(&s, version, text);
	return s;
}

static inline void
assert_absent(struct fx *f, const char *id)
{
	struct stored s;

	assert_int_equal(view_get(view(f), KIND, id, &s, &f->e), 0);
}

static inline struct store_stats
stats(struct fx *f)
{
	struct store_stats s;

	store_stats(f->store, &s);
	return s;
}

static inline void
assert_verifies(struct fx *f)
{
	struct verify_report r;

	if (store_verify(f->store, NULL, &r, &f->e) < 0)
		fail_msg("store_verify: %s", f->e.msg);
	assert_int_equal(r.head_revision, head(f));
}

#endif
