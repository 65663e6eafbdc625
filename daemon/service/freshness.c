/* freshness.c - Registry.FreshnessCounts: how many are confirmed, due, stale. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/value.h"
#include "service/lease.h"
#include "service/page.h"
#include "service/registry.h"
#include "service/schema.h"

#define SLICE 2000  /* records looked at a turn */
#define COUNTINGS 4 /* at once, a worker */
#define KINDS 32
#define AFTER_ALL_IDS "~" /* no id sorts behind it */

struct row {
	Resopro__V1__Kind kind;
	char owner[STORE_ID_MAX + 1];
	uint32_t of[FRESHNESS_STALE + 1];
};

struct counting {
	struct call_user user; /* first; user.call is NULL once it is over */
	struct service *service;
	struct loop_task step;
	bool by_owner, more;
	char owner[STORE_ID_MAX + 1]; /* "" any */
	unsigned kinds;               /* bits: still to be walked */
	Resopro__V1__Kind kind;       /* being walked, or 0 */
	/* Where the walk of that kind stopped; "" at its start. */
	char after_key[STORE_INDEX_KEY_MAX + 1], after_id[STORE_ID_MAX + 1];
	struct row *rows;
	size_t n, wanted;
};

static void
free_counting(struct counting *k)
{
	if (k == NULL)
		return;
	k->service->countings--;
	free(k->rows);
	free(k);
}

/* ---- the walk ------------------------------------------------------------- */

struct slice {
	struct counting *counting;
	struct view *view;
	unsigned looked;
	bool full; /* of the slice, or of the page */
};

/* The row of this key, or NULL: the page has no room for another. */
static struct row *
row_of(struct counting *k, const char *key, size_t len)
{
	struct row *last = k->n > 0 ? &k->rows[k->n - 1] : NULL;
	size_t owner_len = len - 2; /* without the letter and the slash */

	if (last != NULL && last->kind == k->kind &&
	    (!k->by_owner || (strlen(last->owner) == owner_len &&
				 memcmp(last->owner, key + 1, owner_len) == 0)))
		return last;
	if (k->n == k->wanted)
		return NULL;
	last = &k->rows[k->n++];
	*last = (struct row){ .kind = k->kind };
	if (k->by_owner)
		memcpy(last->owner, key + 1, owner_len);
	return last;
}

static int
count_one(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct slice *s = arg;
	struct counting *k = s->counting;
	struct record_facts facts;
	struct stored record;
	struct row *row;
	int found;

	if (len < 2 || len - 2 > STORE_ID_MAX)
		return err_set(e, ERR_CORRUPT, "index key");
	if (s->looked++ == SLICE) {
		s->full = true;
		return 0;
	}
	if ((row = row_of(k, key, len)) == NULL) {
		s->full = k->more = true;
		return 0;
	}
	(void)snprintf(k->after_key, sizeof k->after_key, "%.*s", (int)len,
	    key);
	(void)snprintf(k->after_id, sizeof k->after_id, "%s", id);
	found = view_get(s->view, (uint8_t)k->kind, id, &record, e);
	if (found <= 0)
		return found < 0 ? -1 : 1;
	if (record_facts(record.record, &facts, e) < 0)
		return -1;
	row->of[lease_of(&k->service->clock, s->view, &record, &facts).state]++;
	return 1;
}

/* The kind to walk next, from its start; false: none is left. */
static bool
next_kind(struct counting *k)
{
	for (unsigned kind = 1; kind < KINDS && k->kind == 0; kind++) {
		if ((k->kinds & 1u << kind) == 0)
			continue;
		k->kind = (Resopro__V1__Kind)kind;
		k->kinds &= ~(1u << kind);
		/* A kind without records has its count too. */
		if (!k->by_owner)
			k->rows[k->n++] = (struct row){ .kind = k->kind };
	}
	return k->kind != 0;
}

/* 1: there is more to do; 0: all is counted, or the page is full; -1. */
static int
walk_slice(struct counting *k, struct view *v, struct err *e)
{
	struct slice s = { .counting = k, .view = v };
	char prefix[STORE_INDEX_KEY_MAX];
	size_t len;

	if (!next_kind(k))
		return 0;
	len = schema_key(prefix, k->kind, k->owner);
	if (k->owner[0] == '\0')
		len = 1; /* its letter: everybody's */
	if (view_each_index(v, INDEX_OWNER, prefix, len,
		k->after_key[0] != '\0' ? k->after_key : NULL,
		k->after_key[0] != '\0' ? k->after_id : NULL, count_one, &s,
		e) < 0)
		return -1;
	if (s.full)
		return !k->more;
	k->kind = RESOPRO__V1__KIND__KIND_UNSPECIFIED;
	k->after_key[0] = '\0';
	return 1;
}

/* ---- the answer ----------------------------------------------------------- */

static void
fill(Resopro__V1__FreshnessCount *to, const struct counting *k,
    struct row *from)
{
	struct freshness_period p =
	    lease_period(k->service->clock.periods, (uint8_t)from->kind);

	resopro__v1__freshness_count__init(to);
	to->kind = from->kind;
	to->owner = k->by_owner ? from->owner : (char *)(uintptr_t)k->owner;
	to->confirmed = from->of[FRESHNESS_CONFIRMED];
	to->due = from->of[FRESHNESS_DUE];
	to->stale = from->of[FRESHNESS_STALE];
	to->period_days = (uint32_t)p.days;
	to->due_days = (uint32_t)p.due;
}

