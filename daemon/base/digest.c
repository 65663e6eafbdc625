/* digest.c - see digest.h. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

void
digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_LEN])
{
	if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void
digest_hex(const uint8_t *in, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		out[2 * i] = hex[in[i] >> 4];
		out[2 * i + 1] = hex[in[i] & 15];
	}
	out[2 * len] = '\0';
}

int
digest_parse(const char *text, uint8_t *out, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	if (strlen(text) != 2 * len)
		return -1;
	for (i = 0; i < 2 * len; i++) {
		const char *at = strchr(hex, text[i]);

		if (at == NULL)
			return -1;
		if (i % 2 == 0)
			out[i / 2] = (uint8_t)((at - hex) << 4);
		else
			out[i / 2] |= (uint8_t)(at - hex);
	}
	return 0;
}
