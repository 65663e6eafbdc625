/* freshness.c - see freshness.h. */
#include "domain/freshness.h"

struct freshness_period
freshness_period_of(uint32_t days, uint32_t percent)
{
	return (struct freshness_period){
		.days = (int32_t)days,
		.due = (int32_t)((days * percent + 99) / 100),
	};
}

int32_t
freshness_due_day(struct freshness_period p, int32_t confirmed)
{
	return confirmed + p.days - p.due;
}

int32_t
freshness_stale_day(struct freshness_period p, int32_t confirmed)
{
	return confirmed + p.days;
}

enum freshness
freshness_on(struct freshness_period p, int32_t confirmed, int32_t day)
{
	if (p.days == 0)
		return FRESHNESS_NONE;
	if (day >= freshness_stale_day(p, confirmed))
		return FRESHNESS_STALE;
	/* On the day of the confirmation itself nothing is due. */
	if (day > confirmed && day >= freshness_due_day(p, confirmed))
		return FRESHNESS_DUE;
	return FRESHNESS_CONFIRMED;
}
