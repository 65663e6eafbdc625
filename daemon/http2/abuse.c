/*
 * abuse.c - frames that cost us more than their sender.
 *
 * CVE-2023-44487 (rapid reset), CVE-2024-27316 (CONTINUATION), CVE-2019-9511
 * to 9518 (PING, SETTINGS, RST, PRIORITY, empty and window update floods) and
 * CVE-2025-8671 (resets that the client makes us send) have one answer: count
 * what brings no work done, allow a burst of a second's worth, and end the
 * connection.  It does not lean on the version of nghttp2.
 */
#include "http2/internal.h"

#include "base/clock.h"

#define SECOND INT64_C(1000000000)
#define CONTINUATIONS_MAX 16 /* frames a header list */
#define UPDATES_EARNED 2     /* a DATA frame: the stream's, the connection's */
/* ... and each message in it: grpc-core updates the window of a stream when its
 * reader asks for the next one, and 5 bytes is the least a message takes. */
#define BYTES_AN_UPDATE 5
#define UPDATES_MAX 20000
#define PINGS_MAX 100  /* one a DATA frame: clients measure the path */
#define FRAME_TYPES 10 /* RFC 9113 */

enum counts {
	COUNTS_NEVER,
	COUNTS_ALWAYS,
	COUNTS_UNLESS_ACK,
	COUNTS_PING,     /* likewise, and with no data of ours before it */
	COUNTS_EMPTY,    /* no payload and no end of anything */
	COUNTS_UNEARNED, /* a window update with no data before it */
};

static const struct {
	enum counts counts;
	uint8_t ends; /* flags that give an empty frame a meaning */
} frames[FRAME_TYPES] = {
	[NGHTTP2_DATA] = { COUNTS_EMPTY, NGHTTP2_FLAG_END_STREAM },
	[NGHTTP2_HEADERS] = { COUNTS_EMPTY, 0 },
	[NGHTTP2_PRIORITY] = { COUNTS_ALWAYS, 0 },
	[NGHTTP2_RST_STREAM] = { COUNTS_ALWAYS, 0 },
	[NGHTTP2_SETTINGS] = { COUNTS_UNLESS_ACK, 0 },
	[NGHTTP2_PUSH_PROMISE] = { COUNTS_ALWAYS, 0 },
	[NGHTTP2_PING] = { COUNTS_PING, 0 },
	[NGHTTP2_GOAWAY] = { COUNTS_ALWAYS, 0 },
	[NGHTTP2_WINDOW_UPDATE] = { COUNTS_UNEARNED, 0 },
	[NGHTTP2_CONTINUATION] = { COUNTS_EMPTY, NGHTTP2_FLAG_END_HEADERS },
};

void
h2_abuse_init(struct h2_abuse *a, unsigned per_second)
{
	*a = (struct h2_abuse){
		.left = per_second,
		.updates = 1000,
		.refilled = clock_monotonic_ns(),
	};
}

static void
refill(struct h2_abuse *a, unsigned per_second)
{
	int64_t now = clock_monotonic_ns(), passed = now - a->refilled;
	int64_t more;

	if (passed >= SECOND) {
		a->left = per_second;
		a->refilled = now;
		return;
	}
	more = passed * per_second / SECOND;
	if (more == 0)
		return;
	a->left =
	    a->left + more > per_second ? per_second : a->left + (unsigned)more;
	a->refilled += more * SECOND / per_second;
}

bool
h2_abuse_count(struct h2_abuse *a, unsigned per_second)
{
	refill(a, per_second);
	if (a->left == 0)
		return false;
	a->left--;
	return true;
}

/* Was it earned by data that we sent?  Then it costs what it earned. */
static bool
is_earned(unsigned *balance)
{
	if (*balance == 0)
		return false;
	--*balance;
	return true;
}

static bool
is_counted(struct h2_abuse *a, const nghttp2_frame_hd *hd)
{
	if (hd->type >= FRAME_TYPES)
		return true;
	switch (frames[hd->type].counts) {
	case COUNTS_ALWAYS:
		return true;
	case COUNTS_UNLESS_ACK:
		return (hd->flags & NGHTTP2_FLAG_ACK) == 0;
	case COUNTS_EMPTY:
		return hd->length == 0 &&
		       (hd->flags & frames[hd->type].ends) == 0;
	case COUNTS_UNEARNED:
		return !is_earned(&a->updates);
	case COUNTS_PING:
		return (hd->flags & NGHTTP2_FLAG_ACK) == 0 &&
		       !is_earned(&a->pings);
	default:
		return false;
	}
}

bool
h2_abuse_frame(struct h2_abuse *a, unsigned per_second,
    const nghttp2_frame_hd *hd)
{
	if (hd->type == NGHTTP2_HEADERS)
		a->continuations = 0;
	if (hd->type == NGHTTP2_CONTINUATION &&
	    ++a->continuations > CONTINUATIONS_MAX)
		return false;
	return !is_counted(a, hd) || h2_abuse_count(a, per_second);
}

void
h2_abuse_sent_data(struct h2_abuse *a, size_t len)
{
	size_t earned = UPDATES_EARNED + len / BYTES_AN_UPDATE;

	a->updates = earned > UPDATES_MAX - a->updates
			 ? UPDATES_MAX
			 : a->updates + (unsigned)earned;
	if (a->pings < PINGS_MAX)
		a->pings++;
}
