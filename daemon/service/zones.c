/* zones.c - see zones.h. */
#include "service/zones.h"

#include <string.h>

#define SIREN_LEN 9

const struct zone *
zones_of_eligibility(const struct territory *t, const char *code)
{
	char typed[sizeof "epci:" + SIREN_LEN] = "epci:";

	if (strlen(code) != SIREN_LEN)
		return territory_zone(t, code);
	return territory_zone(t, strcat(typed, code));
}

bool
zones_say_everywhere(char *const *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(codes[i], "france") == 0)
			return true;
	return false;
}
