/* hist.c - see hist.h. */
#include "hist.h"

static unsigned
cell_of(uint64_t v)
{
	unsigned power, shift;

	if (v < 1U << HIST_BITS)
		return (unsigned)v;
	power = 63 - (unsigned)__builtin_clzll(v);
	shift = power - HIST_BITS;
	if (shift >= HIST_POWERS)
		return HIST_CELLS - 1;
	return ((shift + 1) << HIST_BITS) +
	       (unsigned)((v >> shift) & ((1U << HIST_BITS) - 1));
}

/* The largest value of a cell. */
static uint64_t
value_of(unsigned cell)
{
	unsigned shift = cell >> HIST_BITS;
	uint64_t low = cell & ((1U << HIST_BITS) - 1);

	if (shift == 0)
		return low;
	return ((low + (1U << HIST_BITS) + 1) << (shift - 1)) - 1;
}

void
hist_add(struct hist *h, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 : (uint64_t)ns;

	h->cells[cell_of(v)]++;
	h->n++;
	h->sum += (double)v;
	if (v > h->max)
		h->max = v;
}

uint64_t
hist_at(const struct hist *h, double share)
{
	uint64_t want = (uint64_t)(share * (double)h->n), seen = 0;

	if (want >= h->n)
		return h->max;
	for (unsigned i = 0; i < HIST_CELLS; i++) {
		seen += h->cells[i];
		if (seen > want)
			return value_of(i) < h->max ? value_of(i) : h->max;
	}
	return h->max;
}
