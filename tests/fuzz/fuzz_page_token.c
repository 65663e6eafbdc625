/*
 * Any text as a page token: refused by name, or a place in this listing.  The
 * first byte changes a good token instead.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/page.h"
#include "store/view.h"

#define HEAD 1000
#define FILTERS UINT64_C(0xfedcba9876543210)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct view *v, const char *token)
{
	struct arena *arena = arena_new(1 << 20);
	struct err e = { 0 };
	struct page p;

	if (arena == NULL)
		abort();
	if (page_open(&p, arena, v, HEAD, 0, token, FILTERS, 100, &e) == 0) {
		if (p.revision < 1 || p.revision > HEAD ||
		    strlen(p.after) > STORE_ID_MAX)
			abort();
	} else if (e.code != ERR_INVALID ||
		   strcmp(e.field, "page_token") != 0 || e.remedy[0] == '\0') {
		abort();
	}
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = { .head = HEAD, .oldest = 1 };
	char token[400] = "";
	size_t len = 0;

	if (size < 2 || size > sizeof token - 100)
		return 0;
	if (data[0] % 2 == 0)
		len = (size_t)snprintf(token, sizeof token, "%x.%" PRIx64 ".",
		    data[1] * 5u, FILTERS);
	memcpy(token + len, data + 2, size - 2);
	check(&v, token);
	return 0;
}
