/*
 * records.h - the records that every system is measured with, each made from
 * its number alone: the same for everybody, on any day.
 *
 * BENCH_BODIES organisations of the kinds that referral rules name, a title for
 * each, and any number of sites of BENCH_RECORD_BYTES bytes.  All belong to the
 * agency, in the system BENCH_SOURCE; a site's id is bench-0000042.
 */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include <stdint.h>

#include "communes.h"
#include "resopro/v1/types.pb-c.h"

#define BENCH_AGENCY "agence-orientation-metiers-normandie"
#define BENCH_SOURCE "bench"
#define BENCH_BODIES 200
#define BENCH_SITES_MAX 9999999
#define BENCH_RECORD_BYTES 1000

/* A record and all that it points to.  Must not be moved or copied. */
struct bench_record {
	Resopro__V1__Record record;
	union {
		Resopro__V1__Organisation organisation;
		Resopro__V1__Site site;
		Resopro__V1__Status status;
	} body;
	Resopro__V1__Position position;
	char *list[2];
	char id[24], owner_id[24], nom[160], siret[16], siren[16], adresse[64],
	    telephone[24], courriel[48], competence[12],
	    description[BENCH_RECORD_BYTES];
};

/* Record number i as a client sends it, i from 0. */
void bench_organisation(struct bench_record *, const struct bench_communes *,
    unsigned i);
void bench_status(struct bench_record *, unsigned i);
/* Its `edition` moves the opening of one text only, which no index holds. */
void bench_site(struct bench_record *, const struct bench_communes *,
    unsigned i, unsigned edition);
/* That opening: by it an answer is told to be the record, in that edition. */
#define BENCH_MARK_SIZE 64
void bench_site_mark(char out[BENCH_MARK_SIZE], unsigned i, unsigned edition);

/* What the register adds to a record when it is first written, at a fixed
 * moment: so a Get returns it. */
struct bench_stamp {
	Google__Protobuf__Timestamp created, updated, confirmed;
};
void bench_stamp(struct bench_record *, struct bench_stamp *,
    uint64_t revision);

#endif
