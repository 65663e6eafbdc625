/*
 * The small things in gRPC's headers: timeouts, messages, base64.  What is read
 * and written again reads the same.  The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
timeout(const char *in, size_t len)
{
	int64_t ns = -1, again = -1;
	char text[16];

	if (grpc_timeout_parse(in, len, &ns) < 0)
		return;
	if (len < 2 || len > 9 || ns < 0)
		abort();
	grpc_timeout_format(ns, text);
	if (grpc_timeout_parse(text, strlen(text), &again) < 0 ||
	    (again < ns && ns < INT64_C(99999999) * 1000000000))
		abort();
}

static void
message(const char *in, size_t len)
{
	char text[2048], header[3 * sizeof text], again[2048];
	size_t n;

	n = grpc_message_decode(in, len, text, sizeof text);
	if (n >= sizeof text || strlen(text) > n)
		abort();
	n = grpc_message_encode(text, header, sizeof header);
	for (size_t i = 0; i < n; i++) {
		if (header[i] < ' ' || header[i] > '~')
			abort();
	}
	grpc_message_decode(header, n, again, sizeof again);
	if (strcmp(text, again) != 0)
		abort();
}

static void
base64(const char *in, size_t len)
{
	uint8_t *bytes = malloc(3 * (len / 4) + 3);
	uint8_t *again = malloc(3 * (len / 4) + 6);
	char *text = malloc(len + 8);
	size_t n, again_n;

	if (bytes == NULL || again == NULL || text == NULL)
		abort();
	if (base64_decode(in, len, bytes, &n) == 0) {
		if (n > 3 * (len / 4) + 3)
			abort();
		len = base64_encode(bytes, n, text);
		if (base64_decode(text, len, again, &again_n) != 0 ||
		    again_n != n || memcmp(again, bytes, n) != 0)
			abort();
	}
	free(bytes);
	free(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *, size_t) = { timeout,
		message, base64 };

	if (size > 0)
		readers[data[0] % 3]((const char *)data + 1, size - 1);
	return 0;
}
