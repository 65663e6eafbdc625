/* digest.h - SHA-256.  Hides OpenSSL.  Any thread; aborts only if libcrypto
 * has no SHA-256, which nothing can work without. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN 32

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_LEN]);
/* Lower-case hex; `out` holds 2 * len + 1. */
void digest_hex(const uint8_t *in, size_t len, char *out);
/* -1 unless exactly 2 * len lower-case hex digits. */
int digest_parse(const char *hex, uint8_t *out, size_t len);

#endif
