/* policy.c - see policy.h. */
#include "domain/policy.h"

#include <string.h>

#define ADMIN ROLE_BIT(ROLE_AGENCY_ADMIN)
#define COORDINATOR ROLE_BIT(ROLE_AGENCY_COORDINATOR)
#define REGION ROLE_BIT(ROLE_REGION_SIGNATORY)
#define CREFOP ROLE_BIT(ROLE_CREFOP)
#define PREFECTURE ROLE_BIT(ROLE_PREFECTURE)
#define WRITER ROLE_BIT(ROLE_MEMBER_WRITER)
#define READER ROLE_BIT(ROLE_MEMBER_READER)
#define PROXIMITY ROLE_BIT(ROLE_PROXIMITY)
#define OPERATOR ROLE_BIT(ROLE_OPERATOR)

#define AGENCY (ADMIN | COORDINATOR)
#define AUTHORITIES (REGION | CREFOP | PREFECTURE)
#define MEMBERS (WRITER | READER | PROXIMITY)
#define EVERYBODY (AGENCY | AUTHORITIES | MEMBERS | OPERATOR)

#define PLACES (SUBJECT_ORGANISATION | SUBJECT_SITE | SUBJECT_OFFER)
#define PUBLIC (PLACES | SUBJECT_STATUS | SUBJECT_NONE)

#define REGISTRY "/resopro.v1.Registry/"
#define MEMBERSHIPS "/resopro.v1.Memberships/"
#define ACTIVITIES "/resopro.v1.Activities/"
#define OWNERSHIP "/resopro.v1.Ownership/"
#define ADMINISTER "/resopro.v1.Admin/"

static const char ask_agency[] =
    "ask the agency, or use an account with the right role";
static const char own_only[] =
    "write the records of your own body only, or ask the agency";
static const char own_activity[] =
    "read the activities of your own body, or ask the agency for a report";
static const char by_memberships[] =
    "titles are the agency's: it records and ends them (resopro membership)";
static const char own_dispute[] =
    "disputes and transfers are between their two parties and the agency";
static const char by_ownership[] =
    "disputes and transfers begin and end by Ownership";
static const char by_activities[] =
    "activities are declared by Activities.Declare";

