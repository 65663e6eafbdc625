/* service.c - see service.h: one worker's services, put together. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/text_index.h"
#include "net/peer.h"
#include "service/accounts.h"
#include "service/activities.h"
#include "service/admin.h"
#include "service/authorise.h"
#include "service/memberships.h"
#include "service/ownership.h"
#include "service/referrals.h"
#include "service/registry.h"
#include "service/search_docs.h"
#include "service/search_index.h"
#include "service/territories.h"
#include "service/watch.h"
#include "service/write.h"
#include "wire/grpc.h"

#define RECHECK_NS ((int64_t)1000000000)
#define ADMIN_PREFIX "/resopro.v1.Admin/"

/* ---- methods -------------------------------------------------------------- */

const struct rpc_method registry_methods[] = {
	{ .path = "/resopro.v1.Registry/Get",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__get_request__descriptor,
	    .message = registry_get },
	{ .path = "/resopro.v1.Registry/BatchGet",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__batch_get_request__descriptor,
	    .message = registry_batch_get },
	{ .path = "/resopro.v1.Registry/List",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__list_request__descriptor,
	    .message = registry_list },
	{ .path = "/resopro.v1.Registry/Search",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__search_request__descriptor,
	    .message = registry_search,
	    .closed = registry_search_closed },
	{ .path = "/resopro.v1.Registry/Put",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__put_request__descriptor,
	    .message = registry_put,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Registry/Delete",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__delete_request__descriptor,
	    .message = registry_delete,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Registry/Confirm",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__confirm_request__descriptor,
	    .message = registry_confirm,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Registry/History",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__history_request__descriptor,
	    .message = registry_history },
	{ .path = "/resopro.v1.Registry/Sync",
	    .kind = RPC_BIDI,
	    .input = &resopro__v1__sync_request__descriptor,
	    .message = registry_sync,
	    .half_close = registry_sync_half_close,
	    .writable = registry_sync_writable,
	    .closed = registry_sync_closed },
	{ .path = "/resopro.v1.Registry/Watch",
	    .kind = RPC_SERVER_STREAM,
	    .input = &resopro__v1__watch_request__descriptor,
	    .message = registry_watch,
	    .writable = registry_watch_writable,
	    .closed = registry_watch_closed },
	{ .path = "/resopro.v1.Registry/FreshnessCounts",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__freshness_counts_request__descriptor,
	    .message = registry_freshness_counts,
	    .closed = registry_freshness_counts_closed },
	{ .path = NULL },
};

const struct rpc_method *const *
service_methods(void)
{
	static const struct rpc_method *const tables[] = {
		registry_methods,
		memberships_methods,
		ownership_methods,
		activities_methods,
		referrals_methods,
		territories_methods,
		admin_methods,
		NULL,
	};

	return tables;
}

/* ---- the snapshot of a turn ----------------------------------------------- */

static void
release(struct turn_hook *h)
{
	struct service *s =
	    (struct service *)((char *)h - offsetof(struct service, release));

	reader_release(s->reader);
}

struct view *
service_view(struct service *s, struct err *e)
{
	struct view *v = reader_view(s->reader, e);

	/* A commit was told since the turn began: its answer, and whoever heard
	 * of it elsewhere, must find it here. */
	if (v != NULL && view_revision(v) < store_head(s->store)) {
		reader_release(s->reader);
		v = reader_view(s->reader, e);
	}
	if (v != NULL)
		loop_at_turn_end(s->loop, &s->release);
	return v;
}

/* ---- accounts that change ------------------------------------------------- */

static bool
touches_accounts(const struct commit *c)
{
	return c->method.len >= sizeof ADMIN_PREFIX - 1 &&
	       memcmp(c->method.data, ADMIN_PREFIX, sizeof ADMIN_PREFIX - 1) ==
		   0;
}

static void
refresh_accounts(struct service *s, struct view *v)
{
	struct err e = { 0 };

	if (accounts_load(s->accounts, v, &e) < 0) {
		log_error("accounts_load", "error=\"%s\"", e.msg);
		return;
	}
	if (s->server != NULL)
		rpc_server_recheck(s->server);
}

static void
head_moved(struct store_watch *w, uint64_t head, void *arg)
{
	struct service *s = arg;
	struct err e = { 0 };
	struct view *v = service_view(s, &e);
	bool accounts = false;

	(void)w;
	(void)head;
	while (v != NULL && !accounts && s->seen < view_revision(v)) {
		struct commit c;

		accounts = view_commit(v, ++s->seen, &c, &e) != 1 ||
			   touches_accounts(&c);
	}
	if (v == NULL)
		return;
	search_index_moved(s->search_index);
	if (accounts) {
		s->seen = view_revision(v);
		refresh_accounts(s, v);
	}
	watchers_moved(s->watchers);
}

