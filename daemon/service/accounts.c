/* accounts.c - see accounts.h. */
#include "service/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "net/peer.h"
#include "service/record.h"
#include "wire/arena.h"

struct accounts {
	struct arena *arena;         /* everything below, replaced whole */
	Resopro__V1__Account **list; /* by id: the order of the store */
	size_t n, cap;
	uint64_t generation;
};

#define ACCOUNTS_BYTES ((size_t)256 << 20)

struct accounts *
accounts_new(struct err *e)
{
	struct accounts *a = calloc(1, sizeof *a);

	if (a == NULL)
		err_set(e, ERR_NOMEM, "accounts");
	return a;
}

void
accounts_free(struct accounts *a)
{
	if (a == NULL)
		return;
	arena_free(a->arena);
	free(a->list);
	free(a);
}

uint64_t
accounts_generation(const struct accounts *a)
{
	return a->generation;
}

static int
load_one(const struct stored *s, void *arg, struct err *e)
{
	struct accounts *a = arg;
	ProtobufCAllocator alloc = record_allocator(a->arena);
	Resopro__V1__Account *account;

	if (s->deleted)
		return 1;
	if (a->n == a->cap) {
		size_t cap = a->cap > 0 ? a->cap * 2 : 64;
		Resopro__V1__Account **list =
		    realloc(a->list, cap * sizeof *list);

		if (list == NULL)
			return err_set(e, ERR_NOMEM, "accounts");
		a->list = list;
		a->cap = cap;
	}
	account =
	    resopro__v1__account__unpack(&alloc, s->record.len, s->record.data);
	if (account == NULL)
		return err_set(e, ERR_CORRUPT, "account %s does not unpack",
		    s->id);
	a->list[a->n++] = account;
	return 1;
}

int
accounts_load(struct accounts *a, struct view *v, struct err *e)
{
	struct accounts next = { .arena = arena_new(ACCOUNTS_BYTES) };

	if (next.arena == NULL)
		return err_set(e, ERR_NOMEM, "accounts");
	if (view_each(v, RESOPRO__V1__KIND__KIND_ACCOUNT, NULL, load_one, &next,
		e) < 0) {
		arena_free(next.arena);
		free(next.list);
		return -1;
	}
	arena_free(a->arena);
	free(a->list);
	next.generation = a->generation + 1;
	*a = next;
	return 0;
}

const Resopro__V1__Account *
accounts_find(const struct accounts *a, const char *id)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(a->list[mid]->id, id);

		if (c == 0)
			return a->list[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool
listed(char *const *list, size_t n, const char *hex)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i], hex) == 0)
			return true;
	return false;
}

static int
refuse(struct err *e, const char *reason, const char *msg, const char *remedy)
{
	err_set(e, ERR_UNAUTHENTICATED, "%s", msg);
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

static int
fill(const struct accounts *a, const Resopro__V1__Account *account,
    struct principal *who, struct err *e)
{
	size_t i;

	if (account->disabled)
		return refuse(e, "ACCOUNT_DISABLED", "this account is disabled",
		    "ask the agency to enable it");
	(void)snprintf(who->account, sizeof who->account, "%s", account->id);
	(void)snprintf(who->organisation, sizeof who->organisation, "%s",
	    account->organisation_id);
	who->roles = 0;
	for (i = 0; i < account->n_roles; i++)
		if (account->roles[i] > 0 && account->roles[i] < 31)
			who->roles |= 1u << account->roles[i];
	who->generation = a->generation;
	return 0;
}

int
accounts_principal(const struct accounts *a, const char *id,
    struct principal *who, struct err *e)
{
	const Resopro__V1__Account *account = accounts_find(a, id);

	memset(who, 0, sizeof *who);
	if (account != NULL)
		return fill(a, account, who, e);
	err_set(e, ERR_NOT_FOUND, "account %s does not exist", id);
	err_field(e, "account_id");
	err_reason(e, "ABSENT");
	return err_remedy(e, "check the id (resopro account list)");
}

/* An account that pins this certificate, else the one that its SAN names. */
static const Resopro__V1__Account *
account_of_certificate(const struct accounts *a, const struct peer *peer,
    const char *hex)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (listed(a->list[i]->certificate_pins,
			a->list[i]->n_certificate_pins, hex))
			return a->list[i];
	if (strncmp(peer->san_uri, PEER_ACCOUNT_URI,
		strlen(PEER_ACCOUNT_URI)) == 0)
		return accounts_find(a,
		    peer->san_uri + strlen(PEER_ACCOUNT_URI));
	return NULL;
}

static int
check_certificate(const Resopro__V1__Account *account, const char *hex,
    struct err *e)
{
	if (listed(account->revoked_certificates,
		account->n_revoked_certificates, hex))
		return refuse(e, "CERTIFICATE_REVOKED",
		    "this certificate was revoked",
		    "install the account's new certificate");
	if (account->n_certificate_pins > 0 &&
	    !listed(account->certificate_pins, account->n_certificate_pins,
		hex))
		return refuse(e, "CERTIFICATE_NOT_PINNED",
		    "the account accepts other certificates only",
		    "ask the agency to register this certificate's SHA-256");
	return 0;
}

static int
identify_certificate(const struct accounts *a, const struct peer *peer,
    struct principal *who, struct err *e)
{
	const Resopro__V1__Account *account;
	char hex[65];