static void
answer(struct counting *k, uint64_t revision)
{
	struct call *c = k->user.call;
	Resopro__V1__FreshnessCountsResponse r =
	    RESOPRO__V1__FRESHNESS_COUNTS_RESPONSE__INIT;
	Resopro__V1__FreshnessCount *counts =
	    arena_alloc(call_arena(c), (k->n + 1) * sizeof *counts);
	Resopro__V1__FreshnessCount **list =
	    arena_alloc(call_arena(c), (k->n + 1) * sizeof(*list));
	char token[STORE_ID_MAX + 16];
	struct err e = { 0 };

	if (counts == NULL || list == NULL) {
		err_set(&e, ERR_NOMEM, "counts");
		call_fail(c, &e);
		return;
	}
	for (size_t i = 0; i < k->n; i++) {
		fill(&counts[i], k, &k->rows[i]);
		list[i] = &counts[i];
	}
	r.revision = revision;
	r.counts = list;
	r.n_counts = k->n;
	if (k->more) {
		const struct row *last = &k->rows[k->n - 1];

		(void)snprintf(token, sizeof token, "%d.%s", (int)last->kind,
		    last->owner);
		r.next_page_token = token;
	}
	call_reply(c, &r.base);
}

static void
step(struct loop_task *t)
{
	struct counting *k =
	    (struct counting *)((char *)t - offsetof(struct counting, step));
	struct err e = { 0 };
	struct view *v;
	int rc;

	if (k->user.call == NULL) { /* cancelled meanwhile */
		free_counting(k);
		return;
	}
	v = service_view(k->service, &e);
	rc = v == NULL ? -1 : walk_slice(k, v, &e);
	if (rc == 1) {
		loop_post(k->service->loop, &k->step);
		return;
	}
	call_set_user(k->user.call, NULL);
	if (rc < 0)
		call_fail(k->user.call, &e);
	else
		answer(k, view_revision(v));
	free_counting(k);
}

/* ---- the question --------------------------------------------------------- */

/* "<kind>.<owner>" of the last row. */
static int
read_token(struct counting *k, const char *token, struct err *e)
{
	unsigned kind;
	int at = 0;

	if (token[0] == '\0')
		return 0;
	if (!k->by_owner || sscanf(token, "%2u.%n", &kind, &at) != 1 ||
	    at == 0 || kind == 0 || kind >= KINDS ||
	    (k->kinds & 1u << kind) == 0 ||
	    value_check(VALUE_ID, "page_token", token + at, strlen(token + at),
		NULL) < 0)
		return page_bad_token(e);
	k->kinds &= ~((2u << kind) - 1);
	k->kind = (Resopro__V1__Kind)kind;
	(void)schema_key(k->after_key, k->kind, token + at);
	(void)snprintf(k->after_id, sizeof k->after_id, AFTER_ALL_IDS);
	return 0;
}

static int
read_request(struct counting *k, const Resopro__V1__FreshnessCountsRequest *q,
    struct err *e)
{
	const struct kind_schema *const *all = schema_all();
	uint32_t rows;

	if (q->owner[0] != '\0' &&
	    value_check(VALUE_ID, "owner", q->owner, strlen(q->owner), e) < 0)
		return -1;
	if (q->kind != RESOPRO__V1__KIND__KIND_UNSPECIFIED &&
	    registry_check_name(q->kind, "x", e) < 0)
		return -1;
	if (page_size(q->page_size, &rows, e) < 0)
		return -1;
	(void)snprintf(k->owner, sizeof k->owner, "%s", q->owner);
	k->by_owner = q->by_owner != 0;
	for (size_t i = 0; all[i] != NULL; i++) {
		Resopro__V1__Kind kind = all[i]->kind;

		if ((q->kind == 0 || q->kind == kind) &&
		    lease_period(k->service->clock.periods, (uint8_t)kind)
			    .days > 0)
			k->kinds |= 1u << kind;
	}
	k->wanted = k->by_owner ? rows : KINDS;
	return read_token(k, q->page_token, e);
}

int
registry_freshness_counts(struct call *c, const ProtobufCMessage *m,
    struct err *e)
{
	struct service *s = call_service(c);
	struct counting *k;

	if (s->countings >= COUNTINGS) {
		call_retry_after(c, 1000);
		err_set(e, ERR_LIMIT, "%u counts are being made", s->countings);
		err_reason(e, "TOO_MANY_COUNTS");
		return err_remedy(e, "try again in a second");
	}
	if ((k = calloc(1, sizeof *k)) == NULL)
		return err_set(e, ERR_NOMEM, "counts");
	s->countings++;
	k->service = s;
	k->user.call = c;
	k->step.run = step;
	if (read_request(k, (const Resopro__V1__FreshnessCountsRequest *)m, e) <
		0 ||
	    (k->rows = calloc(k->wanted, sizeof *k->rows)) == NULL) {
		free_counting(k);
		return e->code != ERR_NONE ? -1
					   : err_set(e, ERR_NOMEM, "counts");
	}
	call_set_user(c, &k->user);
	loop_post(s->loop, &k->step);
	return 0;
}

void
registry_freshness_counts_closed(struct call *c)
{
	struct counting *k = (struct counting *)call_user(c);

	if (k != NULL)
		k->user.call = NULL; /* its next step frees it */
}