void
service_publish_counts(struct service *s)
{
	struct service_counts *mine = &s->counts[s->worker];
	struct rpc_counters n = { 0 };

	if (s->server != NULL)
		rpc_server_counters(s->server, &n);
	atomic_store_explicit(&mine->connections, n.connections_open,
	    memory_order_relaxed);
	atomic_store_explicit(&mine->calls, n.calls, memory_order_relaxed);
	atomic_store_explicit(&mine->watches, watchers_open(s->watchers),
	    memory_order_relaxed);
}

int64_t
service_now(struct service *s)
{
	int64_t now = clock_wall_ns();
	struct store_stats st;

	store_stats(s->store, &st);
	return now > st.head_time_ns ? now : st.head_time_ns;
}

/* Which day is it?  Asked once a second rather than once an answer: whatever
 * the clock does, it is soon known. */
static void
read_day(struct service *s)
{
	int32_t before = s->clock.today;

	s->clock.today = lease_day(service_now(s));
	if (s->clock.today > before)
		watchers_new_day(s->watchers);
}

/* A credential may expire while its streams are open. */
static void
recheck(struct timer *t)
{
	struct service *s =
	    (struct service *)((char *)t - offsetof(struct service, recheck));

	if (s->server != NULL && watchers_open(s->watchers) + s->syncs > 0)
		rpc_server_recheck(s->server);
	service_publish_counts(s);
	read_day(s);
	timer_start(s->loop, &s->recheck, RECHECK_NS);
}

/* ---- who calls ------------------------------------------------------------ */

#define IDENTITIES 1024 /* a power of two */

struct identities { /* certificates met lately, by their digest */
	struct {
		uint64_t generation; /* of accounts; 0: empty */
		struct principal who;
	} slots[IDENTITIES];
};

static int
identify(struct service *s, const struct peer *peer, const char *token,
    struct principal *who, struct err *e)
{
	uint64_t generation = accounts_generation(s->accounts);
	int64_t now = clock_wall_ns() / 1000000000;
	unsigned slot;

	if (token != NULL || peer == NULL || !peer->has_cert)
		return accounts_identify(s->accounts, peer, token, now, who, e);
	slot = (peer->cert_sha256[0] << 8 | peer->cert_sha256[1]) &
	       (IDENTITIES - 1);
	if (s->identities->slots[slot].generation == generation &&
	    memcmp(s->identities->slots[slot].who.cert_sha256,
		peer->cert_sha256, sizeof peer->cert_sha256) == 0) {
		*who = s->identities->slots[slot].who;
		return 0;
	}
	if (accounts_identify(s->accounts, peer, token, now, who, e) < 0)
		return -1;
	s->identities->slots[slot].generation = generation;
	s->identities->slots[slot].who = *who;
	return 0;
}

int
service_admit(struct call *c, struct err *e)
{
	struct service *s = call_service(c);
	struct principal *who = arena_alloc(call_arena(c), sizeof *who);

	if (who == NULL)
		return err_set(e, ERR_NOMEM, "admit");
	if (identify(s, call_peer(c), call_metadata(c, "authorization"), who,
		e) < 0 ||
	    authorise_method(who, call_method(c)->path, e) < 0)
		return -1;
	if (who->expires != 0 && who->expires <= clock_wall_ns() / 1000000000) {
		err_set(e, ERR_UNAUTHENTICATED, "the credential has expired");
		err_reason(e, "CREDENTIAL_EXPIRED");
		return err_remedy(e, "renew it");
	}
	call_set_principal(c, who);
	return 0;
}

int
service_recheck(struct call *c, struct err *e)
{
	return accounts_recheck(call_service(c)->accounts, call_principal(c),
	    clock_wall_ns() / 1000000000, e);
}

void
service_done(struct call *c, unsigned status, int64_t duration_ns)
{
	const struct principal *who = call_principal(c);

	/* What was asked is never logged, only which method and how it went. */
	log_debug("call", "method=%s account=%s status=%s us=%lld",
	    call_method(c)->path, who != NULL ? who->account : "-",
	    grpc_status_name(status), (long long)duration_ns / 1000);
}

/* ---- life ----------------------------------------------------------------- */

