/* Request ids: the same request is answered once and told again, whatever
 * happened between; the map of them is bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "store/replay.h"

static const struct step put_a[] = { { MUTATION_PUT, "a", "x:1", 0 } };

static void
request(struct fx *f, struct change *c, const char *id, uint8_t body)
{
	change_init(c, put_a, 1);
	c->p.request_id = bytes_of(id);
	memset(c->p.body_hash, body, STORE_HASH_LEN);
	submit(f, c);
}

#define ID_1 "request-id-00001"
#define ID_2 "request-id-00002"

static void
store_propose__same_request_id_and_body__first_answer(void **state)
{
	struct fx *f = *state;
	struct change first, again;

	request(f, &first, ID_1, 1);
	assert_false(first.p.replayed);
	put(f, "b", "y:1");
	request(f, &again, ID_1, 1);
	assert_int_equal(again.p.err.code, ERR_NONE);
	assert_true(again.p.replayed);
	assert_int_equal(again.p.revision, first.p.revision);
	assert_int_equal(again.p.time_ns, first.p.time_ns);
	assert_int_equal(again.decided, 0);
	assert_record(f, "a", 1, "x:1");
	assert_int_equal(head(f), 2);
	assert_int_equal(stats(f).replayed, 1);
}

static void
store_propose__same_request_id_other_body__exists(void **state)
{
	struct fx *f = *state;
	struct change c;

	request(f, &c, ID_1, 1);
	request(f, &c, ID_1, 2);
	assert_int_equal(c.p.err.code, ERR_EXISTS);
	assert_string_equal(c.p.err.reason, "REQUEST_ID_REUSED");
	assert_string_equal(c.p.err.field, "request_id");
	assert_int_equal(c.decided, 0);
	assert_record(f, "a", 1, "x:1");
}

static void
store_propose__same_request_id_of_another_actor__new(void **state)
{
	struct fx *f = *state;
	struct change c;

	request(f, &c, ID_1, 1);
	change_init(&c, put_a, 1);
	c.p.actor = "somebody-else";
	c.p.request_id = bytes_of(ID_1);
	submit(f, &c);
	assert_int_equal(c.p.err.code, ERR_NONE);
	assert_false(c.p.replayed);
	assert_record(f, "a", 2, "x:1");
}

static void
store_propose__request_id_of_a_refusal__free_again(void **state)
{
	struct fx *f = *state;
	struct change c;

	change_init(&c, put_a, 1);
	c.p.request_id = bytes_of(ID_1);
	c.refuse = true;
	submit(f, &c);
	assert_int_equal(c.p.err.code, ERR_PRECONDITION);
	request(f, &c, ID_1, 2);
	assert_int_equal(c.p.err.code, ERR_NONE);
	assert_false(c.p.replayed);
	assert_int_equal(c.p.revision, 1);
}

static void
store_propose__request_id_after_reopening__first_answer(void **state)
{
	struct fx *f = *state;
	struct change c;

	request(f, &c, ID_1, 1);
	put(f, "b", "y:1");
	request(f, &c, ID_2, 1);
	reopen(f);
	request(f, &c, ID_1, 1);
	assert_true(c.p.replayed);
	assert_int_equal(c.p.revision, 1);
	request(f, &c, ID_2, 1);
	assert_int_equal(c.p.revision, 3);
	request(f, &c, ID_2, 7);
	assert_int_equal(c.p.err.code, ERR_EXISTS);
	assert_record(f, "a", 2, "x:1");
}

static void
numbered(struct fx *f, struct change *c, unsigned n)
{
	char id[32];

	snprintf(id, sizeof id, "request-id-%08u", n);
	request(f, c, id, 1);
}

static void
store_propose__more_request_ids_than_kept__oldest_forgotten(void **state)
{
	struct fx *f = *state;
	struct change c;

	f->opts.request_ids = 10;
	reopen(f);
	for (unsigned i = 1; i <= 25; i++)
		numbered(f, &c, i);
	numbered(f, &c, 16);
	assert_true(c.p.replayed);
	assert_int_equal(c.p.revision, 16);
	reopen(f);
	numbered(f, &c, 16);
	assert_true(c.p.replayed);
	numbered(f, &c, 25);
	assert_true(c.p.replayed);
	numbered(f, &c, 15);
	assert_false(c.p.replayed);
	assert_int_equal(c.p.revision, 26);
	numbered(f, &c, 16); /* pushed out by that one */
	assert_false(c.p.replayed);
	assert_int_equal(c.p.revision, 27);
	f->opts.request_ids = 1000; /* now the log holds it twice */
	reopen(f);
	numbered(f, &c, 16);
	assert_true(c.p.replayed);
	assert_int_equal(c.p.revision, 27);
}

