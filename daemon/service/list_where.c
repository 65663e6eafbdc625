/* list_where.c - see list_where.h. */
#include "service/list_where.h"

#include <string.h>

#include "domain/vocabulary.h"

#define KM_MAX 1000
#define PUBLICS_MAX 20
#define THEMATIQUES_MAX 70
#define EVERYBODY "tous-publics"
#define GROUP_MARK "--" /* between a group and the rest of a thematique */

static int
refuse(const char *field, const char *reason, const char *what,
    const char *remedy, struct err *e)
{
	err_set(e, ERR_INVALID, "%s: %s", field, what);
	err_field(e, field);
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

/* ---- reading ---------------------------------------------------------------- */

static int
read_point(struct list_where *w, const Resopro__V1__Near *near,
    const struct territory *t, struct err *e)
{
	const Resopro__V1__Position *p = near->position;
	const struct commune *c;

	if ((p != NULL) == (near->code_insee[0] != '\0'))
		return refuse("near", "ONE_OF", "needs a commune or a position",
		    "give code_insee or position, and not both", e);
	if (p != NULL) {
		if (!(p->latitude >= -90 && p->latitude <= 90 &&
			p->longitude >= -180 && p->longitude <= 180))
			return refuse("near.position", "OUT_OF_RANGE",
			    "is not a place on Earth",
			    "give WGS 84 degrees: latitude -90 to 90, "
			    "longitude -180 to 180",
			    e);
		w->at = geo_point(p->latitude, p->longitude);
		return 0;
	}
	c = territory_former(t, near->code_insee);
	if (c == NULL)
		return refuse("near.code_insee", "COMMUNE_UNKNOWN",
		    "is no commune of the register's territory",
		    "give an INSEE code (resopro territory resolve NAME)", e);
	w->at = c->position;
	return 0;
}

static int
read_near(struct list_where *w, const Resopro__V1__ListRequest *q,
    const struct territory *t, struct err *e)
{
	const Resopro__V1__Near *near = q->near;

	if (near == NULL)
		return 0;
	if (q->kind != RESOPRO__V1__KIND__KIND_SITE &&
	    q->kind != RESOPRO__V1__KIND__KIND_OFFER)
		return refuse("near", "KIND",
		    "records of this kind have no place",
		    "list sites or offers", e);
	if (!(near->km > 0 && near->km <= KM_MAX))
		return refuse("near.km", "OUT_OF_RANGE", "is no such distance",
		    "give kilometres: above 0, at most 1,000", e);
	w->near = true;
	w->metres = (uint32_t)(near->km * 1000);
	return read_point(w, near, t, e);
}

/* A code of thematiques, or the group that some code begins with. */
static int
check_thematique(const struct vocabulary *v, const char *code, struct err *e)
{
	size_t len = strlen(code);

	for (size_t i = 0; i < vocabulary_count(v); i++) {
		const char *known = vocabulary_at(v, i)->code;

		if (len > 0 && strncmp(known, code, len) == 0 &&
		    strncmp(known + len, GROUP_MARK, strlen(GROUP_MARK)) == 0)
			return 0;
	}
	return vocabulary_check(v, "thematiques", code, len, e);
}

static int
check_codes(const Resopro__V1__ListRequest *q, const struct catalog *c,
    struct err *e)
{
	const struct vocabularies *all = catalog_vocabularies(c);
	const struct vocabulary *publics = vocabularies_find(all, "publics");
	const struct vocabulary *thematiques =
	    vocabularies_find(all, "thematiques");

	for (size_t i = 0; i < q->n_publics && publics != NULL; i++)
		if (vocabulary_check(publics, "publics", q->publics[i],
			strlen(q->publics[i]), e) < 0)
			return -1;
	for (size_t i = 0; i < q->n_thematiques && thematiques != NULL; i++)
		if (check_thematique(thematiques, q->thematiques[i], e) < 0)
			return -1;
	return 0;
}

int
list_where_read(struct list_where *w, const Resopro__V1__ListRequest *q,
    const struct catalog *c, struct err *e)
{
	bool codes = q->n_publics > 0 || q->n_thematiques > 0;

	if (codes && q->kind != RESOPRO__V1__KIND__KIND_OFFER)
		return refuse(q->n_publics > 0 ? "publics" : "thematiques",
		    "KIND", "only offers have them", "list offers", e);
	if (q->n_publics > PUBLICS_MAX)
		return refuse("publics", "COUNT", "are too many",
		    "give at most 20 codes", e);
	if (q->n_thematiques > THEMATIQUES_MAX)
		return refuse("thematiques", "COUNT", "are too many",
		    "give at most 70 codes or groups", e);
	w->publics = q->publics;
	w->n_publics = q->n_publics;
	w->thematiques = q->thematiques;
	w->n_thematiques = q->n_thematiques;
	return check_codes(q, c, e) < 0
		   ? -1
		   : read_near(w, q, catalog_territory(c), e);
}

bool
list_where_asks(const struct list_where *w)
{
	return w->near || w->n_publics > 0 || w->n_thematiques > 0;
}

/* ---- matching ---------------------------------------------------------------- */

static bool
for_one_public(const struct list_where *w, const Resopro__V1__Offer *o)
{
	for (size_t i = 0; i < o->n_publics; i++) {
		if (strcmp(o->publics[i], EVERYBODY) == 0)
			return true;
		for (size_t k = 0; k < w->n_publics; k++)
			if (strcmp(o->publics[i], w->publics[k]) == 0)
				return true;
	}
	return w->n_publics == 0;
}

/* The code itself, or one of the group. */
static bool
is_thematique(const char *asked, const char *code)
{
	size_t len = strlen(asked);

	return strncmp(code, asked, len) == 0 &&
	       (code[len] == '\0' ||
		   strncmp(code + len, GROUP_MARK, strlen(GROUP_MARK)) == 0);
}

static bool
with_one_thematique(const struct list_where *w, const Resopro__V1__Offer *o)
{
	for (size_t i = 0; i < o->n_thematiques; i++)
		for (size_t k = 0; k < w->n_thematiques; k++)
			if (is_thematique(w->thematiques[k], o->thematiques[i]))
				return true;
	return w->n_thematiques == 0;
}

bool
list_where_codes(const struct list_where *w, const Resopro__V1__Record *r)
{
	if (w->n_publics == 0 && w->n_thematiques == 0)
		return true;
	return r->body_case == RESOPRO__V1__RECORD__BODY_OFFER &&
	       for_one_public(w, r->offer) && with_one_thematique(w, r->offer);
}

bool
list_where_site(const struct list_where *w, const struct territory *t,
    const Resopro__V1__Site *s)
{
	const struct commune *c;
	struct geo_point at;

	if (s->position != NULL) {
		at = geo_point(s->position->latitude, s->position->longitude);
	} else if ((c = territory_former(t, s->code_insee)) != NULL) {
		at = c->position;
	} else {
		return false;
	}
	return geo_distance_m(&w->at, &at) <= w->metres;
}
