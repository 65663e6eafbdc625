/* admin.c - see admin.h: who is who, why, and how the daemon is. */
#include "service/admin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "domain/territory.h"
#include "domain/value.h"
#include "net/peer.h"
#include "service/accounts.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/watch.h"
#include "service/write.h"

#define PAGE_MAX 1000

typedef Resopro__V1__Account Account;

/* ---- accounts ------------------------------------------------------------- */

int
admin_read_account(struct view *v, struct arena *arena, const char *id,
    uint64_t revision, Account **out, struct stored *s, struct err *e)
{
	ProtobufCAllocator alloc = record_allocator(arena);
	int rc = revision == view_revision(v)
		     ? view_get(v, KIND_ACCOUNT, id, s, e)
		     : view_get_as_of(v, KIND_ACCOUNT, id, revision, s, e);

	if (rc <= 0)
		return rc;
	if (s->deleted)
		return 0;
	*out =
	    resopro__v1__account__unpack(&alloc, s->record.len, s->record.data);
	return *out != NULL
		   ? 1
		   : err_set(e, ERR_CORRUPT, "account %s does not unpack", id);
}

void
admin_hide_secrets(Account *a)
{
	for (size_t i = 0; i < a->n_tokens; i++)
		a->tokens[i]->hash = (ProtobufCBinaryData){ 0, NULL };
}

static int
not_found(const char *id, struct err *e)
{
	err_set(e, ERR_NOT_FOUND, "account %s does not exist", id);
	err_field(e, "id");
	err_reason(e, "ABSENT");
	return err_remedy(e, "check the id (resopro account list)");
}

static int
get_account(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__GetAccountRequest *q =
	    (const Resopro__V1__GetAccountRequest *)m;
	const struct principal *who = call_principal(c);
	Resopro__V1__AccountResponse r = RESOPRO__V1__ACCOUNT_RESPONSE__INIT;
	struct view *v = service_view(call_service(c), e);
	struct stored s;
	int rc;

	if (v == NULL || authorise(who, call_method(c)->path, KIND_ACCOUNT,
			     strcmp(who->account, q->id) == 0, e) < 0)
		return -1;
	rc = admin_read_account(v, call_arena(c), q->id, view_revision(v),
	    &r.account, &s, e);
	if (rc <= 0)
		return rc < 0 ? -1 : not_found(q->id, e);
	admin_hide_secrets(r.account);
	r.revision = view_revision(v);
	r.version = s.version;
	return call_reply(c, &r.base);
}

struct account_page {
	struct arena *arena;
	Account **list;
	size_t n, max;
	bool more;
};

static int
take_account(const struct stored *s, void *arg, struct err *e)
{
	struct account_page *p = arg;
	ProtobufCAllocator alloc = record_allocator(p->arena);

	if (s->deleted)
		return 1;
	if (p->n == p->max) {
		p->more = true;
		return 0;
	}
	p->list[p->n] =
	    resopro__v1__account__unpack(&alloc, s->record.len, s->record.data);
	if (p->list[p->n] == NULL)
		return err_set(e, ERR_CORRUPT, "account %s", s->id);
	admin_hide_secrets(p->list[p->n++]);
	return 1;
}

static int
list_accounts(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ListAccountsRequest *q =
	    (const Resopro__V1__ListAccountsRequest *)m;
	Resopro__V1__ListAccountsResponse r =
	    RESOPRO__V1__LIST_ACCOUNTS_RESPONSE__INIT;
	struct account_page p = { .arena = call_arena(c),
		.max = q->page_size != 0 ? q->page_size : 100 };
	struct view *v = service_view(call_service(c), e);

	if (v == NULL ||
	    authorise(call_principal(c), call_method(c)->path, 0, false, e) < 0)
		return -1;
	if (p.max > PAGE_MAX) {
		err_set(e, ERR_INVALID, "page_size: %u", q->page_size);
		err_field(e, "page_size");
		err_reason(e, "OUT_OF_RANGE");
		return err_remedy(e, "give 1 to %d, or 0 for 100", PAGE_MAX);
	}
	p.list = arena_alloc(p.arena, p.max * sizeof(*p.list));
	if (p.list == NULL)
		return err_set(e, ERR_NOMEM, "accounts");
	if (view_each(v, KIND_ACCOUNT, q->page_token, take_account, &p, e) < 0)
		return -1;
	r.revision = view_revision(v);
	r.accounts = p.list;
	r.n_accounts = p.n;
	if (p.more)
		r.next_page_token = p.list[p.n - 1]->id;
	return call_reply(c, &r.base);
}

