/*
 * freshness.h - the states of a record's freshness: words, colours, counts.
 */
#ifndef CLI_FRESHNESS_H
#define CLI_FRESHNESS_H

#include <resopro/v1/registry.pb-c.h>

#include "cli.h"
#include "paging.h"
#include "term.h"

/* For a table; free() it. */
char *freshness_of_record(const ProtobufCMessage *record);
enum colour freshness_colour_of_record(const ProtobufCMessage *record);

/* "stale", "due", "confirmed"; 0, or an exit code after having told. */
int freshness_parse(struct cli *, const char *text, Resopro__V1__Freshness *);

/* Registry.FreshnessCounts with this request (page fields are set here),
 * printed as far as `page` wants it. */
int freshness_counts(struct cli *, Resopro__V1__FreshnessCountsRequest *,
    struct paging *page);

#endif
