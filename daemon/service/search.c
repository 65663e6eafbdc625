/*
 * search.c - Registry.Search: what is asked, of the index that all workers
 * share.
 *
 * The index may be a few commits behind, or not yet made: the call then waits
 * for it.  A large one has several parts: when looking at them takes long, the
 * loop has a turn in between.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "resopro/v1/registry.pb-c.h"
#include "service/authorise.h"
#include "service/list.h"
#include "service/registry.h"
#include "service/search_answer.h"

#define HITS_MAX 100
#define HITS_DEFAULT 20
#define TURN_NS ((int64_t)1000000) /* of the loop, for one search */

struct search_call { /* in the call's arena */
	struct call *call;
	struct service *service;
	const Resopro__V1__SearchRequest *request;
	struct search_query query;
	struct text_position after;
	struct text_question question;
	size_t size;
	uint64_t filters; /* hash of what was asked */
	struct search_found *found;
	size_t part; /* the next to look at */
};

/* A search that goes on later.  It outlives the call. */
struct search_hold {
	struct call_user user; /* user.call is NULL once the call is over */
	struct search_wait wait;
	struct service *service;
	struct search_call *search; /* while the call lives */
};

static void go_on(struct search_call *, struct search_view *);

/* ---- later -------------------------------------------------------------------- */

/* The index is there, or the loop's next turn. */
static void
resume(struct loop_task *t)
{
	struct search_hold *h =
	    (struct search_hold *)((char *)t -
				   offsetof(struct search_hold, wait.task));
	struct call *c = h->user.call;
	struct search_view *v = h->wait.view;
	struct search_call *s = h->search;
	struct err e = h->wait.err;

	service_came_back(h->service);
	free(h);
	if (c == NULL) {
		search_view_unref(v);
		return;
	}
	call_set_user(c, NULL);
	if (v != NULL) {
		go_on(s, v);
		return;
	}
	if (e.code != ERR_CORRUPT)
		call_retry_after(c, 1000);
	call_fail(c, &e);
}

/* NULL, and the call has failed. */
static struct search_hold *
hold(struct search_call *s)
{
	struct search_hold *h = calloc(1, sizeof *h);
	struct err e = { 0 };

	if (h == NULL) {
		err_set(&e, ERR_NOMEM, "search");
		call_fail(s->call, &e);
		return NULL;
	}
	h->user.call = s->call;
	h->wait.loop = s->service->loop;
	h->wait.task.run = resume;
	h->service = s->service;
	h->search = s;
	call_set_user(s->call, &h->user);
	service_sends_away(s->service);
	return h;
}

static void
wait_for_index(struct search_call *s, uint64_t revision)
{
	struct search_hold *h = hold(s);

	if (h == NULL)
		return;
	h->wait.revision = revision;
	search_index_wait(s->service->search_index, &h->wait);
}

/* Takes the reference. */
static void
wait_for_turn(struct search_call *s, struct search_view *v)
{
	struct search_hold *h = hold(s);

	if (h == NULL) {
		search_view_unref(v);
		return;
	}
	h->wait.view = v;
	loop_post(s->service->loop, &h->wait.task);
}

void
registry_search_closed(struct call *c)
{
	struct call_user *u = call_user(c);

	if (u != NULL)
		((struct search_hold *)u)->user.call = NULL;
}

/* ---- looking ------------------------------------------------------------------- */

static size_t
count(const struct search_call *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->part; i++)
		n += s->found[i].n;
	return n;
}

/* 1 done, 0 the turn is over, -1. */
static int
look(struct search_call *s, const struct search_view *v, struct err *e)
{
	int64_t end = clock_monotonic_ns() + TURN_NS;
	size_t n = search_view_parts(v), room = s->size + 1;

	for (; s->part < n; s->part++) {
		struct search_found *f = &s->found[s->part];
		int found;

		if (s->part > 0 && clock_monotonic_ns() >= end)
			return 0;
		f->part = search_view_part(v, s->part);
		if (f->hits == NULL)
			f->hits = arena_alloc(call_arena(s->call),
			    room * sizeof *f->hits);
		found = f->hits == NULL
			    ? -1
			    : text_index_search(&f->part, &s->question,
				  s->service->search_scratch, f->hits, room);
		if (found < 0)
			return err_set(e, ERR_NOMEM, "search");
		f->n = (size_t)found;
	}
	return 1;
}

/* Nothing as it was typed: look again, for slips. */
static bool
again_for_slips(struct search_call *s)
{
	if (s->question.spelling || s->question.after != NULL || count(s) > 0)
		return false;
	s->question.spelling = true;
	s->part = 0;
	return true;
}

