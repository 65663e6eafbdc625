/* communes.c - see communes.h. */
#include "communes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* code;nom;departement;arrondissement;epci;codes_postaux;latitude;longitude... */
static int
parse(const char *line, struct bench_commune *c)
{
	return sscanf(line,
		   "%7[^;];%63[^;];%3[^;];%7[^;];%*[^;];%5[0-9]%*[^;];%lf;%lf",
		   c->code, c->nom, c->departement, c->arrondissement,
		   c->code_postal, &c->latitude, &c->longitude) == 7 ||
		       sscanf(line,
			   "%7[^;];%63[^;];%3[^;];%7[^;];%*[^;];%5[0-9];%lf;%lf",
			   c->code, c->nom, c->departement, c->arrondissement,
			   c->code_postal, &c->latitude, &c->longitude) == 7
		   ? 0
		   : -1;
}

static struct bench_commune *
grow(struct bench_communes *all, size_t *cap)
{
	struct bench_commune *list;

	if (all->n < *cap)
		return &all->list[all->n];
	*cap = *cap == 0 ? 1024 : 2 * *cap;
	list = realloc(all->list, *cap * sizeof *list);
	if (list == NULL)
		return NULL;
	all->list = list;
	return &list[all->n];
}

int
communes_read(struct bench_communes *all, const char *file)
{
	FILE *f = fopen(file, "r");
	char line[512];
	size_t cap = 0;
	struct bench_commune *c;

	*all = (struct bench_communes){ 0 };
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		if ((c = grow(all, &cap)) == NULL)
			break;
		if (parse(line, c) == 0)
			all->n++;
	}
	(void)fclose(f);
	if (all->n > 0)
		return 0;
	fprintf(stderr, "%s: no commune in it\n", file);
	communes_free(all);
	return -1;
}

void
communes_free(struct bench_communes *all)
{
	free(all->list);
	*all = (struct bench_communes){ 0 };
}
