/*
 * The CSV reader of resopro push never crashes, leaks or loops, and each
 * record that it gives can be packed.  The first byte chooses the kind.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../client/cli/records_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
pack(Resopro__V1__SyncRecord *s)
{
	size_t len = protobuf_c_message_get_packed_size(&s->base);
	uint8_t *bytes = malloc(len + 1);

	if (bytes == NULL || protobuf_c_message_pack(&s->base, bytes) != len)
		abort();
	free(bytes);
	records_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records_problem p;
	struct records_csv *csv;
	enum records_got got;
	unsigned line;
	FILE *file;

	if (size < 2)
		return 0;
	file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
	if (file == NULL)
		return 0;
	csv = records_csv_open(file, records_kind_at(data[0] % 4));
	do {
		Resopro__V1__SyncRecord *s;

		got = records_csv_next(csv, &s, &line, &p);
		if ((got == RECORDS_ITEM) != (s != NULL))
			abort();
		if (s != NULL)
			pack(s);
	} while (got != RECORDS_END);
	records_csv_close(csv);
	fclose(file);
	return 0;
}
