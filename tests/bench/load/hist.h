/* hist.h - a histogram of times: 128 steps in each power of two, so that a
 * percentile is right within 0.8 %, from 1 ns to 18 minutes. */
#ifndef LOAD_HIST_H
#define LOAD_HIST_H

#include <stdint.h>

#define HIST_BITS 7
#define HIST_POWERS 34
#define HIST_CELLS ((HIST_POWERS + 1) << HIST_BITS)

struct hist {
	uint64_t n, max, cells[HIST_CELLS];
	double sum;
};

void hist_add(struct hist *, int64_t ns);
/* The value that `share` (0 to 1) of all do not exceed; 0 when empty. */
uint64_t hist_at(const struct hist *, double share);

#endif
