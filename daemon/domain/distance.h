/*
 * distance.h - how many slips of the finger lie between two words.
 *
 * Pure.  Thread: any.
 */
#ifndef DOMAIN_DISTANCE_H
#define DOMAIN_DISTANCE_H

#include <stddef.h>

#define DISTANCE_BYTES_MAX 128

/*
 * The fewest letters (bytes) to add, drop, replace or swap with their
 * neighbour that make one of the other, no place being touched twice (optimal
 * string alignment).  Returns limit + 1 as soon as it is more than `limit`, and
 * when a word is longer than DISTANCE_BYTES_MAX.
 */
unsigned distance_between(const char *a, size_t na, const char *b, size_t nb,
    unsigned limit);

#endif
