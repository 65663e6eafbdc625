/*
 * Any bytes as one of the three territory tables beside two good ones, and any
 * text as the name of a commune.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/territory.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define T(name, text)                                                          \
	{                                                                      \
		name, text, sizeof(text) - 1                                   \
	}
static const struct table_bytes good[] = {
	T("communes.csv",
	    "code;nom;departement;arrondissement;epci;codes_postaux;"
	    "latitude;longitude;position;population\n"
	    "14001;Ablon;14;143;200066827;14600;49.39214;0.29584;exacte;1166\n"
	    "14003;Agy;14;141;241400555;14400 14401;49.28510;-0.70433;"
	    "estimee;320\n"
	    "61169;Saint-Cornier;61;611;200068450;61800;48.7;-0.7;exacte;9\n"),
	T("anciens.csv", "ancien_code;nom;code\n14002;Acqueville;14001\n"
			 "14001;Ablon-sur-Mer;14001\n"),
	T("zones.csv",
	    "zone;nom;millesime;composition\nreg:28;Normandie;2026;\n"
	    "dep:14;Calvados;2026;\ndep:61;Orne;2026;\n"
	    "arr:143;Lisieux;2026;\narr:141;Bayeux;2026;\n"
	    "arr:611;Argentan;2026;\nepci:200066827;A;2026;\n"
	    "epci:241400555;B;2026;\nepci:200068450;C;2026;\n"
	    "catef:143;Lisieux;2026;dep:14 com:61169\n"),
};
#undef T

static void
check_resolve(const struct territory *t, const char *text)
{
	struct match m[8];
	size_t n = territory_resolve(t, text, m, 8);

	for (size_t i = 0; i < n && i < 8; i++) {
		if (m[i].commune == NULL || m[i].kind == MATCH_NONE ||
		    m[i].matched == NULL ||
		    territory_commune(t, m[i].commune->code) != m[i].commune)
			abort();
	}
}

static void
check_territory(const struct territory *t)
{
	const struct zone *z;
	size_t at = 0;

	for (size_t i = 0; i < territory_count(t); i++) {
		const struct commune *c = territory_at(t, i);

		if (c->index != i || territory_commune(t, c->code) != c)
			abort();
		check_resolve(t, c->nom);
	}
	while ((z = territory_next_zone(t, NULL, &at)) != NULL) {
		if (territory_zone(t, z->code) == NULL)
			abort();
	}
}

static void
check_fold(const char *s, size_t len)
{
	char *once = malloc(len + 1), *twice = malloc(len + 1);
	size_t n, again;

	if (once == NULL || twice == NULL)
		abort();
	n = fold_text(s, len, once);
	again = fold_text(once, n, twice);
	if (n > len || again != n || memcmp(once, twice, n) != 0)
		abort();
	free(once);
	free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table_bytes tables[3] = { good[0], good[1], good[2] };
	struct territory *t;
	struct err e = { 0 };
	char *text;

	if (size < 1)
		return 0;
	if (data[0] % 4 < 3) {
		tables[data[0] % 4].data = (const char *)data + 1;
		tables[data[0] % 4].len = size - 1;
	}
	t = territory_new(&tables[0], &tables[1], &tables[2], &e);
	if (t == NULL) {
		if (e.code != ERR_INVALID || e.remedy[0] == '\0' ||
		    data[0] % 4 == 3 || !utf8_valid(e.msg, strlen(e.msg)))
			abort();
		return 0;
	}
	check_territory(t);
	if (data[0] % 4 == 3) {
		if ((text = strndup((const char *)data + 1, size - 1)) == NULL)
			abort();
		check_resolve(t, text);
		check_fold((const char *)data + 1, size - 1);
		free(text);
	}
	territory_free(t);
	return 0;
}
