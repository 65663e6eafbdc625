/* Group commits: many proposals at once, some refused, no space left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#define MANY 40

static struct change changes[MANY];
static struct step steps[MANY];
static char ids[MANY][24];

/* MANY proposals of one step each that wait behind a gate: one batch. */
static void
prepare_batch(sem_t *gate, const char *text)
{
	sem_init(gate, 0, 0);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof ids[i], "%02zu-0123456789abcdef", i);
		steps[i] = (struct step){ MUTATION_PUT, ids[i], text, 0 };
		change_init(&changes[i], &steps[i], 1);
	}
	changes[0].gate = gate;
}

static void
run_batch(struct fx *f, sem_t *gate)
{
	for (size_t i = 0; i < MANY; i++)
		store_propose(f->store, &changes[i].p);
	sem_post(gate);
	for (size_t i = 0; i < MANY; i++)
		change_wait(&changes[i]);
	sem_destroy(gate);
}

static void
store_propose__many_at_once__few_group_commits_in_order(void **state)
{
	struct fx *f = *state;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	run_batch(f, &gate);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(changes[i].p.err.code, ERR_NONE);
		assert_int_equal(changes[i].p.revision, i + 1);
		assert_record(f, ids[i], 1, "x:1");
	}
	assert_int_equal(stats(f).commits, MANY);
	assert_true(stats(f).batches <= 2);
	assert_int_equal(stats(f).proposals, MANY);
	assert_verifies(f);
}

static void
store_propose__batch_larger_than_max__several_batches(void **state)
{
	struct fx *f = *state;
	sem_t gate;

	f->opts.max_batch = 10;
	reopen(f);
	prepare_batch(&gate, "x:1");
	run_batch(f, &gate);
	assert_true(stats(f).batches >= MANY / 10);
	assert_int_equal(head(f), MANY);
}

static void
store_propose__some_of_a_batch_refused__others_accepted(void **state)
{
	struct fx *f = *state;
	uint64_t revision = 0;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	for (size_t i = 1; i < MANY; i += 3)
		changes[i].refuse = true;
	run_batch(f, &gate);
	for (size_t i = 0; i < MANY; i++) {
		if (i % 3 == 1) {
			assert_int_equal(changes[i].p.err.code,
			    ERR_PRECONDITION);
			assert_absent(f, ids[i]);
		} else {
			assert_int_equal(changes[i].p.err.code, ERR_NONE);
			assert_int_equal(changes[i].p.revision, ++revision);
			assert_record(f, ids[i], 1, "x:1");
		}
	}
	assert_int_equal(head(f), revision);
	assert_int_equal(stats(f).refused, MANY / 3);
	assert_verifies(f);
}

static void
store_propose__one_fails_half_way__others_accepted_once(void **state)
{
	static const struct step twice[] = {
		{ MUTATION_PUT, "t", "x:1", 0 },
		{ MUTATION_PUT, "t", "x:2", 0 },
	};
	struct fx *f = *state;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	for (size_t i = 0; i < MANY; i++)
		changes[i].p.request_id = bytes_of(ids[i]);
	changes[20].steps = twice;
	changes[20].n = 2;
	run_batch(f, &gate);
	assert_int_equal(changes[20].p.err.code, ERR_INTERNAL);
	for (size_t i = 0; i < MANY; i++) {
		if (i != 20) {
			assert_int_equal(changes[i].p.err.code, ERR_NONE);
			assert_false(changes[i].p.replayed);
			assert_record(f, ids[i], 1, "x:1");
		}
	}
	assert_absent(f, "t");
	assert_int_equal(head(f), MANY - 1);
	assert_verifies(f);
}

static void
store_propose__same_request_twice_in_a_batch__done_once(void **state)
{
	struct fx *f = *state;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	changes[5].p.request_id = bytes_of("request-id-00001");
	changes[6].p.request_id = bytes_of("request-id-00001");
	run_batch(f, &gate);
	assert_false(changes[5].p.replayed);
	assert_true(changes[6].p.replayed);
	assert_int_equal(changes[6].p.revision, changes[5].p.revision);
	assert_absent(f, ids[6]);
	assert_int_equal(head(f), MANY - 1);
}

static int
decide_seeing(struct proposal *p, struct decision *d, struct err *e)
{
	struct stored s;

	/* What was decided earlier in the batch is there. */
	if (view_get(decision_view(d), KIND, ids[0], &s, e) != 1)
		return err_set(e, ERR_INTERNAL, "does not see it");
	if (decision_revision(d) != view_revision(decision_view(d)) + 1 ||
	    decision_time(d) <= 0)
		return err_set(e, ERR_INTERNAL, "revision");
	return change_decide(p, d, e);
}