static int
prepare(struct search_call *s, const struct search_view *v, struct err *e)
{
	const struct catalog *c = search_view_catalog(v);
	const struct territory *t = catalog_territory(c);

	if (s->found != NULL)
		return 0; /* the turn before did */
	if (search_query_read(&s->query, catalog_search_words(c),
		s->request->query, e) < 0 ||
	    list_zone(t, "territory", s->request->territory, &s->question.zone,
		e) < 0)
		return -1;
	s->question.query = &s->query;
	s->found = arena_alloc(call_arena(s->call),
	    (search_view_parts(v) + 1) * sizeof *s->found);
	return s->found != NULL ? 0 : err_set(e, ERR_NOMEM, "search");
}

/* 1 done, 0 the turn is over, -1. */
static int
look_all(struct search_call *s, const struct search_view *v, struct err *e)
{
	int rc;

	do
		rc = look(s, v, e);
	while (rc == 1 && again_for_slips(s));
	return rc;
}

/* Takes the reference. */
static void
go_on(struct search_call *s, struct search_view *v)
{
	struct err e = { 0 };
	int rc = prepare(s, v, &e) < 0 ? -1 : look_all(s, v, &e);

	if (rc == 0) {
		wait_for_turn(s, v);
		return;
	}
	if (rc < 0 || search_answer(s->call, v, &s->question, s->found, s->part,
			  s->size, s->request->why, s->filters, &e) < 0)
		call_fail(s->call, &e);
	search_view_unref(v);
}

/* ---- asking --------------------------------------------------------------------- */

static int
refuse(const char *field, const char *reason, const char *what,
    const char *remedy, struct err *e)
{
	err_set(e, ERR_INVALID, "%s: %s", field, what);
	err_field(e, field);
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

/* The kinds asked for; without any, those that the caller may read. */
static int
read_kinds(struct search_call *s, struct err *e)
{
	static const Resopro__V1__Kind all[] = {
		RESOPRO__V1__KIND__KIND_ORGANISATION,
		RESOPRO__V1__KIND__KIND_SITE,
		RESOPRO__V1__KIND__KIND_OFFER,
	};
	const struct principal *who = call_principal(s->call);
	const char *method = call_method(s->call)->path;
	const Resopro__V1__SearchRequest *q = s->request;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (authorise(who, method, all[i], false, NULL) == 0)
			s->question.kinds |= 1u << all[i];
	if (q->n_kinds == 0)
		return 0;
	for (size_t i = 0; i < q->n_kinds; i++) {
		unsigned kind = (unsigned)q->kinds[i];

		if (kind != all[0] && kind != all[1] && kind != all[2])
			return refuse("kinds", "KIND", "is not searched",
			    "give organisation, site or offer, or none for all",
			    e);
		if (authorise(who, method, q->kinds[i], false, e) < 0)
			return -1;
	}
	s->question.kinds = 0;
	for (size_t i = 0; i < q->n_kinds; i++)
		s->question.kinds |= 1u << q->kinds[i];
	return 0;
}

static uint64_t
hash_filters(const struct search_call *s)
{
	const Resopro__V1__SearchRequest *q = s->request;
	uint64_t h = XXH3_64bits(q->query, strlen(q->query));

	h = XXH3_64bits_withSeed(q->territory, strlen(q->territory), h);
	return h ^ s->question.kinds;
}

static int
read_request(struct search_call *s, struct err *e)
{
	const Resopro__V1__SearchRequest *q = s->request;

	if (q->page_size > HITS_MAX)
		return refuse("page_size", "OUT_OF_RANGE", "is too large",
		    "give 1 to 100, or 0 for 20", e);
	s->size = q->page_size != 0 ? q->page_size : HITS_DEFAULT;
	if (read_kinds(s, e) < 0)
		return -1;
	s->filters = hash_filters(s);
	if (q->page_token[0] == '\0')
		return 0;
	s->question.after = &s->after;
	if (search_read_token(call_arena(s->call), q->page_token, s->filters,
		&s->after, e) < 0)
		return -1;
	s->question.spelling = s->after.rank >= SEARCH_RANK_SPELLING;
	return 0;
}

int
registry_search(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *service = call_service(c);
	struct search_call *s = arena_alloc(call_arena(c), sizeof *s);
	struct search_view *v;
	uint64_t revision;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "search");
	if (service->search_index == NULL) {
		err_set(e, ERR_UNAVAILABLE, "this daemon does not search");
		return err_remedy(e, "ask another");
	}
	s->call = c;
	s->service = service;
	s->request = (const Resopro__V1__SearchRequest *)m;
	if (read_request(s, e) < 0)
		return -1;
	revision = store_head(service->store);
	v = search_index_view(service->search_index, revision);
	if (v != NULL)
		go_on(s, v);
	else
		wait_for_index(s, revision);
	return 0;
}
