/* lease.c - see lease.h. */
#include "service/lease.h"

#include <string.h>

#include "domain/date.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define OFFER RESOPRO__V1__KIND__KIND_OFFER

int32_t
lease_day(int64_t ns)
{
	return date_to_days(date_from_unix(ns / 1000000000));
}

struct freshness_period
lease_period(const struct catalog_periods *p, uint8_t kind)
{
	static const struct freshness_period none;

	return kind == ORGANISATION ? p->organisation
	       : kind == SITE       ? p->site
	       : kind == OFFER      ? p->offer
				    : none;
}

/* The last day of a body or a site, from its bytes: every Get asks. */
static bool
closing_day(uint8_t kind, const struct record_facts *f, int32_t *day)
{
	const uint32_t field = kind == ORGANISATION ? 21 : 20;
	struct pb_cursor c = { f->body.data, f->body.data + f->body.len };
	struct pb_field found;
	struct date d;

	if (kind != ORGANISATION && kind != SITE)
		return false;
	while (pb_next(&c, &found) == 1) {
		if (found.number != field ||
		    date_parse((const char *)found.data, found.len, &d) !=
			DATE_OK)
			continue;
		*day = date_to_days(d);
		return true;
	}
	return false;
}

enum freshness
lease_on(const struct lease_clock *c, const struct stored *s,
    const struct record_facts *f, int64_t confirmed_ns, int32_t day)
{
	struct freshness_period p = lease_period(c->periods, s->kind);
	int32_t last;

	if (p.days == 0 || (closing_day(s->kind, f, &last) && last < day))
		return FRESHNESS_NONE;
	return freshness_on(p, lease_day(confirmed_ns), day);
}

struct lease
lease_of(const struct lease_clock *c, struct view *v, const struct stored *s,
    const struct record_facts *f)
{
	struct lease l = { .confirmed_ns = record_confirmed(v, s, f) };

	if (c == NULL)
		return l;
	l.state = lease_on(c, s, f, l.confirmed_ns, c->today);
	if (l.state != FRESHNESS_NONE)
		l.stale_day =
		    freshness_stale_day(lease_period(c->periods, s->kind),
			lease_day(l.confirmed_ns));
	return l;
}

void
lease_day_text(int32_t day, char *out)
{
	date_format(date_from_days(day), out);
}

bool
lease_day_parse(const char *text, int32_t *day)
{
	struct date d;

	if (date_parse(text, strlen(text), &d) != DATE_OK)
		return false;
	*day = date_to_days(d);
	return true;
}
