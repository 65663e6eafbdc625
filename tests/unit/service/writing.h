/*
 * writing.h - write a record to a store from a test, and wait for it.
 */
#ifndef TESTS_SERVICE_WRITING_H
#define TESTS_SERVICE_WRITING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "service/record.h"
#include "store/store.h"

struct one_put {
	struct proposal proposal;    /* first */
	Resopro__V1__Record *record; /* NULL: delete */
	uint8_t kind;
	const char *id;
	struct arena *arena;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over;
};

static int
one_put_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct one_put *put = (struct one_put *)p;
	struct bytes head;
	uint8_t *out;
	size_t len;

	if (put->record == NULL)
		return decision_delete(d, put->kind, put->id, ANY_VERSION, e);
	head = record_pack(put->arena, &put->record->base, e);
	out = arena_alloc(put->arena, head.len + RECORD_TRAILER_MAX);
	assert_non_null(out);
	memcpy(out, head.data, head.len);
	len = head.len + record_trailer(out + head.len, 1, decision_revision(d),
			     decision_time(d), decision_time(d));
	return decision_put(d, put->kind, put->id, ANY_VERSION,
	    (struct bytes){ out, len }, e);
}

static void
one_put_done(struct proposal *p)
{
	struct one_put *put = (struct one_put *)p;

	pthread_mutex_lock(&put->lock);
	put->over = true;
	pthread_cond_signal(&put->ended);
	pthread_mutex_unlock(&put->lock);
}

/* Put `record`, or delete it when it is NULL; scratch in `arena`. */
static void
propose(struct store *store, struct arena *arena, uint8_t kind, const char *id,
    Resopro__V1__Record *record)
{
	struct one_put put = {
		.proposal = { .actor = "test",
		    .method = "/test",
		    .decide = one_put_decide,
		    .done = one_put_done },
		.record = record,
		.kind = kind,
		.id = id,
		.arena = arena,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
	};

	store_propose(store, &put.proposal);
	pthread_mutex_lock(&put.lock);
	while (!put.over)
		pthread_cond_wait(&put.ended, &put.lock);
	pthread_mutex_unlock(&put.lock);
	if (put.proposal.err.code != ERR_NONE)
		print_error("%s\n", put.proposal.err.msg);
	assert_int_equal(put.proposal.err.code, ERR_NONE);
}

#endif
