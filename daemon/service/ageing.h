/*
 * ageing.h - what became due or stale between two days, found once for all the
 * watches of a worker that ask for the same days.
 *
 * Finding it is a walk over every record, in slices between which others are
 * served; who asked is told at its end.
 */
#ifndef SERVICE_AGEING_H
#define SERVICE_AGEING_H

#include "service/context.h"

struct ageing;
struct ageings; /* a worker's */

struct aged {
	uint8_t kind;
	const char *id;
};

/* `found` is called once for each ageing whose walk has ended, on the loop's
 * thread; with an error set when it failed. */
struct ageings *ageings_new(struct service *,
    void (*found)(struct ageing *, const struct err *, void *arg), void *arg,
    struct err *);
void ageings_free(struct ageings *); /* after their last users */

/* From the states of day `from` to those of day `to`.  Owns: one reference.
 * Fails: NULL, ERR_NOMEM. */
struct ageing *ageings_get(struct ageings *, int32_t from, int32_t to,
    struct err *);
void ageing_unref(struct ageing *); /* NULL is a no-op */

bool ageing_is_found(const struct ageing *);
int32_t ageing_from(const struct ageing *);
int32_t ageing_to(const struct ageing *);
/* In order of kind and id; what changed since is among them. */
const struct aged *ageing_at(const struct ageing *, size_t i); /* NULL */

#endif