static const struct policy_row rows[] = {
	/* ---- reading: the network is open to its members ---- */
	{ REGISTRY "Get", PUBLIC, EVERYBODY, 0, "read", ask_agency },
	{ REGISTRY "BatchGet", PUBLIC, EVERYBODY, 0, "read", ask_agency },
	{ REGISTRY "List", PUBLIC, EVERYBODY, 0, "read", ask_agency },
	{ REGISTRY "Search", PLACES | SUBJECT_NONE, EVERYBODY, 0, "read",
	    ask_agency },
	{ REGISTRY "History", PUBLIC, EVERYBODY, 0, "read", ask_agency },
	{ REGISTRY "Watch", PUBLIC, EVERYBODY, 0, "read", ask_agency },
	{ REGISTRY "Get", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },
	{ REGISTRY "BatchGet", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },
	{ REGISTRY "List", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },
	{ REGISTRY "History", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },
	{ REGISTRY "Watch", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },

	{ REGISTRY "Get", SUBJECT_DISPUTE | SUBJECT_TRANSFER, AGENCY, MEMBERS,
	    "read-dispute", own_dispute },
	{ REGISTRY "BatchGet", SUBJECT_DISPUTE | SUBJECT_TRANSFER, AGENCY,
	    MEMBERS, "read-dispute", own_dispute },
	{ REGISTRY "List", SUBJECT_DISPUTE | SUBJECT_TRANSFER, AGENCY, MEMBERS,
	    "read-dispute", own_dispute },
	{ REGISTRY "History", SUBJECT_DISPUTE | SUBJECT_TRANSFER, AGENCY,
	    MEMBERS, "read-dispute", own_dispute },
	{ REGISTRY "Watch", SUBJECT_DISPUTE | SUBJECT_TRANSFER, AGENCY, MEMBERS,
	    "read-dispute", own_dispute },
	{ REGISTRY "FreshnessCounts", SUBJECT_NONE, EVERYBODY, 0, "read",
	    ask_agency },

	/* ---- writing: each its own, the agency everything ---- */
	{ REGISTRY "Put", PLACES, AGENCY, WRITER | PROXIMITY, "write-own",
	    own_only },
	{ REGISTRY "Delete", PLACES, AGENCY, WRITER | PROXIMITY, "write-own",
	    own_only },
	{ REGISTRY "Confirm", PLACES, AGENCY, WRITER | PROXIMITY, "write-own",
	    own_only },
	{ REGISTRY "Sync", PLACES, AGENCY, WRITER | PROXIMITY, "write-own",
	    own_only },
	{ REGISTRY "Sync", SUBJECT_NONE, AGENCY | WRITER | PROXIMITY, 0, "sync",
	    ask_agency },
	{ REGISTRY "Put", SUBJECT_STATUS, ADMIN, 0, "write-status",
	    by_memberships },
	{ REGISTRY "Sync", SUBJECT_STATUS, ADMIN, 0, "write-status",
	    by_memberships },
	{ REGISTRY "Confirm", SUBJECT_STATUS, ADMIN, 0, "write-status",
	    by_memberships },
	{ REGISTRY "Delete", SUBJECT_STATUS, 0, 0, "status-ends",
	    by_memberships },
	{ REGISTRY "Put", SUBJECT_ACTIVITY, 0, 0, "activity-declared",
	    by_activities },
	{ REGISTRY "Sync", SUBJECT_ACTIVITY, 0, 0, "activity-declared",
	    by_activities },
	{ REGISTRY "Confirm", SUBJECT_ACTIVITY, 0, 0, "activity-declared",
	    by_activities },
	{ REGISTRY "Delete", SUBJECT_ACTIVITY, 0, 0, "activity-declared",
	    by_activities },
	{ REGISTRY "Put", SUBJECT_DISPUTE | SUBJECT_TRANSFER, 0, 0,
	    "dispute-ends", by_ownership },
	{ REGISTRY "Sync", SUBJECT_DISPUTE | SUBJECT_TRANSFER, 0, 0,
	    "dispute-ends", by_ownership },
	{ REGISTRY "Confirm", SUBJECT_DISPUTE | SUBJECT_TRANSFER, 0, 0,
	    "dispute-ends", by_ownership },
	{ REGISTRY "Delete", SUBJECT_DISPUTE | SUBJECT_TRANSFER, 0, 0,
	    "dispute-ends", by_ownership },

	/* ---- disputes: the agency decides, each party may give up ---- */
	{ OWNERSHIP "ResolveDispute", SUBJECT_DISPUTE, AGENCY, 0,
	    "resolve-dispute", ask_agency },
	{ OWNERSHIP "WithdrawDispute", SUBJECT_DISPUTE, 0,
	    AGENCY | WRITER | PROXIMITY, "withdraw-dispute", own_dispute },

	/* ---- transfers: each body its own, the agency everything ---- */
	{ OWNERSHIP "RequestTransfer", SUBJECT_TRANSFER, AGENCY,
	    WRITER | PROXIMITY, "begin-transfer", own_dispute },
	{ OWNERSHIP "OfferTransfer", SUBJECT_TRANSFER, AGENCY,
	    WRITER | PROXIMITY, "begin-transfer", own_dispute },
	{ OWNERSHIP "ApproveTransfer", SUBJECT_TRANSFER, AGENCY,
	    WRITER | PROXIMITY, "end-transfer", own_dispute },
	{ OWNERSHIP "RejectTransfer", SUBJECT_TRANSFER, AGENCY,
	    WRITER | PROXIMITY, "end-transfer", own_dispute },
	{ OWNERSHIP "CancelTransfer", SUBJECT_TRANSFER, AGENCY,
	    WRITER | PROXIMITY, "end-transfer", own_dispute },

	/* ---- titles: the Agency records, the Region decides ---- */
	/* a coordinator those of the proximity network only: memberships.c */
	{ MEMBERSHIPS "RecordStatus", SUBJECT_STATUS, AGENCY | REGION, 0,
	    "record-status", ask_agency },
	{ MEMBERSHIPS "EndStatus", SUBJECT_STATUS, AGENCY | REGION, 0,
	    "record-status", ask_agency },

	/* ---- activities ---- */
	{ ACTIVITIES "Declare", SUBJECT_ACTIVITY, AGENCY, WRITER | PROXIMITY,
	    "declare-own", own_only },
	{ ACTIVITIES "List", SUBJECT_NONE, AGENCY | AUTHORITIES | MEMBERS, 0,
	    "list-activities", ask_agency },
	{ ACTIVITIES "List", SUBJECT_ACTIVITY, AGENCY | AUTHORITIES, MEMBERS,
	    "read-activity", own_activity },

	/* ---- referrals and territories ---- */
	{ "/resopro.v1.Referrals/Find", SUBJECT_NONE, EVERYBODY, 0, "refer",
	    ask_agency },
	{ "/resopro.v1.Territories/Resolve", SUBJECT_NONE, EVERYBODY, 0,
	    "territories", ask_agency },
	{ "/resopro.v1.Territories/ListZones", SUBJECT_NONE, EVERYBODY, 0,
	    "territories", ask_agency },

	/* ---- accounts and the daemon ---- */
	{ ADMINISTER "WhoAmI", SUBJECT_NONE, EVERYBODY, 0, "who-am-i",
	    ask_agency },
	{ ADMINISTER "Explain", SUBJECT_ACCOUNT, ADMIN | OPERATOR, EVERYBODY,
	    "explain", "explain your own account" },
	{ ADMINISTER "GetAccount", SUBJECT_ACCOUNT, ADMIN | OPERATOR, EVERYBODY,
	    "read-account", "read your own account" },
	{ ADMINISTER "ListAccounts", SUBJECT_NONE, ADMIN | OPERATOR, 0,
	    "list-accounts", ask_agency },
	{ ADMINISTER "PutAccount", SUBJECT_ACCOUNT, ADMIN, 0, "write-account",
	    ask_agency },
	{ ADMINISTER "CreateToken", SUBJECT_ACCOUNT, ADMIN, 0, "write-account",
	    ask_agency },
	{ ADMINISTER "RevokeToken", SUBJECT_ACCOUNT, ADMIN, EVERYBODY, "revoke",
	    "revoke the credentials of your own account" },
	{ ADMINISTER "RevokeCertificate", SUBJECT_ACCOUNT, ADMIN, EVERYBODY,
	    "revoke", "revoke the credentials of your own account" },
	{ ADMINISTER "Status", SUBJECT_NONE, EVERYBODY, 0, "daemon-status",
	    ask_agency },
	{ ADMINISTER "Verify", SUBJECT_NONE, ADMIN | OPERATOR, 0, "verify",
	    ask_agency },

	/* ---- gRPC's own ---- */
	{ "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	    SUBJECT_NONE, EVERYBODY, 0, "reflection", ask_agency },
	{ "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	    SUBJECT_NONE, EVERYBODY, 0, "reflection", ask_agency },
};

const struct policy_row *
policy_at(size_t i)
{
	return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}

const struct policy_row *
policy_find(const char *method, enum subject subject)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((rows[i].subjects & subject) != 0 &&
		    strcmp(rows[i].method, method) == 0)
			return &rows[i];
	}
	return NULL;
}

bool
policy_allows(const struct policy_row *row, unsigned roles, bool own)
{
	return (row->any & roles) != 0 || (own && (row->own & roles) != 0);
}

const char *
role_name(enum role role)
{
	static const char *const names[ROLE_END] = {
		[ROLE_AGENCY_ADMIN] = "agency_admin",
		[ROLE_AGENCY_COORDINATOR] = "agency_coordinator",
		[ROLE_REGION_SIGNATORY] = "region_signatory",
		[ROLE_CREFOP] = "crefop",
		[ROLE_PREFECTURE] = "prefecture",
		[ROLE_MEMBER_WRITER] = "member_writer",
		[ROLE_MEMBER_READER] = "member_reader",
		[ROLE_PROXIMITY] = "proximity",
		[ROLE_OPERATOR] = "operator",
	};

	return (unsigned)role < ROLE_END ? names[role] : NULL;
}
