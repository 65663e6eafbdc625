/* authorise.c - see authorise.h. */
#include "service/authorise.h"

#include <string.h>

#include "service/record.h"
#include "service/schema.h"

#define SAME(a, b)                                                             \
	_Static_assert((int)(a) == (int)(b), "role numbers are the wire's")
SAME(ROLE_AGENCY_ADMIN, RESOPRO__V1__ROLE__ROLE_AGENCY_ADMIN);
SAME(ROLE_AGENCY_COORDINATOR, RESOPRO__V1__ROLE__ROLE_AGENCY_COORDINATOR);
SAME(ROLE_REGION_SIGNATORY, RESOPRO__V1__ROLE__ROLE_REGION_SIGNATORY);
SAME(ROLE_CREFOP, RESOPRO__V1__ROLE__ROLE_CREFOP);
SAME(ROLE_PREFECTURE, RESOPRO__V1__ROLE__ROLE_PREFECTURE);
SAME(ROLE_MEMBER_WRITER, RESOPRO__V1__ROLE__ROLE_MEMBER_WRITER);
SAME(ROLE_MEMBER_READER, RESOPRO__V1__ROLE__ROLE_MEMBER_READER);
SAME(ROLE_PROXIMITY, RESOPRO__V1__ROLE__ROLE_PROXIMITY);
SAME(ROLE_OPERATOR, RESOPRO__V1__ROLE__ROLE_OPERATOR);

enum subject
authorise_subject(Resopro__V1__Kind kind)
{
	switch (kind) {
	case RESOPRO__V1__KIND__KIND_ORGANISATION:
		return SUBJECT_ORGANISATION;
	case RESOPRO__V1__KIND__KIND_SITE:
		return SUBJECT_SITE;
	case RESOPRO__V1__KIND__KIND_OFFER:
		return SUBJECT_OFFER;
	case RESOPRO__V1__KIND__KIND_STATUS:
		return SUBJECT_STATUS;
	case RESOPRO__V1__KIND__KIND_ACTIVITY:
		return SUBJECT_ACTIVITY;
	case RESOPRO__V1__KIND__KIND_ACCOUNT:
		return SUBJECT_ACCOUNT;
	case RESOPRO__V1__KIND__KIND_DISPUTE:
		return SUBJECT_DISPUTE;
	case RESOPRO__V1__KIND__KIND_TRANSFER:
		return SUBJECT_TRANSFER;
	default:
		return SUBJECT_NONE;
	}
}

static bool
is(const char *a, const char *b)
{
	return a != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

bool
principal_owns(const struct principal *who, const char *owner,
    Resopro__V1__Kind kind, const char *id, const char *organisation_id)
{
	if (who->organisation[0] == '\0')
		return false;
	return is(owner, who->organisation) ||
	       is(organisation_id, who->organisation) ||
	       (kind == RESOPRO__V1__KIND__KIND_ORGANISATION &&
		   is(id, who->organisation));
}

const struct policy_row *
authorise_row(const char *method, Resopro__V1__Kind kind)
{
	return policy_find(method, authorise_subject(kind));
}

static int
deny(const struct principal *who, const char *method,
    const struct policy_row *row, struct err *e)
{
	bool own = row != NULL && (row->own & who->roles) != 0;

	err_set(e, ERR_DENIED, "account %s may not call %s%s", who->account,
	    method, own ? " on a record of another body" : "");
	err_reason(e, "NOT_ALLOWED");
	return err_remedy(e, "%s",
	    row == NULL ? "no account may: no rule of the policy names it"
	    : row->own != 0 && !own
		? "use an account with the right role, or ask the agency"
		: row->remedy);
}

int
authorise(const struct principal *who, const char *method,
    Resopro__V1__Kind kind, bool own, struct err *e)
{
	const struct policy_row *row = authorise_row(method, kind);

	if (row != NULL && policy_allows(row, who->roles, own))
		return 0;
	return deny(who, method, row, e);
}

int
authorise_record(const struct principal *who, const char *method,
    const Resopro__V1__Record *r, struct err *e)
{
	return authorise(who, method, r->kind,
	    principal_owns(who, r->owner, r->kind, r->id,
		schema_string(r, "organisation_id")),
	    e);
}

int
authorise_stored(const struct principal *who, const char *method,
    const struct stored *s, struct err *e)
{
	const struct policy_row *row =
	    authorise_row(method, (Resopro__V1__Kind)s->kind);
	Resopro__V1__Record *r;
	struct arena *arena;
	int rc = -1;

	if (row != NULL && (row->any & who->roles) != 0)
		return 0; /* whoever owns it: no need to look inside */
	if (row == NULL || (row->own & who->roles) == 0)
		return deny(who, method, row, e);
	if ((arena = arena_new(64u << 20)) == NULL)
		return err_set(e, ERR_NOMEM, "authorise");
	if ((r = record_unpack(arena, s->record, e)) != NULL)
		rc = authorise_record(who, method, r, e);
	arena_free(arena);
	return rc;
}

int
authorise_method(const struct principal *who, const char *method, struct err *e)
{
	const struct policy_row *first = NULL;

	for (size_t i = 0; policy_at(i) != NULL; i++) {
		const struct policy_row *row = policy_at(i);

		if (strcmp(row->method, method) != 0)
			continue;
		if (((row->any | row->own) & who->roles) != 0)
			return 0;
		if (first == NULL)
			first = row;
	}
	return deny(who, method, first, e);
}

bool
principal_is_agency(const struct principal *who)
{
	return (who->roles & (ROLE_BIT(ROLE_AGENCY_ADMIN) |
				 ROLE_BIT(ROLE_AGENCY_COORDINATOR))) != 0;
}