/* Its caller has given up: what waits is not done, what runs is. */
static void
store_cancel__while_it_waits__leaves_nothing(void **state)
{
	struct fx *f = *state;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	for (size_t i = 0; i < MANY; i++)
		store_propose(f->store, &changes[i].p);
	for (size_t i = 1; i < MANY; i += 2)
		store_cancel(&changes[i].p);
	sem_post(&gate);
	for (size_t i = 0; i < MANY; i++)
		change_wait(&changes[i]);
	sem_destroy(&gate);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(changes[i].p.err.code,
		    i % 2 == 0 ? ERR_NONE : ERR_CANCELLED);
	assert_int_equal(head(f), MANY / 2);
	assert_verifies(f);
	/* Sent again, it is a new one. */
	change_init(&changes[1], &steps[1], 1);
	store_propose(f->store, &changes[1].p);
	change_wait(&changes[1]);
	assert_int_equal(changes[1].p.revision, MANY / 2 + 1);
}

static void
decision_view__later_in_the_batch__sees_the_earlier(void **state)
{
	struct fx *f = *state;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	changes[1].p.decide = decide_seeing;
	run_batch(f, &gate);
	assert_int_equal(changes[1].p.err.code, ERR_NONE);
}

/* ---- several threads ----------------------------------------------------- */

#define THREADS 4
#define EACH 100

struct hammer {
	struct fx *f;
	unsigned n;
};

static void *
hammer_main(void *arg)
{
	struct hammer *h = arg;
	struct step s = { MUTATION_PUT, "shared", "x:1", 0 };
	char id[16];
	struct step own = { MUTATION_PUT, id, "y:1", 0 };
	struct change c;

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(id, sizeof id, "%u-%u", h->n, i);
		change_init(&c, i % 2 == 0 ? &s : &own, 1);
		submit(h->f, &c);
		if (c.p.err.code != ERR_NONE)
			abort();
	}
	return NULL;
}

static void
store_propose__several_threads__every_change_once(void **state)
{
	struct fx *f = *state;
	struct hammer h[THREADS];
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		h[i] = (struct hammer){ f, i };
		pthread_create(&threads[i], NULL, hammer_main, &h[i]);
	}
	for (int i = 0; i < 200; i++) /* readers go on meanwhile */
		head(f);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(head(f), THREADS * EACH);
	assert_record(f, "shared", THREADS * EACH / 2, "x:1");
	assert_int_equal(stats(f).records, THREADS * EACH / 2 + 1);
	assert_verifies(f);
}

/* ---- where answers come -------------------------------------------------- */

static struct loop *origin;

static void
done_on_loop(struct proposal *p)
{
	(void)p;
	loop_stop(origin);
}

static void
store_propose__with_an_origin__answered_on_its_loop(void **state)
{
	struct fx *f = *state;
	struct change c;

	origin = loop_new(&f->e);
	assert_non_null(origin);
	change_init(&c, NULL, 0);
	c.p.origin = origin;
	c.p.done = done_on_loop;
	store_propose(f->store, &c.p);
	loop_run(origin);
	assert_int_equal(c.p.err.code, ERR_NONE);
	loop_free(origin);
	sem_destroy(&c.answered);
}

static void *
open_gate(void *gate)
{
	sem_post(gate);
	return NULL;
}

static void
store_close__proposals_wait__finished_first(void **state)
{
	struct fx *f = *state;
	pthread_t thread;
	sem_t gate;

	prepare_batch(&gate, "x:1");
	for (size_t i = 0; i < MANY; i++)
		store_propose(f->store, &changes[i].p);
	pthread_create(&thread, NULL, open_gate, &gate);
	reopen(f);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(changes[i].p.err.code, ERR_NONE);
		change_wait(&changes[i]);
	}
	assert_int_equal(head(f), MANY);
	sem_destroy(&gate);
}

/* ---- no space ------------------------------------------------------------ */

#define LARGE 40000
static char large[LARGE + 1];

static void
fill_large(void)
{
	memset(large, 'L', LARGE);
	large[1] = ':';
	large[LARGE] = '\0';
}

/* Put until there is no space; how many were accepted. */
static unsigned
fill(struct fx *f, struct err *why)
{
	struct step s = { MUTATION_PUT, "big", large, 0 };
	struct change c;
	unsigned n = 0;

	for (;; n++) {
		assert_true(n < 1000);
		change_init(&c, &s, 1);
		submit(f, &c);
		if (c.p.err.code != ERR_NONE)
			break;
	}
	*why = c.p.err;
	return n;
}

