/* grpc.c - see grpc.h. */
#include "wire/grpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[GRPC_STATUS_COUNT] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
};

static const enum grpc_status status_of[ERR_COUNT] = {
	[ERR_NONE] = GRPC_OK,
	[ERR_INVALID] = GRPC_INVALID_ARGUMENT,
	[ERR_UNAUTHENTICATED] = GRPC_UNAUTHENTICATED,
	[ERR_DENIED] = GRPC_PERMISSION_DENIED,
	[ERR_NOT_FOUND] = GRPC_NOT_FOUND,
	[ERR_EXISTS] = GRPC_ALREADY_EXISTS,
	[ERR_CONFLICT] = GRPC_ABORTED,
	[ERR_PRECONDITION] = GRPC_FAILED_PRECONDITION,
	[ERR_LIMIT] = GRPC_RESOURCE_EXHAUSTED,
	[ERR_COMPACTED] = GRPC_OUT_OF_RANGE,
	[ERR_DEADLINE] = GRPC_DEADLINE_EXCEEDED,
	[ERR_CANCELLED] = GRPC_CANCELLED,
	[ERR_UNAVAILABLE] = GRPC_UNAVAILABLE,
	[ERR_UNCERTAIN] = GRPC_UNKNOWN,
	[ERR_UNIMPLEMENTED] = GRPC_UNIMPLEMENTED,
	[ERR_NOMEM] = GRPC_RESOURCE_EXHAUSTED,
	[ERR_IO] = GRPC_UNAVAILABLE,
	[ERR_CORRUPT] = GRPC_DATA_LOSS,
	[ERR_INTERNAL] = GRPC_INTERNAL,
};

const char *
grpc_status_name(unsigned status)
{
	return status < GRPC_STATUS_COUNT ? status_names[status] : "UNKNOWN";
}

enum grpc_status
grpc_status_of(enum err_code code)
{
	return code >= 0 && code < ERR_COUNT ? status_of[code] : GRPC_UNKNOWN;
}

void
grpc_frame_write(uint8_t out[GRPC_FRAME_LEN], int compressed, uint32_t len)
{
	out[0] = compressed ? 1 : 0;
	out[1] = (uint8_t)(len >> 24);
	out[2] = (uint8_t)(len >> 16);
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
}

uint32_t
grpc_frame_length(const uint8_t in[GRPC_FRAME_LEN])
{
	return (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 8 | in[4];
}

static const struct timeout_unit {
	char letter;
	int64_t ns;
} units[] = {
	{ 'H', INT64_C(3600000000000) },
	{ 'M', INT64_C(60000000000) },
	{ 'S', INT64_C(1000000000) },
	{ 'm', INT64_C(1000000) },
	{ 'u', INT64_C(1000) },
	{ 'n', INT64_C(1) },
};

int
grpc_timeout_parse(const char *s, size_t len, int64_t *ns)
{
	int64_t value = 0;
	size_t i;

	if (len < 2 || len > 9)
		return -1;
	for (i = 0; i + 1 < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	for (i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (units[i].letter != s[len - 1])
			continue;
		/* 99,999,999 hours do not fit: as good as for ever. */
		*ns = value > INT64_MAX / 4 / units[i].ns ? INT64_MAX / 4
							  : value * units[i].ns;
		return 0;
	}
	return -1;
}

void
grpc_timeout_format(int64_t ns, char out[16])
{
	int64_t ms = ns <= 0 ? 0 : ns / 1000000 + (ns % 1000000 != 0);
	int64_t s = ms / 1000 + (ms % 1000 != 0);

	if (ms <= 99999999)
		(void)snprintf(out, 16, "%" PRId64 "m", ms);
	else
		(void)snprintf(out, 16, "%" PRId64 "S",
		    s > 99999999 ? 99999999 : s);
}

size_t
grpc_message_encode(const char *text, char *out, size_t cap)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c <= 0x7E && c != '%') {
			if (n + 1 >= cap)
				break;
			out[n++] = (char)c;
		} else {
			if (n + 3 >= cap)
				break;
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	if (cap > 0)
		out[n] = '\0';
	return n;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

size_t
grpc_message_decode(const char *in, size_t len, char *out, size_t cap)
{
	size_t i, n = 0;

	for (i = 0; i < len && n + 1 < cap; i++) {
		if (in[i] == '%' && i + 2 < len && hex_value(in[i + 1]) >= 0 &&
		    hex_value(in[i + 2]) >= 0) {
			out[n++] = (char)(hex_value(in[i + 1]) << 4 |
					  hex_value(in[i + 2]));
			i += 2;
		} else {
			out[n++] = in[i];
		}
	}
	if (cap > 0)
		out[n] = '\0';
	return n;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(const uint8_t *in, size_t len, char *out)
{
	size_t n = 0, i;

	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;
		size_t left = len - i;

		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		out[n++] = base64_alphabet[v >> 18];
		out[n++] = base64_alphabet[v >> 12 & 63];
		if (left > 1)
			out[n++] = base64_alphabet[v >> 6 & 63];
		if (left > 2)
			out[n++] = base64_alphabet[v & 63];
	}
	out[n] = '\0';
	return n;
}

int
base64_decode(const char *in, size_t len, uint8_t *out, size_t *out_len)
{
	uint32_t v = 0;
	unsigned bits = 0;
	size_t i, n = 0, padded = len;

	while (len > 0 && padded - len < 2 && in[len - 1] == '=')
		len--;
	if (len % 4 == 1 || (padded > len && padded % 4 != 0))
		return -1;
	for (i = 0; i < len; i++) {
		const char *at =
		    in[i] == '\0' ? NULL : strchr(base64_alphabet, in[i]);

		if (at == NULL)
			return -1;
		v = v << 6 | (uint32_t)(at - base64_alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(v >> bits);
		}
	}
	*out_len = n;
	return 0;
}