	digest_hex(peer->cert_sha256, sizeof peer->cert_sha256, hex);
	account = account_of_certificate(a, peer, hex);
	if (account == NULL)
		return refuse(e, "ACCOUNT_UNKNOWN",
		    "no account for this certificate",
		    "ask the agency for an account, or use the certificate "
		    "whose SAN URI is resopro:account:<id>");
	if (check_certificate(account, hex, e) < 0 ||
	    fill(a, account, who, e) < 0)
		return -1;
	(void)snprintf(who->credential, sizeof who->credential,
	    "certificate %s", hex);
	memcpy(who->cert_sha256, peer->cert_sha256, sizeof who->cert_sha256);
	who->expires = peer->not_after;
	who->token = false;
	who->pinned =
	    listed(account->certificate_pins, account->n_certificate_pins, hex);
	return 0;
}

static const Resopro__V1__Token *
token_find(const Resopro__V1__Account *account, const char *id)
{
	size_t i;

	for (i = 0; i < account->n_tokens; i++)
		if (strcmp(account->tokens[i]->id, id) == 0)
			return account->tokens[i];
	return NULL;
}

/* "rsp_<account>_<token id>_<secret>": ids have no underscore. */
static int
split_token(const char *text, char *account, char *id, const char **secret)
{
	const char *a, *b;

	if (strncmp(text, "rsp_", 4) != 0)
		return -1;
	text += 4;
	a = strchr(text, '_');
	b = a != NULL ? strchr(a + 1, '_') : NULL;
	if (b == NULL || a - text > STORE_ID_MAX || b - a - 1 > STORE_ID_MAX)
		return -1;
	memcpy(account, text, (size_t)(a - text));
	account[a - text] = '\0';
	memcpy(id, a + 1, (size_t)(b - a - 1));
	id[b - a - 1] = '\0';
	*secret = b + 1;
	return 0;
}

/* Time does not depend on where the two differ. */
static bool
same_hash(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t diff = 0;
	size_t i;

	for (i = 0; i < len; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

static int
identify_token(const struct accounts *a, const char *text, int64_t now_s,
    struct principal *who, struct err *e)
{
	char account_id[STORE_ID_MAX + 1], token_id[STORE_ID_MAX + 1];
	const Resopro__V1__Account *account;
	const Resopro__V1__Token *token;
	uint8_t hash[DIGEST_LEN];
	const char *secret;

	if (split_token(text, account_id, token_id, &secret) < 0 ||
	    (account = accounts_find(a, account_id)) == NULL ||
	    (token = token_find(account, token_id)) == NULL)
		return refuse(e, "TOKEN_UNKNOWN", "this token is not known",
		    "ask the agency for a new token");
	digest_sha256(secret, strlen(secret), hash);
	if (token->hash.len != sizeof hash ||
	    !same_hash(token->hash.data, hash, sizeof hash))
		return refuse(e, "TOKEN_UNKNOWN", "this token is not known",
		    "ask the agency for a new token");
	if (token->expires_at != NULL && token->expires_at->seconds <= now_s)
		return refuse(e, "TOKEN_EXPIRED", "this token has expired",
		    "ask the agency for a new token");
	if (fill(a, account, who, e) < 0)
		return -1;
	who->token = true;
	who->expires =
	    token->expires_at != NULL ? token->expires_at->seconds : 0;
	(void)snprintf(who->token_id, sizeof who->token_id, "%s", token_id);
	(void)snprintf(who->credential, sizeof who->credential, "token %.70s",
	    token_id);
	return 0;
}

int
accounts_identify(const struct accounts *a, const struct peer *peer,
    const char *authorization, int64_t now_s, struct principal *who,
    struct err *e)
{
	memset(who, 0, sizeof *who);
	if (authorization != NULL) {
		if (strncasecmp(authorization, "bearer ", 7) != 0)
			return refuse(e, "NO_CREDENTIAL",
			    "the authorization header is not a bearer token",
			    "send \"authorization: Bearer rsp_...\"");
		return identify_token(a, authorization + 7, now_s, who, e);
	}
	if (peer != NULL && peer->has_cert)
		return identify_certificate(a, peer, who, e);
	return refuse(e, "NO_CREDENTIAL",
	    "neither a client certificate nor a token was given",
	    "configure the account's certificate and key, or its token");
}

int
accounts_recheck(const struct accounts *a, const struct principal *who,
    int64_t now_s, struct err *e)
{
	const Resopro__V1__Account *account = accounts_find(a, who->account);
	struct principal now;
	char hex[65];

	if (account == NULL)
		return refuse(e, "ACCOUNT_UNKNOWN", "the account is gone",
		    "ask the agency for an account");
	memset(&now, 0, sizeof now);
	if (fill(a, account, &now, e) < 0)
		return -1;
	if (now.roles != who->roles ||
	    strcmp(now.organisation, who->organisation) != 0)
		return refuse(e, "ACCOUNT_CHANGED",
		    "the rights of this account changed", "call again");
	if (who->expires != 0 && who->expires <= now_s)
		return refuse(e, "CREDENTIAL_EXPIRED",
		    "the credential has expired", "renew it");
	if (who->token)
		return token_find(account, who->token_id) != NULL
			   ? 0
			   : refuse(e, "TOKEN_UNKNOWN",
				 "this token was revoked",
				 "ask the agency for a new token");
	digest_hex(who->cert_sha256, sizeof who->cert_sha256, hex);
	if (who->pinned && !listed(account->certificate_pins,
			       account->n_certificate_pins, hex))
		return refuse(e, "CERTIFICATE_NOT_PINNED",
		    "this certificate is no longer registered", "call again");
	return check_certificate(account, hex, e);
}
