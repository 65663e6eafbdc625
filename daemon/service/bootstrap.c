/* bootstrap.c - the first start: the agency and its first administrator. */
#include <pthread.h>
#include <string.h>

#include "base/digest.h"
#include "domain/value.h"
#include "service/admin.h"
#include "service/record.h"
#include "service/service.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION

struct bootstrap {
	struct proposal proposal; /* first */
	struct arena *arena;
	const char *account, *organisation, *nom, *pin;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

static int
any_account(const struct stored *s, void *arg, struct err *e)
{
	(void)arg;
	err_set(e, ERR_EXISTS, "the register has accounts already (%s)", s->id);
	return err_remedy(e, "use an administrator's account to add others");
}

static int
put_organisation(struct bootstrap *b, struct decision *d, struct err *e)
{
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Organisation o = RESOPRO__V1__ORGANISATION__INIT;
	int64_t now = decision_time(d);
	struct bytes head;
	uint8_t *out;
	size_t len;

	o.nom = (char *)(uintptr_t)b->nom;
	o.kind = (char *)(uintptr_t) "agence-regionale";
	r.id = r.owner = (char *)(uintptr_t)b->organisation;
	r.kind = ORGANISATION;
	r.body_case = RESOPRO__V1__RECORD__BODY_ORGANISATION;
	r.organisation = &o;
	head = record_pack(b->arena, &r.base, e);
	out = arena_alloc(b->arena, head.len + RECORD_TRAILER_MAX);
	if (head.data == NULL || out == NULL)
		return err_set(e, ERR_NOMEM, "bootstrap");
	memcpy(out, head.data, head.len);
	len = head.len +
	      record_trailer(out + head.len, 1, decision_revision(d), now, now);
	return decision_put(d, ORGANISATION, b->organisation, 0,
	    (struct bytes){ out, len }, e);
}

static int
put_account(struct bootstrap *b, struct decision *d, struct err *e)
{
	Resopro__V1__Account a = RESOPRO__V1__ACCOUNT__INIT;
	Resopro__V1__Role role = RESOPRO__V1__ROLE__ROLE_AGENCY_ADMIN;
	char *pin = (char *)(uintptr_t)b->pin;
	struct bytes packed;

	a.id = (char *)(uintptr_t)b->account;
	a.organisation_id = (char *)(uintptr_t)b->organisation;
	a.roles = &role;
	a.n_roles = 1;
	a.label = (char *)(uintptr_t) "first administrator";
	if (b->pin != NULL) {
		a.certificate_pins = &pin;
		a.n_certificate_pins = 1;
	}
	packed = record_pack(b->arena, &a.base, e);
	return packed.data != NULL
		   ? decision_put(d, KIND_ACCOUNT, b->account, 0, packed, e)
		   : -1;
}

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct bootstrap *b = (struct bootstrap *)p;

	if (view_each(decision_view(d), KIND_ACCOUNT, NULL, any_account, NULL,
		e) < 0 ||
	    put_organisation(b, d, e) < 0)
		return -1;
	return put_account(b, d, e);
}

static void
done(struct proposal *p)
{
	struct bootstrap *b = (struct bootstrap *)p;

	pthread_mutex_lock(&b->lock);
	b->finished = true;
	pthread_cond_signal(&b->done);
	pthread_mutex_unlock(&b->lock);
}

static void
propose_and_wait(struct bootstrap *b, struct store *st)
{
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->done, NULL);
	store_propose(st, &b->proposal);
	pthread_mutex_lock(&b->lock);
	while (!b->finished)
		pthread_cond_wait(&b->done, &b->lock);
	pthread_mutex_unlock(&b->lock);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->done);
}

int
service_bootstrap(struct store *st, const char *account_id,
    const char *organisation_id, const char *organisation_nom, const char *pin,
    struct err *e)
{
	struct bootstrap b = {
		.proposal = { .actor = account_id,
		    .method = "/resopro.v1.Admin/Init",
		    .decide = decide,
		    .done = done },
		.account = account_id,
		.organisation = organisation_id,
		.nom = organisation_nom,
		.pin = pin,
	};
	uint8_t raw[DIGEST_LEN];

	if (value_check(VALUE_ID, "account", account_id, strlen(account_id),
		e) < 0 ||
	    value_check(VALUE_ID, "organisation", organisation_id,
		strlen(organisation_id), e) < 0 ||
	    value_check(VALUE_NAME, "organisation name", organisation_nom,
		strlen(organisation_nom), e) < 0)
		return -1;
	if (pin != NULL && digest_parse(pin, raw, sizeof raw) < 0)
		return err_set(e, ERR_INVALID,
		    "pin: is not a SHA-256 in "
		    "lower-case hexadecimal");
	if ((b.arena = arena_new(1u << 20)) == NULL)
		return err_set(e, ERR_NOMEM, "bootstrap");
	propose_and_wait(&b, st);
	arena_free(b.arena);
	if (b.proposal.err.code == ERR_NONE)
		return 0;
	if (e != NULL)
		*e = b.proposal.err;
	return -1;
}
