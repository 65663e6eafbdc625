/* certfile.c - see certfile.h. */
#include "certfile.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* Hex digits with or without colons; false when it is something else. */
static bool
read_hex(const char *text, char out[65])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text != '\0'; text++) {
		char c = *text >= 'A' && *text <= 'F'
			     ? (char)(*text - 'A' + 'a')
			     : *text;

		if (c == ':')
			continue;
		if (strchr(digits, c) == NULL || n == 64)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return n == 64;
}

static bool
digest(FILE *file, char out[65])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0, i;
	X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
	bool ok = cert != NULL &&
		  X509_digest(cert, EVP_sha256(), hash, &len) == 1 && len == 32;

	for (i = 0; ok && i < len; i++)
		sprintf(out + 2 * i, "%02x", hash[i]);
	X509_free(cert);
	return ok;
}

int
certfile_sha256(struct cli *cli, const char *text, char out[65])
{
	FILE *file;
	bool ok;

	if (read_hex(text, out))
		return 0;
	if ((file = fopen(text, "re")) == NULL)
		return cli_fail(cli, EXIT_USAGE,
		    _("Give a certificate file (PEM) or its SHA-256 in 64 hex "
		      "digits."),
		    "%s: %s", text, strerror(errno));
	ok = digest(file, out);
	fclose(file);
	return ok ? 0
		  : cli_fail(cli, EXIT_USAGE,
			_("Give a certificate in PEM (BEGIN CERTIFICATE)."),
			_("%s holds no certificate"), text);
}
