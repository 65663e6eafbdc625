/* intern.c - see intern.h. */
#include "domain/intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX UINT32_MAX
#define FIRST_SLOTS 1024 /* a power of two */

uint64_t
intern_hash(const char *bytes, size_t len)
{
	uint64_t h = UINT64_C(0x9E3779B97F4A7C15) ^ len;

	for (; len > 0;) {
		size_t n = len < sizeof h ? len : sizeof h;
		uint64_t part = 0;

		memcpy(&part, bytes, n);
		h = (h ^ part) * UINT64_C(0xFF51AFD7ED558CCD);
		h ^= h >> 32;
		bytes += n;
		len -= n;
	}
	h *= UINT64_C(0xC4CEB9FE1A85EC53);
	return h ^ h >> 29;
}

static int
grow_slots(struct intern *in)
{
	size_t n = in->n_slots > 0 ? 2 * in->n_slots : FIRST_SLOTS;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return -1;
	for (size_t i = 0; i < in->n; i++) {
		const struct interned *x = &in->list[i];
		size_t at =
		    (size_t)intern_hash(in->bytes + x->at, x->len) & (n - 1);

		while (slots[at] != 0)
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(in->slots);
	in->slots = slots;
	in->n_slots = n;
	return 0;
}

static int
make_room(struct intern *in, size_t len)
{
	if (in->n == in->list_room) {
		size_t room = in->list_room > 0 ? 2 * in->list_room : 256;
		struct interned *list = realloc(in->list, room * sizeof *list);

		if (list == NULL)
			return -1;
		in->list = list;
		in->list_room = room;
	}
	if (in->bytes == NULL || len > in->bytes_room - in->used) {
		size_t room = 2 * in->bytes_room + len + 1024;
		char *bytes = realloc(in->bytes, room);

		if (bytes == NULL)
			return -1;
		in->bytes = bytes;
		in->bytes_room = room;
	}
	return 0;
}

uint32_t
intern_add(struct intern *in, const char *bytes, size_t len)
{
	size_t at;

	if (2 * in->n >= in->n_slots && grow_slots(in) < 0)
		return INTERN_FAILED;
	at = (size_t)intern_hash(bytes, len) & (in->n_slots - 1);
	for (; in->slots[at] != 0; at = (at + 1) & (in->n_slots - 1)) {
		const struct interned *x = &in->list[in->slots[at] - 1];

		if (x->len == len && memcmp(in->bytes + x->at, bytes, len) == 0)
			return in->slots[at] - 1;
	}
	if (len > BYTES_MAX - in->used || make_room(in, len) < 0)
		return INTERN_FAILED;
	in->list[in->n] =
	    (struct interned){ (uint32_t)in->used, (uint32_t)len };
	if (len > 0)
		memcpy(in->bytes + in->used, bytes, len);
	in->used += len;
	in->slots[at] = (uint32_t)++in->n;
	return (uint32_t)in->n - 1;
}

void
intern_free(struct intern *in)
{
	free(in->bytes);
	free(in->list);
	free(in->slots);
	memset(in, 0, sizeof *in);
}
