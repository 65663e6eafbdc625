/* credentials.c - Admin's writes: accounts, their tokens and certificates. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "domain/territory.h"
#include "domain/value.h"
#include "service/admin.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/write.h"

#define PINS_MAX 2
#define REVOKED_MAX 100
#define TOKENS_MAX 10
#define TERRITORIES_MAX 200
#define LABEL_MAX 150
#define TOKEN_DAYS 365
#define TOKEN_DAYS_MAX 730
#define DAY_SECONDS 86400

typedef Resopro__V1__Account Account;

struct account_write {
	struct write write; /* first */
	const char *id;
	uint64_t if_version;
	/* Change the account (NULL: there is none yet) into what it is to be; in
	 * the write's arena. */
	Account *(*edit)(struct account_write *, Account *, struct decision *,
	    struct err *);
	const Account *wanted; /* PutAccount */
	const char *text;      /* token id, digest, label */
	uint32_t days;
	char token_id[32], secret[65];
	int64_t expires;
};

/* ---- shape ---------------------------------------------------------------- */

static int
refuse(struct err *e, const char *field, const char *reason, const char *what,
    const char *remedy)
{
	err_set(e, ERR_INVALID, "%s: %s", field, what);
	err_field(e, field);
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

static int
check_digests(char *const *list, size_t n, size_t max, const char *field,
    struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	if (n > max)
		return refuse(e, field, "TOO_MANY", "has too many values",
		    "remove the old ones");
	for (size_t i = 0; i < n; i++) {
		if (digest_parse(list[i], raw, sizeof raw) < 0)
			return refuse(e, field, "SHA256", "is not a SHA-256",
			    "give 64 lower-case hexadecimal digits, as "
			    "resopro pki show prints them");
	}
	return 0;
}

static int
check_roles(const Account *a, struct err *e)
{
	/* Those who write or read as a body must say which. */
	static const unsigned bodies =
	    ROLE_BIT(ROLE_AGENCY_ADMIN) | ROLE_BIT(ROLE_AGENCY_COORDINATOR) |
	    ROLE_BIT(ROLE_MEMBER_WRITER) | ROLE_BIT(ROLE_MEMBER_READER) |
	    ROLE_BIT(ROLE_PROXIMITY);
	unsigned roles = 0;

	for (size_t i = 0; i < a->n_roles; i++) {
		if (a->roles[i] == 0 ||
		    role_name((enum role)a->roles[i]) == NULL)
			return refuse(e, "account.roles", "ROLE",
			    "has a role that does not exist",
			    "give roles of admin.proto");
		roles |= ROLE_BIT(a->roles[i]);
	}
	if (a->n_roles == 0)
		return refuse(e, "account.roles", "REQUIRED", "is required",
		    "give 1 to 9 roles");
	if (a->organisation_id[0] == '\0' && (roles & bodies) != 0)
		return refuse(e, "account.organisation_id", "REQUIRED",
		    "is required",
		    "name the body that the account acts for "
		    "(authorities and operators may have none)");
	return 0;
}

static int
check_account(const struct catalog *cat, const Account *a, struct err *e)
{
	const struct territory *t = catalog_territory(cat);

	if (value_check(VALUE_ID, "account.id", a->id, strlen(a->id), e) < 0 ||
	    check_roles(a, e) < 0 ||
	    check_digests(a->certificate_pins, a->n_certificate_pins, PINS_MAX,
		"account.certificate_pins", e) < 0 ||
	    check_digests(a->revoked_certificates, a->n_revoked_certificates,
		REVOKED_MAX, "account.revoked_certificates", e) < 0)
		return -1;
	if (a->organisation_id[0] != '\0' &&
	    value_check(VALUE_ID, "account.organisation_id", a->organisation_id,
		strlen(a->organisation_id), e) < 0)
		return -1;
	if (a->label[0] != '\0' &&
	    (value_check(VALUE_TEXT, "account.label", a->label,
		 strlen(a->label), e) < 0 ||
		value_chars(a->label, strlen(a->label)) > LABEL_MAX))
		return refuse(e, "account.label", "TEXT", "is not a short text",
		    "give at most 150 characters");
	if (a->n_territories > TERRITORIES_MAX)
		return refuse(e, "account.territories", "TOO_MANY",
		    "has too many values", "give larger zones");
	for (size_t i = 0; i < a->n_territories; i++) {
		if (territory_check_zone(t, "account.territories",
			a->territories[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- deciding ------------------------------------------------------------- */

static bool
administers(const Account *a)
{
	for (size_t i = 0; !a->disabled && i < a->n_roles; i++) {
		if ((enum role)a->roles[i] == ROLE_AGENCY_ADMIN)
			return true;
	}
	return false;
}

struct admins {
	struct arena *arena;
	const char *but;
	bool found;
};

static int
seen_account(const struct stored *s, void *arg, struct err *e)
{
	struct admins *a = arg;
	ProtobufCAllocator alloc = record_allocator(a->arena);
	const Account *account;

	if (s->deleted || strcmp(s->id, a->but) == 0)
		return 1;
	account =
	    resopro__v1__account__unpack(&alloc, s->record.len, s->record.data);
	if (account == NULL)
		return err_set(e, ERR_CORRUPT, "account %s", s->id);
	a->found = administers(account);
	return !a->found;
}

/* Somebody must be able to open the door again. */
static int
check_last_admin(struct account_write *w, struct view *v, const Account *after,
    struct err *e)
{
	struct admins a = { .arena = w->write.arena, .but = after->id };

	if (administers(after))
		return 0;
	if (view_each(v, KIND_ACCOUNT, NULL, seen_account, &a, e) < 0)
		return -1;
	if (a.found)
		return 0;
	err_set(e, ERR_PRECONDITION, "%s is the last administrator", after->id);
	err_field(e, "account.roles");
	err_reason(e, "LAST_ADMIN");
	return err_remedy(e, "give another account the role first");
}

static int
check_body(struct view *v, const Account *a, struct err *e)
{
	struct stored s;

	if (a->organisation_id[0] == '\0')
		return 0;
	if (view_get(v, RESOPRO__V1__KIND__KIND_ORGANISATION,
		a->organisation_id, &s, e) == 1 &&
	    !s.deleted)
		return 0;
	if (e->code != ERR_NONE)
		return -1;
	err_set(e, ERR_PRECONDITION,
	    "account.organisation_id: there is no "
	    "organisation %s",
	    a->organisation_id);
	err_field(e, "account.organisation_id");
	err_reason(e, "REFERENCE");
	return err_remedy(e, "create it first, or correct the id");
}

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct account_write *w = (struct account_write *)p;
	struct view *v = decision_view(d);
	Account *before = NULL, *after;
	struct stored s = { 0 };
	struct bytes packed;
	int found = admin_read_account(v, w->write.arena, w->id,
	    view_revision(v), &before, &s, e);

	if (found < 0)
		return -1;
	w->write.current_version = found == 1 ? s.version : 0;
	after = w->edit(w, before, d, e);
	if (after == NULL || check_body(v, after, e) < 0 ||
	    check_last_admin(w, v, after, e) < 0)
		return -1;
	packed = record_pack(w->write.arena, &after->base, e);
	if (packed.data == NULL)
		return -1;
	return decision_put(d, KIND_ACCOUNT, w->id, w->if_version, packed, e);
}

static int
absent(const char *id, struct err *e)
{
	err_set(e, ERR_NOT_FOUND, "account %s does not exist", id);
	err_field(e, "account_id");
	err_reason(e, "ABSENT");
	return err_remedy(e, "check the id (resopro account list)");
}

/* ---- answering ------------------------------------------------------------ */

static void
answer_account(struct write *base)
{
	struct account_write *w = (struct account_write *)base;
	Resopro__V1__AccountResponse r = RESOPRO__V1__ACCOUNT_RESPONSE__INIT;
	struct err e = { 0 };
	struct view *v = service_view(base->service, &e);
	struct stored s;

	if (v == NULL ||
	    admin_read_account(v, base->arena, w->id, base->proposal.revision,
		&r.account, &s, &e) != 1) {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_INTERNAL, "written, but not read back");
		call_fail(base->user.call, &e);
		return;
	}
	admin_hide_secrets(r.account);
	r.revision = base->proposal.revision;
	r.version = s.version;
	call_reply(base->user.call, &r.base);
}

static struct account_write *
new_write(struct call *c, const char *request_id, const char *account_id,
    struct err *e)
{
	struct account_write *w;

	if (value_check(VALUE_ID, "account_id", account_id, strlen(account_id),
		e) < 0 ||
	    authorise(call_principal(c), call_method(c)->path, KIND_ACCOUNT,
		strcmp(call_principal(c)->account, account_id) == 0, e) < 0)
		return NULL;
	w = (struct account_write *)write_new(c, sizeof *w, request_id, e);
	if (w == NULL)
		return NULL;
	w->id = arena_strdup(w->write.arena, account_id);
	w->if_version = ANY_VERSION;
	if (w->id == NULL) {
		write_free(&w->write);
		err_set(e, ERR_NOMEM, "account");
		return NULL;
	}
	return w;
}

/* ---- PutAccount ----------------------------------------------------------- */

static bool
has(char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

/* A certificate once refused is refused for ever, whoever forgets to say. */
static int
keep_revoked(struct account_write *w, Account *after, const Account *before,
    struct err *e)
{
	size_t n = after->n_revoked_certificates;
	char **list = arena_alloc(w->write.arena,
	    (n + before->n_revoked_certificates + 1) * sizeof(*list));

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "account");
	if (n > 0)
		memcpy(list, after->revoked_certificates, n * sizeof(*list));
	for (size_t i = 0; i < before->n_revoked_certificates; i++) {
		if (!has(list, n, before->revoked_certificates[i]))
			list[n++] = before->revoked_certificates[i];
	}
	if (n > REVOKED_MAX) {
		err_set(e, ERR_LIMIT,
		    "the account has %d revoked "
		    "certificates",
		    REVOKED_MAX);
		err_reason(e, "TOO_MANY_REVOKED");
		return err_remedy(e, "make another account, or renew the CA");
	}
	after->revoked_certificates = list;
	after->n_revoked_certificates = n;
	return 0;
}

/* Tokens have their own methods. */
static Account *
edit_put(struct account_write *w, Account *before, struct decision *d,
    struct err *e)
{
	Account *after = arena_memdup(w->write.arena, w->wanted, sizeof *after);

	(void)d;
	if (after == NULL) {
		err_set(e, ERR_NOMEM, "account");
		return NULL;
	}
	after->tokens = before != NULL ? before->tokens : NULL;
	after->n_tokens = before != NULL ? before->n_tokens : 0;
	if (before != NULL && keep_revoked(w, after, before, e) < 0)
		return NULL;
	return after;
}

int
admin_put_account(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__PutAccountRequest *q =
	    (const Resopro__V1__PutAccountRequest *)m;
	ProtobufCAllocator alloc;
	struct account_write *w;
	struct bytes packed;

	if (q->account == NULL)
		return refuse(e, "account", "REQUIRED", "is required",
		    "give the account");
	if (check_account(call_service(c)->catalog, q->account, e) < 0 ||
	    (w = new_write(c, q->request_id, q->account->id, e)) == NULL)
		return -1;
	alloc = record_allocator(w->write.arena);
	packed = record_pack(w->write.arena, &q->account->base, e);
	w->wanted = packed.data != NULL ? resopro__v1__account__unpack(&alloc,
					      packed.len, packed.data)
					: NULL;
	if (w->wanted == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "account");
	}
	if (q->check_version)
		w->if_version = q->if_version;
	w->edit = edit_put;
	return write_submit(&w->write, decide, answer_account);
}

/* ---- tokens --------------------------------------------------------------- */

static Account *
edit_add_token(struct account_write *w, Account *a, struct decision *d,
    struct err *e)
{
	Resopro__V1__Token *t = arena_alloc(w->write.arena, sizeof *t);
	Google__Protobuf__Timestamp *at =
	    arena_alloc(w->write.arena, 2 * sizeof *at);
	uint8_t *hash = arena_alloc(w->write.arena, DIGEST_LEN);
	Resopro__V1__Token **list;

	if (a == NULL) {
		absent(w->id, e);
		return NULL;
	}
	list = arena_alloc(w->write.arena, (a->n_tokens + 1) * sizeof(*list));
	if (a->n_tokens >= TOKENS_MAX) {
		err_set(e, ERR_LIMIT, "the account has %d tokens", TOKENS_MAX);
		err_reason(e, "TOO_MANY_TOKENS");
		err_remedy(e, "revoke one first");
		return NULL;
	}
	if (t == NULL || at == NULL || list == NULL || hash == NULL) {
		err_set(e, ERR_NOMEM, "token");
		return NULL;
	}
	resopro__v1__token__init(t);
	t->hash = (ProtobufCBinaryData){ DIGEST_LEN, hash };
	digest_sha256(w->secret, strlen(w->secret), hash);
	google__protobuf__timestamp__init(&at[0]);
	google__protobuf__timestamp__init(&at[1]);
	at[0].seconds = decision_time(d) / 1000000000;
	w->expires = at[0].seconds + (int64_t)w->days * DAY_SECONDS;
	at[1].seconds = w->expires;
	t->id = w->token_id;
	t->created_at = &at[0];
	t->expires_at = &at[1];
	t->label = (char *)(uintptr_t)w->text;
	if (a->n_tokens > 0)
		memcpy(list, a->tokens, a->n_tokens * sizeof(*list));
	list[a->n_tokens] = t;
	a->tokens = list;
	a->n_tokens++;
	return a;
}

static void
answer_token(struct write *base)
{
	struct account_write *w = (struct account_write *)base;
	Resopro__V1__CreateTokenResponse r =
	    RESOPRO__V1__CREATE_TOKEN_RESPONSE__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	char secret[STORE_ID_MAX + 128];
	struct err e = { 0 };

	if (base->proposal.replayed) {
		err_set(&e, ERR_PRECONDITION,
		    "this token was made before and "
		    "is shown only once");
		err_reason(&e, "TOKEN_SHOWN");
		err_remedy(&e, "revoke it and make another");
		call_fail(base->user.call, &e);
		return;
	}
	(void)snprintf(secret, sizeof secret, "rsp_%s_%s_%s", w->id,
	    w->token_id, w->secret);
	t.seconds = w->expires;
	r.revision = base->proposal.revision;
	r.token_id = w->token_id;
	r.secret = secret;
	r.expires_at = &t;
	call_reply(base->user.call, &r.base);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(w->secret, sizeof w->secret);
}

int
admin_create_token(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__CreateTokenRequest *q =
	    (const Resopro__V1__CreateTokenRequest *)m;
	struct account_write *w;
	uint8_t random[DIGEST_LEN];

	if (q->days > TOKEN_DAYS_MAX)
		return refuse(e, "days", "OUT_OF_RANGE", "is out of range",
		    "give 1 to 730, or 0 for 365");
	if (value_chars(q->label, strlen(q->label)) > 100)
		return refuse(e, "label", "TOO_LONG", "is too long",
		    "give at most 100 characters");
	if ((w = new_write(c, q->request_id, q->account_id, e)) == NULL)
		return -1;
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
		write_free(&w->write);
		return err_set(e, ERR_INTERNAL, "no randomness");
	}
	digest_hex(random, sizeof random, w->secret);
	explicit_bzero(random, sizeof random);
	write_random_id(w->token_id, sizeof w->token_id, "t");
	w->text = arena_strdup(w->write.arena, q->label);
	w->days = q->days != 0 ? q->days : TOKEN_DAYS;
	w->edit = edit_add_token;
	return write_submit(&w->write, decide, answer_token);
}

static Account *
edit_drop_token(struct account_write *w, Account *a, struct decision *d,
    struct err *e)
{
	(void)d;
	for (size_t i = 0; a != NULL && i < a->n_tokens; i++) {
		if (strcmp(a->tokens[i]->id, w->text) != 0)
			continue;
		a->tokens[i] = a->tokens[--a->n_tokens];
		return a;
	}
	if (a == NULL)
		absent(w->id, e);
	else {
		refuse(e, "token_id", "TOKEN", "is no token of this account",
		    "see resopro account show");
		e->code = ERR_NOT_FOUND;
	}
	return NULL;
}

int
admin_revoke_token(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__RevokeTokenRequest *q =
	    (const Resopro__V1__RevokeTokenRequest *)m;
	struct account_write *w = new_write(c, q->request_id, q->account_id, e);

	if (w == NULL)
		return -1;
	w->text = arena_strdup(w->write.arena, q->token_id);
	w->edit = edit_drop_token;
	return write_submit(&w->write, decide, answer_account);
}

/* ---- certificates --------------------------------------------------------- */

static Account *
edit_revoke(struct account_write *w, Account *a, struct decision *d,
    struct err *e)
{
	char **list;

	(void)d;
	if (a == NULL) {
		absent(w->id, e);
		return NULL;
	}
	for (size_t i = 0; i < a->n_revoked_certificates; i++) {
		if (strcmp(a->revoked_certificates[i], w->text) == 0)
			return a;
	}
	list = arena_alloc(w->write.arena,
	    (a->n_revoked_certificates + 1) * sizeof(*list));
	if (list == NULL || a->n_revoked_certificates >= REVOKED_MAX) {
		err_set(e, ERR_LIMIT,
		    "the account has %d revoked "
		    "certificates",
		    REVOKED_MAX);
		err_reason(e, "TOO_MANY_REVOKED");
		err_remedy(e, "make another account, or renew the CA");
		return NULL;
	}
	if (a->n_revoked_certificates > 0)
		memcpy(list, a->revoked_certificates,
		    a->n_revoked_certificates * sizeof(*list));
	list[a->n_revoked_certificates] = (char *)(uintptr_t)w->text;
	a->revoked_certificates = list;
	a->n_revoked_certificates++;
	return a;
}

int
admin_revoke_certificate(struct call *c, const ProtobufCMessage *m,
    struct err *e)
{
	const Resopro__V1__RevokeCertificateRequest *q =
	    (const Resopro__V1__RevokeCertificateRequest *)m;
	struct account_write *w;

	if (check_digests(&q->sha256, 1, 1, "sha256", e) < 0 ||
	    (w = new_write(c, q->request_id, q->account_id, e)) == NULL)
		return -1;
	w->text = arena_strdup(w->write.arena, q->sha256);
	w->edit = edit_revoke;
	return write_submit(&w->write, decide, answer_account);
}
