/* pki_text.c - what a certificate says, as text. */
#include "pki_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static int64_t
unix_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* What was not made here may hold anything: only printable text goes on. */
static void
copy_printable(char *out, size_t size, const unsigned char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		out[n++] = (char)(s[i] < 0x20 || s[i] == 0x7F ? '?' : s[i]);
	out[n] = '\0';
}

static void
common_name(char *out, size_t size, const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s =
	    at < 0 ? NULL
		   : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

	out[0] = '\0';
	if (s != NULL)
		copy_printable(out, size, ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
}

static void
ip_text(char *out, size_t size, const ASN1_STRING *ip)
{
	int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN] = "?";

	if (ASN1_STRING_length(ip) == 4 || ASN1_STRING_length(ip) == 16)
		inet_ntop(family, ASN1_STRING_get0_data(ip), text, sizeof text);
	snprintf(out, size, "IP:%s", text);
}

static void
general_name(char *out, size_t size, const GENERAL_NAME *g)
{
	const char *what = g->type == GEN_URI ? "URI:" : "DNS:";
	const ASN1_STRING *s = g->d.ia5;

	if (g->type == GEN_IPADD) {
		ip_text(out, size, g->d.iPAddress);
	} else if (g->type == GEN_URI || g->type == GEN_DNS) {
		snprintf(out, size, "%s", what);
		copy_printable(out + 4, size - 4, ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	} else {
		snprintf(out, size, "other");
	}
}

static void
alternative_names(char *out, size_t size, const X509 *cert)
{
	GENERAL_NAMES *list =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		char one[300];
		int n;

		general_name(one, sizeof one, sk_GENERAL_NAME_value(list, i));
		n = snprintf(out + used, size - used, "%s%s",
		    used == 0 ? "" : ", ", one);
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			break;
		}
		used += (size_t)n;
	}
	GENERAL_NAMES_free(list);
}

static const char *
usage_of(X509 *cert)
{
	uint32_t usage = X509_get_extended_key_usage(cert);

	if (X509_check_ca(cert) == 1)
		return "authority";
	if (usage == UINT32_MAX)
		return "other";
	if (usage & XKU_SSL_SERVER)
		return "server";
	return usage & XKU_SSL_CLIENT ? "account" : "other";
}

void
pki_text_serial(char out[48], const ASN1_INTEGER *serial)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = n == NULL ? NULL : BN_bn2hex(n);

	snprintf(out, 48, "%s", hex == NULL ? "" : hex);
	OPENSSL_free(hex);
	BN_free(n);
}

static void
fingerprint(char out[65], const X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	out[0] = '\0';
	if (X509_digest(cert, EVP_sha256(), md, &len) != 1)
		return;
	for (unsigned i = 0; i < len && i < 32; i++)
		snprintf(out + (size_t)2 * i, 3, "%02x", md[i]);
}

void
pki_text(X509 *cert, struct pki_cert *out)
{
	common_name(out->subject, sizeof out->subject,
	    X509_get_subject_name(cert));
	common_name(out->issuer, sizeof out->issuer,
	    X509_get_issuer_name(cert));
	alternative_names(out->names, sizeof out->names, cert);
	snprintf(out->usage, sizeof out->usage, "%s", usage_of(cert));
	pki_text_serial(out->serial, X509_get0_serialNumber(cert));
	fingerprint(out->sha256, cert);
	out->not_before = unix_time(X509_get0_notBefore(cert));
	out->not_after = unix_time(X509_get0_notAfter(cert));
}
