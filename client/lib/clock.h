/* clock.h - instants on the monotonic clock, in milliseconds. */
#ifndef CLIENT_CLOCK_H
#define CLIENT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NEVER INT64_MAX

static inline int64_t
clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* `after` milliseconds from now; negative: never. */
static inline int64_t
clock_after(int64_t after)
{
	int64_t now = clock_ms();

	return after < 0 || after > NEVER - now ? NEVER : now + after;
}

static inline int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* For poll(2): rounded up, so that the instant has passed when it returns. */
static inline int
poll_ms(int64_t until)
{
	int64_t left;

	if (until == NEVER)
		return -1;
	left = until - clock_ms();
	return left <= 0 ? 0 : left >= 3600000 ? 3600000 : (int)left + 1;
}

#endif