static void
assert_full(struct fx *f)
{
	struct err why;
	unsigned n;

	fill_large();
	put(f, "small", "x:1");
	n = fill(f, &why);
	assert_true(n > 0);
	assert_int_equal(why.code, ERR_LIMIT);
	assert_string_equal(why.reason, "STORE_FULL");
	assert_int_not_equal(why.remedy[0], '\0');
	assert_true(stats(f).writes_refused);
	assert_int_equal(put_refused(f, "other", large).code, ERR_LIMIT);
	assert_record(f, "small", 1, "x:1");
	assert_record(f, "big", n, large);
	assert_absent(f, "other");
	assert_int_equal(head(f), n + 1);
}

static void
assert_resumes(struct fx *f)
{
	assert_record(f, "small", 1, "x:1");
	put(f, "other", large);
	assert_false(stats(f).writes_refused);
	assert_verifies(f);
}

static void
store_propose__quota_reached__refused_reads_go_on(void **state)
{
	struct fx *f = *state;

	f->opts.quota_bytes = 2 << 20;
	reopen(f);
	assert_full(f);
	assert_true(stats(f).used_bytes <= f->opts.quota_bytes + LARGE);
	reopen(f); /* full as it is, it opens */
	assert_int_equal(put_refused(f, "other", large).code, ERR_LIMIT);
	f->opts.quota_bytes = 8 << 20;
	reopen(f);
	assert_resumes(f);
}

static void
store_propose__batch_would_pass_the_quota__only_what_fits(void **state)
{
	struct fx *f = *state;
	unsigned accepted = 0;
	sem_t gate;

	f->opts.quota_bytes = 1 << 20;
	reopen(f);
	fill_large();
	prepare_batch(&gate, large);
	run_batch(f, &gate);
	for (size_t i = 0; i < MANY; i++)
		accepted += changes[i].p.err.code == ERR_NONE;
	assert_true(accepted > 0 && accepted < MANY);
	assert_int_equal(head(f), accepted);
	assert_true(stats(f).used_bytes <= f->opts.quota_bytes + LARGE);
	assert_verifies(f);
}

static void
store_propose__map_is_full__refused_reads_go_on(void **state)
{
	struct fx *f = *state;

	close_store(f);
	f->opts.map_bytes = 1 << 20;
	f->opts.quota_bytes = 1 << 30;
	open_store(f);
	assert_full(f);
	f->opts.map_bytes = 16 << 20;
	reopen(f);
	assert_resumes(f);
}

static void
store_propose__batch_fills_the_map__those_that_fit_once(void **state)
{
	struct fx *f = *state;
	unsigned accepted = 0;
	sem_t gate;

	close_store(f);
	f->opts.map_bytes = 1 << 20;
	f->opts.quota_bytes = 1 << 30;
	open_store(f);
	fill_large();
	prepare_batch(&gate, large);
	run_batch(f, &gate);
	for (size_t i = 0; i < MANY; i++) {
		if (changes[i].p.err.code == ERR_NONE)
			assert_int_equal(changes[i].p.revision, ++accepted);
		else
			assert_string_equal(changes[i].p.err.reason,
			    "STORE_FULL");
	}
	assert_true(accepted > 0 && accepted < MANY);
	assert_int_equal(head(f), accepted);
	f->opts.map_bytes = 16 << 20;
	reopen(f);
	assert_int_equal(head(f), accepted);
	assert_verifies(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_propose__many_at_once__few_group_commits_in_order),
		T(store_propose__batch_larger_than_max__several_batches),
		T(store_propose__some_of_a_batch_refused__others_accepted),
		T(store_propose__one_fails_half_way__others_accepted_once),
		T(store_propose__same_request_twice_in_a_batch__done_once),
		T(store_cancel__while_it_waits__leaves_nothing),
		T(decision_view__later_in_the_batch__sees_the_earlier),
		T(store_propose__several_threads__every_change_once),
		T(store_propose__with_an_origin__answered_on_its_loop),
		T(store_close__proposals_wait__finished_first),
		T(store_propose__quota_reached__refused_reads_go_on),
		T(store_propose__batch_would_pass_the_quota__only_what_fits),
		T(store_propose__map_is_full__refused_reads_go_on),
		T(store_propose__batch_fills_the_map__those_that_fit_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
