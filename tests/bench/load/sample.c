/* sample.c - see sample.h. */
#include "sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../data/records.h"

struct samples {
	struct bench_communes communes;
	struct bench_record record;
};

_Static_assert(SAMPLE_MARK_SIZE == BENCH_MARK_SIZE, "marks fit");

struct samples *
samples_new(const struct options *o)
{
	struct samples *s = calloc(1, sizeof *s);

	if (s == NULL)
		die("no memory");
	if (o->communes != NULL && communes_read(&s->communes, o->communes) < 0)
		die("cannot read --communes %s", o->communes);
	return s;
}

void
samples_free(struct samples *s)
{
	communes_free(&s->communes);
	free(s);
}

void
sample_key(uint64_t number, char out[SAMPLE_KEY_SIZE])
{
	(void)snprintf(out, SAMPLE_KEY_SIZE, BENCH_SOURCE "-%07" PRIu64,
	    number % (BENCH_SITES_MAX + UINT64_C(1)));
}

static void
need_communes(const struct samples *s)
{
	if (s->communes.n == 0)
		die("this case needs --communes");
}

const char *
sample_commune(const struct samples *s, uint64_t chance)
{
	need_communes(s);
	return s->communes.list[chance % s->communes.n].code;
}

void
sample_mark(char out[SAMPLE_MARK_SIZE], uint64_t number, uint64_t edition)
{
	bench_site_mark(out, (unsigned)number, (unsigned)edition);
}

void
sample_record(struct samples *s, struct buf *b, uint64_t number,
    uint64_t edition, bool for_sync)
{
	Resopro__V1__Record *r = &s->record.record;
	uint8_t *out;
	size_t len;

	need_communes(s);
	bench_site(&s->record, &s->communes, (unsigned)number,
	    (unsigned)edition);
	if (for_sync) {
		static char none[1];

		r->id = r->owner = r->source = none;
	}
	len = resopro__v1__record__get_packed_size(r);
	if ((out = buf_reserve(b, len)) == NULL)
		die("no memory for a record");
	buf_added(b, resopro__v1__record__pack(r, out));
}

/* Names, a commune, a beginning, another name of the body, an identifier, a
 * slip: each finds the site among others. */
void
sample_query(struct samples *s, uint64_t number, unsigned way,
    char out[SAMPLE_QUERY_SIZE])
{
	static const char *const bodies[] = { "ML", "p\303\264le emploi", "CIO",
		"cap emploi", "Apec", "CMA", "CCI", "information jeunesse",
		"CCAS", "SUIO" };
	const Resopro__V1__Site *site = &s->record.body.site;
	size_t len;

	need_communes(s);
	bench_site(&s->record, &s->communes, (unsigned)number, 1);
	len = strlen(site->commune);
	switch (way) {
	case 0:
	case 1:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "%s", site->nom);
		break;
	case 2:
	case 3:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "accueil %s",
		    site->commune);
		break;
	case 4:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "%s", site->commune);
		break;
	case 5:
		/* two letters at least, and whole ones */
		for (len = len > 4 ? len - 2 : len;
		     ((unsigned char)site->commune[len] & 0xC0) == 0x80;)
			len--;
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "lieu %.*s", (int)len,
		    site->commune);
		break;
	case 6:
	case 7:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "%s %s",
		    bodies[number % BENCH_BODIES % 10], site->commune);
		break;
	case 8:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "%s", site->siret);
		break;
	default:
		(void)snprintf(out, SAMPLE_QUERY_SIZE, "acceuil %s",
		    site->commune);
		break;
	}
}
