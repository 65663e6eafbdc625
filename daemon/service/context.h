/*
 * context.h - what the files of this folder share: the worker's context and
 * who is calling.  Not for other folders.
 */
#ifndef SERVICE_CONTEXT_H
#define SERVICE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "resopro/v1/admin.pb-c.h"
#include "resopro/v1/types.pb-c.h"
#include "service/catalog.h"
#include "service/lease.h"
#include "service/service.h"

struct accounts;
struct identities;
struct referrals;
struct search_docs;
struct search_index;
struct text_scratch;
struct verify_job;
struct watchers;

struct service {
	struct loop *loop;
	struct store *store;
	struct reader *reader;
	struct catalog *catalog;   /* one reference */
	struct lease_clock clock;  /* its periods, and the day */
	struct rpc_server *server; /* borrowed; NULL until set */
	struct accounts *accounts;
	struct referrals *referrals;
	struct search_index *search_index; /* borrowed, shared; or NULL */
	struct text_scratch *search_scratch;
	struct search_docs *search_docs; /* NULL until somebody asks why */
	struct watchers *watchers;
	struct identities *identities;
	struct verify_job *verify; /* running, or NULL */
	struct store_watch *moved;
	struct turn_hook release;     /* lets go of the snapshot */
	struct timer recheck;         /* credentials expire */
	uint64_t seen;                /* head that accounts were read at */
	struct service_limits limits; /* defaults filled in */
	unsigned syncs;               /* open now */
	size_t sync_bytes;            /* that they hold */
	unsigned countings;           /* of freshness, under way */
	unsigned away;                /* with another thread */
	void (*quiet)(void *);        /* wanted once there are none, or NULL */
	void *quiet_arg;
	unsigned workers, worker;
	struct service_counts *counts; /* of all workers, or own_counts */
	struct service_counts own_counts;
	int64_t started_ns;
	char certificate_expires[11];
};

/* Who calls.  Copied into writes: the account may change meanwhile. */
struct principal {
	char account[STORE_ID_MAX + 1];
	char organisation[STORE_ID_MAX + 1]; /* "" for operators */
	unsigned roles;                      /* bit (1 << Resopro__V1__Role) */
	char credential[80]; /* "certificate <sha256>", "token <id>" */
	int64_t expires;     /* of the credential, unix seconds; 0 unknown */
	uint64_t generation; /* of the accounts table when it was found */
	bool token;
	bool pinned; /* known by a pin, whatever its SAN says */
	char token_id[STORE_ID_MAX + 1];
	uint8_t cert_sha256[32];
};

/* Something is with another thread that will give it back to this loop, which
 * must not end before; and it came back. */
void service_sends_away(struct service *);
void service_came_back(struct service *);

/* Now, as the register has it: never before its last commit, whatever the clock
 * does. */
int64_t service_now(struct service *);

/* Tell the other workers what this one counts. */
void service_publish_counts(struct service *);

/* A snapshot that holds every commit answered so far; released when the turn
 * ends.  Another call may release the one before: take it once an event. */
struct view *service_view(struct service *, struct err *);

#endif