/* ---- who, and why --------------------------------------------------------- */

static int
who_am_i(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const struct principal *who = call_principal(c);
	Resopro__V1__WhoAmIResponse r = RESOPRO__V1__WHO_AM_IRESPONSE__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	struct view *v = service_view(call_service(c), e);
	struct stored s;
	Resopro__V1__Record *org;

	(void)m;
	if (v == NULL)
		return -1;
	if (admin_read_account(v, call_arena(c), who->account, view_revision(v),
		&r.account, &s, e) != 1)
		return e->code != ERR_NONE ? -1 : not_found(who->account, e);
	admin_hide_secrets(r.account);
	r.revision = view_revision(v);
	r.credential = (char *)(uintptr_t)who->credential;
	t.seconds = who->expires;
	if (who->expires != 0)
		r.credential_expires_at = &t;
	if (call_peer(c) != NULL)
		r.address = (char *)(uintptr_t)call_peer(c)->address;
	if (view_get(v, RESOPRO__V1__KIND__KIND_ORGANISATION, who->organisation,
		&s, e) == 1 &&
	    !s.deleted &&
	    (org = record_unpack(call_arena(c), s.record, e)) != NULL)
		r.organisation_nom = (char *)(uintptr_t)schema_name(org);
	return call_reply(c, &r.base);
}

struct question { /* Explain */
	const struct principal *who;
	const char *method;
	Resopro__V1__Kind kind;
	bool own;
	const char *field;
};

static int
verdict(const struct question *q, struct arena *arena,
    Resopro__V1__ExplainResponse *r)
{
	const struct policy_row *row = authorise_row(q->method, q->kind);
	const struct kind_schema *ks = schema_of(q->kind);
	const struct field_rule *f = ks != NULL && q->field[0] != '\0'
					 ? schema_field(ks, q->field)
					 : NULL;
	struct err why = { 0 };

	r->rule = (char *)(uintptr_t)(row != NULL ? row->rule : "");
	if (authorise(q->who, q->method, q->kind, q->own, &why) < 0) {
		r->reason = arena_strdup(arena, why.msg);
		r->remedy = arena_strdup(arena, why.remedy);
		return 0;
	}
	if (f != NULL && (f->flags & FIELD_AGENCY) != 0 &&
	    !principal_is_agency(q->who)) {
		r->rule = (char *)(uintptr_t) "field-of-agency";
		r->reason = arena_printf(arena, "%s.%s belongs to the agency",
		    ks->name, f->name);
		r->remedy = (char *)(uintptr_t) "leave it empty, or ask the "
						"agency to change it";
		return 0;
	}
	r->allowed = 1;
	r->reason = arena_printf(arena, "%s: account %s may%s", row->rule,
	    q->who->account,
	    (row->any & q->who->roles) == 0 ? ", for its own body" : "");
	return 0;
}

static const char *
whole_method(struct arena *arena, const char *given)
{
	return given[0] == '/' ? given
			       : arena_printf(arena, "/resopro.v1.%s", given);
}

/* Does the question name a field, and is there such a field? */
static int
check_field(const struct question *q, struct err *e)
{
	const struct kind_schema *ks = schema_of(q->kind);

	if (q->field[0] == '\0' ||
	    (ks != NULL && schema_field(ks, q->field) != NULL))
		return 0;
	err_set(e, ERR_INVALID, "field: %s has no field %s",
	    ks != NULL ? ks->name : "what the method acts on", q->field);
	err_field(e, "field");
	err_reason(e, "FIELD");
	return err_remedy(e, "give the kind of record, and a field of it as "
			     "resopro show --output json names it");
}

enum { KINDS_END = 32 }; /* past every kind that the policy knows */

/* A method that acts on records: of the only kind that it takes, or of the
 * kind that the question must name. */
static int
find_kind(struct question *q, struct err *e)
{
	unsigned subjects = 0;
	int kind;

	if (q->kind != RESOPRO__V1__KIND__KIND_UNSPECIFIED)
		return 0;
	for (size_t i = 0; policy_at(i) != NULL; i++)
		if (strcmp(policy_at(i)->method, q->method) == 0)
			subjects |= policy_at(i)->subjects;
	if (subjects == 0 || (subjects & SUBJECT_NONE) != 0)
		return 0;
	for (kind = RESOPRO__V1__KIND__KIND_ORGANISATION; kind < KINDS_END;
	     kind++) {
		if (authorise_subject((Resopro__V1__Kind)kind) != subjects)
			continue;
		q->kind = (Resopro__V1__Kind)kind;
		return 0;
	}
	err_set(e, ERR_INVALID, "kind: %s acts on records of several kinds",
	    q->method);
	err_field(e, "kind");
	err_reason(e, "REQUIRED");
	return err_remedy(e, "say on which: organisation, site, offer, status "
			     "or activity");
}

