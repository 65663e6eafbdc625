/*
 * The JSON lines of resopro push: no crash, leak or loop, and a record that is
 * read, written as JSON and read again has the same bytes.  The first byte
 * chooses the kind, or none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../client/cli/json.h"
#include "../../client/cli/records_jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *
pack(const ProtobufCMessage *m, size_t *len)
{
	uint8_t *bytes;

	*len = protobuf_c_message_get_packed_size(m);
	bytes = malloc(*len + 1);
	if (bytes == NULL || protobuf_c_message_pack(m, bytes) != *len)
		abort();
	return bytes;
}

static void
check_again(const ProtobufCMessage *m)
{
	size_t len, again_len, text_len = 0;
	uint8_t *bytes = pack(m, &len), *again_bytes;
	ProtobufCMessage *again;
	struct json_fault fault;
	char *text = NULL;
	FILE *f = open_memstream(&text, &text_len);

	if (f == NULL)
		abort();
	json_write(f, m, -1);
	fclose(f);
	again = json_read_text(m->descriptor, text, text_len, 1, &fault);
	if (again == NULL)
		abort();
	again_bytes = pack(again, &again_len);
	if (again_len != len || memcmp(again_bytes, bytes, len) != 0)
		abort();
	json_message_free(again);
	free(again_bytes);
	free(bytes);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records_problem p;
	struct records_jsonl *r;
	enum records_got got;
	unsigned line;
	FILE *file;

	if (size < 2)
		return 0;
	file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
	if (file == NULL)
		return 0;
	r = records_jsonl_open(file, records_kind_at(data[0] % 5));
	do {
		Resopro__V1__SyncRecord *s;

		got = records_jsonl_next(r, &s, &line, &p);
		if ((got == RECORDS_ITEM) != (s != NULL) ||
		    (got == RECORDS_BAD && p.msg[0] == '\0'))
			abort();
		if (s != NULL)
			check_again(&s->base);
		records_free(s);
	} while (got != RECORDS_END && got != RECORDS_FATAL);
	records_jsonl_close(r);
	fclose(file);
	return 0;
}