static void
store_propose__request_id_too_long__invalid(void **state)
{
	struct fx *f = *state;
	struct change c;
	char id[STORE_REQUEST_ID_MAX + 2];

	memset(id, 'r', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	request(f, &c, id, 1);
	assert_int_equal(c.p.err.code, ERR_INVALID);
	id[STORE_REQUEST_ID_MAX] = '\0';
	request(f, &c, id, 1);
	assert_int_equal(c.p.err.code, ERR_NONE);
}

/* ---- the map ------------------------------------------------------------- */

static const struct bytes nobody = { (const uint8_t *)"x", 1 };

static struct bytes
numbered_id(char out[16], unsigned n)
{
	snprintf(out, 16, "id-%u", n);
	return bytes_of(out);
}

static void
add(struct replay_map *m, unsigned n)
{
	char id[16];

	replay_add(m, nobody, numbered_id(id, n), n);
}

static uint64_t
find(const struct replay_map *m, unsigned n)
{
	char id[16];

	return replay_find(m, nobody, numbered_id(id, n));
}

static void
replay_add__full__oldest_falls_out(void **state)
{
	struct err e = { 0 };
	struct replay_map *m = replay_new(100, &e);

	(void)state;
	assert_non_null(m);
	for (unsigned i = 1; i <= 1000; i++) {
		add(m, i);
		assert_int_equal(find(m, i), i);
		assert_int_equal(find(m, i > 100 ? i - 100 : 5000), 0);
		if (i > 100)
			assert_int_equal(find(m, i - 99), i - 99);
	}
	replay_free(m);
}

static void
replay_add_older__until_full__newest_stay(void **state)
{
	struct err e = { 0 };
	struct replay_map *m = replay_new(10, &e);
	char id[16];

	(void)state;
	for (unsigned i = 20; i > 10; i--)
		assert_true(replay_add_older(m, nobody, numbered_id(id, i), i));
	assert_false(replay_add_older(m, nobody, numbered_id(id, 10), 10));
	assert_int_equal(find(m, 11), 11);
	add(m, 21);
	assert_int_equal(find(m, 11), 0);
	assert_int_equal(find(m, 12), 12);
	assert_int_equal(find(m, 21), 21);
	replay_free(m);
}

static void
replay_forget_above__aborted__only_those(void **state)
{
	struct err e = { 0 };
	struct replay_map *m = replay_new(10, &e);

	(void)state;
	for (unsigned i = 1; i <= 14; i++)
		add(m, i);
	replay_forget_above(m, 12);
	assert_int_equal(find(m, 14), 0);
	assert_int_equal(find(m, 13), 0);
	assert_int_equal(find(m, 12), 12);
	assert_int_equal(find(m, 5), 5);
	add(m, 13);
	assert_int_equal(find(m, 13), 13);
	replay_forget_above(m, 0);
	assert_int_equal(find(m, 5), 0);
	replay_free(m);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_propose__same_request_id_and_body__first_answer),
		T(store_propose__same_request_id_other_body__exists),
		T(store_propose__same_request_id_of_another_actor__new),
		T(store_propose__request_id_of_a_refusal__free_again),
		T(store_propose__request_id_after_reopening__first_answer),
		T(store_propose__more_request_ids_than_kept__oldest_forgotten),
		T(store_propose__request_id_too_long__invalid),
		cmocka_unit_test(replay_add__full__oldest_falls_out),
		cmocka_unit_test(replay_add_older__until_full__newest_stay),
		cmocka_unit_test(replay_forget_above__aborted__only_those),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
