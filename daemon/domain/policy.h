/*
 * policy.h - who may do what: one table, method x kind x role x ownership.
 *
 * A method that no row names is denied to everybody.  Pure.  Thread: any.
 * Source: the framework of 2020 (who holds the register), domain research
 * section 8 (field ownership), design 7.
 */
#ifndef DOMAIN_POLICY_H
#define DOMAIN_POLICY_H

#include <stdbool.h>
#include <stddef.h>

enum role { /* numbers of Role in admin.proto */
	ROLE_AGENCY_ADMIN = 1,
	ROLE_AGENCY_COORDINATOR = 2,
	ROLE_REGION_SIGNATORY = 3,
	ROLE_CREFOP = 4,
	ROLE_PREFECTURE = 5,
	ROLE_MEMBER_WRITER = 6,
	ROLE_MEMBER_READER = 7,
	ROLE_PROXIMITY = 8,
	ROLE_OPERATOR = 9,
	ROLE_END
};
#define ROLE_BIT(role) (1u << (role))

enum subject {            /* what a method acts on; bits */
	SUBJECT_NONE = 1, /* nothing that has an owner */
	SUBJECT_ORGANISATION = 2,
	SUBJECT_SITE = 4,
	SUBJECT_OFFER = 8,
	SUBJECT_STATUS = 16,
	SUBJECT_ACTIVITY = 32,
	SUBJECT_ACCOUNT = 64,
	SUBJECT_DISPUTE = 128,
	SUBJECT_TRANSFER = 256,
};

struct policy_row {
	const char *method; /* "/resopro.v1.Registry/Put" */
	unsigned subjects;  /* enum subject, or-ed */
	unsigned any;       /* roles that may, whoever owns it */
	unsigned own;       /* roles that may when their body owns it */
	const char *rule;   /* name of the row, for explanations */
	const char *remedy; /* for those whom it denies */
};

/* All rows, from 0; NULL past the last. */
const struct policy_row *policy_at(size_t i);

/* The row that decides, or NULL: denied. */
const struct policy_row *policy_find(const char *method, enum subject);

/* Does the row allow one of `roles` (bits)? `own`: the caller's body owns the
 * record, or the record is about it. */
bool policy_allows(const struct policy_row *, unsigned roles, bool own);

/* "agency_admin"; NULL for no role. */
const char *role_name(enum role);

#endif
