/* FUZZ_opening_hours: domain.  Any bytes: a verdict, and a place within them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "domain/opening_hours.h"
#include "domain/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct opening_hours_error e = { 0, NULL };
	struct err cause = { 0 };

	if (opening_hours_check(s, size, &e) < 0 &&
	    (e.cause == NULL || e.at < 1 || e.at > size + 1))
		abort();
	/* What the field takes is what the parser takes. */
	if (value_check(VALUE_OPENING_HOURS, "horaires", s, size, &cause) ==
		0 &&
	    e.cause != NULL)
		abort();
	return 0;
}
