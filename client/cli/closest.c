/* closest.c - edit distance with exchanged neighbours; see closest.h. */
#include "closest.h"

#include <string.h>

enum { WORD_MAX = 48 };

static unsigned
min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned
distance(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t i, j;

	for (i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= la; i++)
		for (j = 1; j <= lb; j++) {
			unsigned change = a[i - 1] != b[j - 1];

			d[i][j] = min(d[i - 1][j - 1] + change,
			    min(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[la][lb];
}

void
closest_try(struct closest *c, const char *name)
{
	size_t typed = strlen(c->word), len = strlen(name);
	unsigned n;

	if (typed == 0 || typed > WORD_MAX || len > WORD_MAX)
		return;
	/* The beginning of a name is as good as one slip. */
	n = typed >= 3 && strncmp(c->word, name, typed) == 0
		? 1
		: distance(c->word, typed, name, len);
	if (n > (typed < 4 ? 1 : typed / 3 + 1))
		return;
	if (c->best == NULL || n < c->distance) {
		c->best = name;
		c->distance = n;
	}
}