/* Whose is the record that the question is about? */
static int
find_subject(struct question *q, struct view *v, struct arena *arena,
    const char *id, struct err *e)
{
	Resopro__V1__Record *r;
	struct stored s;
	int found;

	if (id[0] == '\0') {
		q->own = true; /* a record of its own, as yet unnamed */
		return 0;
	}
	if (q->kind == KIND_ACCOUNT) {
		q->own = strcmp(q->who->account, id) == 0;
		return 0;
	}
	if (registry_check_name(q->kind, id, e) < 0 ||
	    (found = view_get(v, (uint8_t)q->kind, id, &s, e)) < 0)
		return -1;
	if (found == 0 || s.deleted)
		return registry_not_found(q->kind, id, found == 1, e);
	if ((r = record_unpack(arena, s.record, e)) == NULL)
		return -1;
	q->own = principal_owns(q->who, r->owner, r->kind, r->id,
	    schema_string(r, "organisation_id"));
	return 0;
}

static int
explain(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ExplainRequest *in =
	    (const Resopro__V1__ExplainRequest *)m;
	struct service *s = call_service(c);
	const struct principal *me = call_principal(c);
	Resopro__V1__ExplainResponse r = RESOPRO__V1__EXPLAIN_RESPONSE__INIT;
	struct view *v = service_view(s, e);
	struct question q = { .kind = in->kind, .field = in->field };
	const char *account =
	    in->account_id[0] != '\0' ? in->account_id : me->account;
	struct principal who;

	if (v == NULL ||
	    authorise(me, call_method(c)->path, KIND_ACCOUNT,
		strcmp(me->account, account) == 0, e) < 0 ||
	    accounts_principal(s->accounts, account, &who, e) < 0)
		return -1;
	q.who = &who;
	q.method = whole_method(call_arena(c), in->method);
	if (q.method == NULL ||
	    (s->server != NULL && rpc_server_find(s->server, q.method,
				      strlen(q.method)) == NULL)) {
		err_set(e, ERR_INVALID, "method: there is no method %s",
		    in->method);
		err_field(e, "method");
		err_reason(e, "METHOD");
		return err_remedy(e, "give Service/Method, as Registry/Put");
	}
	if (find_kind(&q, e) < 0 || check_field(&q, e) < 0 ||
	    find_subject(&q, v, call_arena(c), in->record_id, e) < 0)
		return -1;
	r.revision = view_revision(v);
	verdict(&q, call_arena(c), &r);
	return call_reply(c, &r.base);
}

/* ---- state ---------------------------------------------------------------- */

static void
set_time(Google__Protobuf__Timestamp *t, int64_t ns)
{
	google__protobuf__timestamp__init(t);
	t->seconds = ns / 1000000000;
	t->nanos = (int32_t)(ns % 1000000000);
}

static int
status(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);
	Resopro__V1__DaemonStatus r = RESOPRO__V1__DAEMON_STATUS__INIT;
	Google__Protobuf__Timestamp started, head;
	struct store_stats st;

	(void)m;
	(void)e;
	store_stats(s->store, &st);
	service_publish_counts(s);
	set_time(&started, s->started_ns);
	set_time(&head, st.head_time_ns);
	r.revision = st.head_revision;
	r.version = (char *)(uintptr_t)RESOPRO_VERSION;
	r.started_at = &started;
	r.head_time = st.head_revision > 0 ? &head : NULL;
	r.records = st.records;
	r.store_used_bytes = st.used_bytes;
	r.store_quota_bytes = st.quota_bytes;
	r.writes_refused = st.writes_refused;
	r.commits = st.commits;
	for (unsigned i = 0; i < s->workers; i++) {
		r.connections += s->counts[i].connections;
		r.calls += s->counts[i].calls;
		r.watches += s->counts[i].watches;
	}
	r.certificate_expires = s->certificate_expires;
	r.workers = s->workers;
	r.territories_millesime = (char *)(uintptr_t)territory_millesime(
	    catalog_territory(s->catalog));
	r.oldest_revision = st.oldest_revision;
	return call_reply(c, &r.base);
}

