/* zones.h - zones as records name them. */
#ifndef SERVICE_ZONES_H
#define SERVICE_ZONES_H

#include "domain/territory.h"

/* The zone of an offer's zone_eligibilite: an INSEE code, a departement, the
 * SIREN of an EPCI; NULL for "france" and what is no zone of this year. */
const struct zone *zones_of_eligibility(const struct territory *,
    const char *code);

/* Is "france" one of them? */
bool zones_say_everywhere(char *const *codes, size_t n);

#endif
