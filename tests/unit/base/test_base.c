/* SHA-256 and hex; the clock; the loop: timers, posts, hooks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"

static void
digest__fips_vector__hex_and_back(void **state)
{
	uint8_t sum[DIGEST_LEN], back[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];

	(void)state;
	digest_sha256("abc", 3, sum);
	digest_hex(sum, sizeof sum, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
				 "b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_parse(hex, back, sizeof back), 0);
	assert_memory_equal(sum, back, sizeof sum);
	hex[3] = 'G';
	assert_int_equal(digest_parse(hex, back, sizeof back), -1);
	assert_int_equal(digest_parse("ab", back, 2), -1);
	assert_int_equal(digest_parse("abcdef", back, 2), -1);
}

static void
clock__read_twice__never_goes_back(void **state)
{
	int64_t before = clock_monotonic_ns();

	(void)state;
	assert_true(clock_monotonic_ns() >= before);
	assert_true(clock_wall_ns() > INT64_C(1700000000) * 1000000000);
}

struct fx {
	struct loop *loop;
	struct timer late, soon, never;
	struct turn_hook hook;
	struct loop_task task[3];
	char told[16];
};

static struct fx fx;

static void
tell(const char *word)
{
	strncat(fx.told, word, sizeof fx.told - strlen(fx.told) - 1);
}

static void
on_soon(struct timer *t)
{
	(void)t;
	tell("s");
	loop_at_turn_end(fx.loop, &fx.hook);
	loop_at_turn_end(fx.loop, &fx.hook);
}

static void
on_late(struct timer *t)
{
	(void)t;
	tell("l");
	loop_stop(fx.loop);
}

static void
on_never(struct timer *t)
{
	(void)t;
	tell("n");
}

static void
on_hook(struct turn_hook *h)
{
	(void)h;
	tell("h");
}

static void
on_task(struct loop_task *t)
{
	tell(t == &fx.task[0] ? "0" : t == &fx.task[1] ? "1" : "2");
	if (t == &fx.task[2])
		loop_stop(fx.loop);
}

static int
setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&fx, 0, sizeof fx);
	fx.loop = loop_new(&e);
	return fx.loop == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(fx.loop);
	return 0;
}

static void
timers__out_of_order__run_by_time_once_and_stopped_never(void **state)
{
	(void)state;
	fx.late.run = on_late;
	fx.soon.run = on_soon;
	fx.never.run = on_never;
	fx.hook.run = on_hook;
	timer_start(fx.loop, &fx.late, 20000000);
	timer_start(fx.loop, &fx.soon, 1000000);
	timer_start(fx.loop, &fx.never, 5000000);
	timer_stop(&fx.never);
	assert_false(timer_armed(&fx.never));
	loop_run(fx.loop);
	assert_string_equal(fx.told, "shl");
	assert_false(timer_armed(&fx.late));
}

static void *
post_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		loop_post(fx.loop, &fx.task[i]);
	return NULL;
}

static void
post__from_another_thread__runs_here_in_order(void **state)
{
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 3; i++)
		fx.task[i].run = on_task;
	assert_int_equal(pthread_create(&thread, NULL, post_all, NULL), 0);
	loop_run(fx.loop);
	pthread_join(thread, NULL);
	assert_string_equal(fx.told, "012");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest__fips_vector__hex_and_back),
		cmocka_unit_test(clock__read_twice__never_goes_back),
		cmocka_unit_test_setup_teardown(
		    timers__out_of_order__run_by_time_once_and_stopped_never,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    post__from_another_thread__runs_here_in_order, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
