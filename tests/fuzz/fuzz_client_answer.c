/*
 * What a server may answer to libresopro: details of an error, messages,
 * compressed ones, headers.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../client/lib/call.h"
#include "../../client/lib/gzip.h"
#include "../../client/lib/message.h"
#include "resopro/v1/registry.pb-c.h"
#include "wire/grpc.h"
#include "wire/utf8.h"

#define MEMORY ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *s, size_t cap)
{
	size_t len = strnlen(s, cap);

	if (len == cap || !utf8_valid(s, len))
		abort();
}

static void
details(const uint8_t *data, size_t size)
{
	struct rsp_error e;
	char *header = malloc(4 * ((size + 2) / 3) + 2);

	if (header == NULL)
		abort();
	header[base64_encode(data, size, header)] = '\0';
	memset(&e, 0, sizeof e);
	rsp_details_read(header, &e);
	check_text(e.reason, sizeof e.reason);
	check_text(e.remedy, sizeof e.remedy);
	if (e.nviolations > RSP_MAX_VIOLATIONS || e.nfacts > RSP_MAX_FACTS)
		abort();
	for (size_t i = 0; i < e.nviolations; i++) {
		check_text(e.violations[i].field, sizeof e.violations[i].field);
		check_text(e.violations[i].description,
		    sizeof e.violations[i].description);
	}
	free(header);
}

/* A frame: flags, then what it holds. */
static void
answer(const uint8_t *data, size_t size)
{
	static const ProtobufCMessageDescriptor *const kinds[] = {
		&resopro__v1__get_response__descriptor,
		&resopro__v1__list_response__descriptor,
		&resopro__v1__watch_response__descriptor,
		&resopro__v1__sync_response__descriptor,
	};
	struct grpc_frame f;
	ProtobufCMessage *m;
	struct rsp_error e;

	if (size < 1)
		return;
	memset(&e, 0, sizeof e);
	f = (struct grpc_frame){ .compressed = (data[0] & 4) != 0,
		.data = data + 1,
		.len = (uint32_t)size - 1 };
	m = rsp_frame_unpack(kinds[data[0] % 4], &f, (data[0] & 8) != 0, MEMORY,
	    &e);
	if (m == NULL && (e.code == RSP_OK || e.msg[0] == '\0'))
		abort();
	if (m != NULL)
		rsp_message_free(m);
}

/* "name: value" a line. */
static void
headers(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct rsp_answer a;
	struct rsp_error e;

	memset(&a, 0, sizeof a);
	memset(&e, 0, sizeof e);
	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		const char *colon;

		if (line == NULL)
			line = end;
		colon = memchr(at, ':', (size_t)(line - at));
		if (colon != NULL)
			rsp_answer_header(&a, at, (size_t)(colon - at),
			    colon + 1, (size_t)(line - colon - 1));
		at = line + 1;
	}
	rsp_answer_end(&a, &e);
	check_text(e.msg, sizeof e.msg);
	rsp_answer_free(&a);
}

static void
gunzip(const uint8_t *data, size_t size)
{
	struct buf out = { 0 }, packed = { 0 }, again = { 0 };
	struct rsp_error e;

	if (rsp_gunzip(data, size, MEMORY, &out, &e) == 0 &&
	    buf_len(&out) > MEMORY)
		abort();
	if (rsp_gzip(data, size, &packed, &e) < 0 ||
	    rsp_gunzip(buf_head(&packed), buf_len(&packed), size, &again, &e) <
		0 ||
	    buf_len(&again) != size ||
	    (size > 0 && memcmp(buf_head(&again), data, size) != 0))
		abort();
	buf_free(&out);
	buf_free(&packed);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *, size_t) = { details,
		answer, headers, gunzip };

	if (size > 0)
		readers[data[0] % 4](data + 1, size - 1);
	return 0;
}
