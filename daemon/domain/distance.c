/* distance.c - see distance.h. */
#include "domain/distance.h"

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

struct rows { /* of the table of distances between beginnings */
	unsigned cells[3][DISTANCE_BYTES_MAX + 1];
	unsigned *before, *above, *row;
};

static void
next_row(struct rows *r)
{
	unsigned *spare = r->before;

	r->before = r->above;
	r->above = r->row;
	r->row = spare;
}

/* Row i, 1 to na; its smallest cell. */
static unsigned
fill_row(struct rows *r, const char *a, size_t i, const char *b, size_t nb)
{
	unsigned smallest = r->row[0] = (unsigned)i;

	for (size_t j = 1; j <= nb; j++) {
		unsigned d = r->above[j - 1] + (a[i - 1] != b[j - 1]);

		d = least(d, least(r->above[j], r->row[j - 1]) + 1);
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
		    a[i - 2] == b[j - 1])
			d = least(d, r->before[j - 2] + 1);
		r->row[j] = d;
		smallest = least(smallest, d);
	}
	return smallest;
}

unsigned
distance_between(const char *a, size_t na, const char *b, size_t nb,
    unsigned limit)
{
	struct rows r = { .before = r.cells[0],
		.above = r.cells[1],
		.row = r.cells[2] };
	unsigned above = 0, smallest;

	if (na > DISTANCE_BYTES_MAX || nb > DISTANCE_BYTES_MAX ||
	    (na > nb ? na - nb : nb - na) > limit)
		return limit + 1;
	for (size_t j = 0; j <= nb; j++)
		r.above[j] = r.before[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		smallest = fill_row(&r, a, i, b, nb);
		/* A swap reaches over one row: both must be too far. */
		if (smallest > limit && above > limit)
			return limit + 1;
		above = smallest;
		next_row(&r);
	}
	return least(r.above[nb], limit + 1);
}
