/* communes.h - the communes of config/territories/communes.csv, as far as an
 * address needs them. */
#ifndef BENCH_COMMUNES_H
#define BENCH_COMMUNES_H

#include <stddef.h>

struct bench_commune {
	char code[8], nom[64], departement[4], arrondissement[8],
	    code_postal[8];
	double latitude, longitude;
};

struct bench_communes {
	struct bench_commune *list;
	size_t n;
};

/* Owns: the caller, until communes_free().  Fails: -1, told on stderr. */
int communes_read(struct bench_communes *, const char *file);
void communes_free(struct bench_communes *);

#endif