static void
fill_limits(struct service_limits *l, unsigned workers)
{
	if (l->retire_percent == 0)
		l->retire_percent = 10;
	if (l->retire_free == 0)
		l->retire_free = 3;
	if (l->sync_max_records == 0)
		l->sync_max_records = 100000;
	if (l->sync_max_bytes == 0)
		l->sync_max_bytes = (size_t)256 << 20;
	if (l->sync_total_bytes == 0)
		l->sync_total_bytes = (size_t)1 << 30;
	l->sync_total_bytes /= workers > 0 ? workers : 1;
	if (l->sync_total_bytes < l->sync_max_bytes)
		l->sync_total_bytes = l->sync_max_bytes;
	if (l->syncs == 0)
		l->syncs = 64;
	if (l->watches == 0)
		l->watches = 20000;
	if (l->list_work == 0)
		l->list_work = 20000;
}

static int
start(struct service *s, struct err *e)
{
	struct view *v;

	s->identities = calloc(1, sizeof *s->identities);
	s->reader = reader_new(s->store, e);
	s->accounts = accounts_new(e);
	s->referrals = referrals_new(s, e);
	s->search_scratch = text_scratch_new();
	s->watchers = watchers_new(s, e);
	if (s->identities == NULL || s->reader == NULL || s->accounts == NULL ||
	    s->referrals == NULL || s->search_scratch == NULL ||
	    s->watchers == NULL)
		return e->code != ERR_NONE ? -1
					   : err_set(e, ERR_NOMEM, "service");
	s->moved = store_watch_new(s->store, s->loop, head_moved, s, e);
	if (s->moved == NULL || (v = reader_view(s->reader, e)) == NULL)
		return -1;
	s->seen = view_revision(v);
	if (accounts_load(s->accounts, v, e) < 0)
		return -1;
	reader_release(s->reader);
	read_day(s);
	s->recheck.run = recheck;
	timer_start(s->loop, &s->recheck, RECHECK_NS);
	return 0;
}

struct service *
service_new(struct loop *loop, const struct service_opts *o, struct err *e)
{
	struct service *s = aligned_alloc(_Alignof(struct service), sizeof *s);

	if (s == NULL) {
		err_set(e, ERR_NOMEM, "service");
		return NULL;
	}
	memset(s, 0, sizeof *s);
	s->loop = loop;
	s->store = o->store;
	service_set_catalog(s, o->catalog);
	s->search_index = o->search_index;
	s->limits = o->limits;
	s->workers = o->counts != NULL ? o->workers : 1;
	s->worker = o->counts != NULL ? o->worker : 0;
	s->counts = o->counts != NULL ? o->counts : &s->own_counts;
	s->started_ns = o->started_ns;
	s->release.run = release;
	(void)snprintf(s->certificate_expires, sizeof s->certificate_expires,
	    "%s", o->certificate_expires != NULL ? o->certificate_expires : "");
	fill_limits(&s->limits, o->workers);
	if (start(s, e) < 0) {
		service_free(s);
		return NULL;
	}
	return s;
}

void
service_free(struct service *s)
{
	if (s == NULL)
		return;
	admin_stop(s);
	timer_stop(&s->recheck);
	loop_cancel_hook(s->loop, &s->release);
	store_watch_free(s->moved);
	watchers_free(s->watchers);
	referrals_free(s->referrals);
	text_scratch_free(s->search_scratch);
	search_docs_free(s->search_docs);
	accounts_free(s->accounts);
	reader_free(s->reader);
	catalog_unref(s->catalog);
	free(s->identities);
	free(s);
}

void
service_sends_away(struct service *s)
{
	s->away++;
}

void
service_came_back(struct service *s)
{
	void (*quiet)(void *) = s->quiet;

	if (--s->away > 0 || quiet == NULL)
		return;
	s->quiet = NULL;
	quiet(s->quiet_arg);
}

void
service_quiesce(struct service *s, void (*quiet)(void *), void *arg)
{
	if (s->away == 0) {
		quiet(arg);
		return;
	}
	s->quiet = quiet;
	s->quiet_arg = arg;
}

void
service_set_server(struct service *s, struct rpc_server *server)
{
	s->server = server;
	if (server != NULL)
		referrals_start(s->referrals);
}

void
service_set_catalog(struct service *s, struct catalog *catalog)
{
	struct catalog *old = s->catalog;

	s->catalog = catalog_ref(catalog);
	s->clock.periods = catalog_periods(catalog);
	catalog_unref(old);
}
