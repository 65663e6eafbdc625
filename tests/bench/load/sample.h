/*
 * sample.h - the benchmark's sites (bench/data/records.h) as a client sends
 * them.
 */
#ifndef LOAD_SAMPLE_H
#define LOAD_SAMPLE_H

#include <stdint.h>

#include "load.h"
#include "wire/buf.h"

#define SAMPLE_KEY_SIZE 24
#define SAMPLE_MARK_SIZE 64

struct samples;

/* Reads --communes. */
struct samples *samples_new(const struct options *);
void samples_free(struct samples *);

void sample_key(uint64_t number, char out[SAMPLE_KEY_SIZE]);
/* The INSEE code of any of the communes. */
const char *sample_commune(const struct samples *, uint64_t chance);

/* What a person might type who looks for that site, one of SAMPLE_QUERIES ways:
 * its whole name first. */
#define SAMPLE_QUERY_SIZE 200
#define SAMPLE_QUERIES 10
void sample_query(struct samples *, uint64_t number, unsigned way,
    char out[SAMPLE_QUERY_SIZE]);
/* resopro.v1.Record; for Sync without its id, which the register gives. */
void sample_record(struct samples *, struct buf *, uint64_t number,
    uint64_t edition, bool for_sync);
/* The text by which that edition is told in an answer. */
void sample_mark(char out[SAMPLE_MARK_SIZE], uint64_t number, uint64_t edition);

#endif