/* ---- Verify: a thread of its own, one at a time --------------------------- */

struct verify_job {
	struct call_user user; /* first */
	struct service *service;
	pthread_t thread;
	struct loop_task finished;
	bool joined; /* by admin_stop(): nothing is left to do */
	struct verify_report report;
	struct err err;
};

static void
verify_answer(struct verify_job *j)
{
	Resopro__V1__VerifyResponse r = RESOPRO__V1__VERIFY_RESPONSE__INIT;
	char hex[2 * STORE_HASH_LEN + 1];

	if (j->err.code != ERR_NONE) {
		call_fail(j->user.call, &j->err);
		return;
	}
	digest_hex(j->report.head_hash, STORE_HASH_LEN, hex);
	r.revision = j->report.head_revision;
	r.commits = j->report.commits;
	r.records = j->report.records;
	r.index_keys = j->report.index_keys;
	r.head_hash = hex;
	call_reply(j->user.call, &r.base);
}

static void
verify_finished(struct loop_task *t)
{
	struct verify_job *j =
	    (struct verify_job *)((char *)t -
				  offsetof(struct verify_job, finished));
	struct call *c = j->user.call;

	if (j->joined) {
		free(j);
		return;
	}
	pthread_join(j->thread, NULL);
	j->service->verify = NULL;
	if (j->err.code != ERR_NONE)
		log_error("verify", "error=\"%s\"", j->err.msg);
	if (c != NULL) {
		verify_answer(j);
		call_set_user(c, NULL);
	}
	free(j);
}

static void *
verify_main(void *arg)
{
	struct verify_job *j = arg;

	if (store_verify(j->service->store, NULL, &j->report, &j->err) < 0 &&
	    j->err.code == ERR_NONE)
		err_set(&j->err, ERR_INTERNAL, "verify");
	loop_post(j->service->loop, &j->finished);
	return NULL;
}

static int
verify(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);
	struct verify_job *j;

	(void)m;
	if (s->verify != NULL) {
		call_retry_after(c, 10000);
		err_set(e, ERR_LIMIT, "a verification is running");
		err_reason(e, "VERIFY_RUNNING");
		return err_remedy(e, "wait for its end");
	}
	if ((j = calloc(1, sizeof *j)) == NULL)
		return err_set(e, ERR_NOMEM, "verify");
	j->service = s;
	j->user.call = c;
	j->finished.run = verify_finished;
	if (pthread_create(&j->thread, NULL, verify_main, j) != 0) {
		free(j);
		return err_set(e, ERR_NOMEM, "verify: no thread");
	}
	s->verify = j;
	call_set_user(c, &j->user);
	return 0;
}

static void
verify_closed(struct call *c)
{
	struct verify_job *j = (struct verify_job *)call_user(c);

	if (j != NULL)
		j->user.call = NULL;
}

void
admin_stop(struct service *s)
{
	if (s->verify == NULL)
		return;
	pthread_join(s->verify->thread, NULL);
	s->verify->joined = true; /* its task, posted, frees it */
	s->verify = NULL;
}

const struct rpc_method admin_methods[] = {
	{ .path = "/resopro.v1.Admin/WhoAmI",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__who_am_irequest__descriptor,
	    .message = who_am_i },
	{ .path = "/resopro.v1.Admin/Explain",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__explain_request__descriptor,
	    .message = explain },
	{ .path = "/resopro.v1.Admin/PutAccount",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__put_account_request__descriptor,
	    .message = admin_put_account,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Admin/GetAccount",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__get_account_request__descriptor,
	    .message = get_account },
	{ .path = "/resopro.v1.Admin/ListAccounts",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__list_accounts_request__descriptor,
	    .message = list_accounts },
	{ .path = "/resopro.v1.Admin/CreateToken",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__create_token_request__descriptor,
	    .message = admin_create_token,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Admin/RevokeToken",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__revoke_token_request__descriptor,
	    .message = admin_revoke_token,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Admin/RevokeCertificate",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__revoke_certificate_request__descriptor,
	    .message = admin_revoke_certificate,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Admin/Status",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__status_request__descriptor,
	    .message = status },
	{ .path = "/resopro.v1.Admin/Verify",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__verify_request__descriptor,
	    .message = verify,
	    .closed = verify_closed },
	{ .path = NULL },
};
