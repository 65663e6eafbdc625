/* tls_words.c - see tls_words.h. */
#include "tls_words.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fail.h"

/* ---- of a certificate ---------------------------------------------------- */

static void
name_read(const X509_NAME *name, char *out, size_t cap)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;

	if (at >= 0 &&
	    ASN1_STRING_to_UTF8(&text,
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) >= 0)
		rsp_text_copy(out, cap, (const char *)text);
	else
		X509_NAME_oneline(name, out, (int)cap);
	OPENSSL_free(text);
}

static void
date_read(const ASN1_TIME *t, char out[16])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 ||
	    strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		rsp_text_copy(out, 16, "?");
}

static void
names_read(const X509 *cert, char *out, size_t cap)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	BIO *text = BIO_new(BIO_s_mem());
	int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0, len;

	for (int i = 0; text != NULL && i < n; i++) {
		if (i > 0)
			BIO_puts(text, ", ");
		GENERAL_NAME_print(text, sk_GENERAL_NAME_value(names, i));
	}
	len = text != NULL ? BIO_read(text, out, (int)cap - 1) : 0;
	out[len > 0 ? len : 0] = '\0';
	BIO_free(text);
	GENERAL_NAMES_free(names);
}

void
tls_cert_read(const X509 *cert, struct tls_cert *out)
{
	name_read(X509_get_subject_name(cert), out->subject,
	    sizeof out->subject);
	name_read(X509_get_issuer_name(cert), out->issuer, sizeof out->issuer);
	date_read(X509_get0_notBefore(cert), out->from);
	date_read(X509_get0_notAfter(cert), out->to);
	names_read(cert, out->names, sizeof out->names);
}

/* ---- what we refused ----------------------------------------------------- */

static int
not_signed(const struct tls_words *w, struct rsp_error *e)
{
	char remedy[TLS_REMEDY_LEN];

	(void)snprintf(remedy, sizeof remedy,
	    "ask the operator of the server "
	    "for the certificate of its authority and name that file as the "
	    "CA (now: %s)",
	    w->ca_file != NULL ? w->ca_file : "those of the system");
	return rsp_fail(e, RSP_ERR_TLS, "TLS_UNKNOWN_AUTHORITY", remedy,
	    "the server's certificate \"%s\" is signed by \"%s\", which is "
	    "none of the authorities trusted here",
	    w->peer.subject, w->peer.issuer);
}

static int
expired(const struct tls_words *w, struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_TLS, "TLS_EXPIRED",
	    "have it renewed by the operator of the server; if the date is "
	    "still to come, correct the clock of this machine",
	    "the certificate \"%s\" of the server expired on %s",
	    w->peer.subject, w->peer.to);
}

static int
too_early(const struct tls_words *w, struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_TLS, "TLS_NOT_YET_VALID",
	    "check the clock of this machine and that of the server",
	    "the certificate \"%s\" of the server is valid from %s only",
	    w->peer.subject, w->peer.from);
}

static int
other_name(const struct tls_words *w, struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_TLS, "TLS_WRONG_NAME",
	    "correct the server's name; if it is the right server under "
	    "another name, give the name of the certificate as server_name",
	    "the certificate of the server is for %s, not for \"%s\"",
	    w->peer.names[0] != '\0' ? w->peer.names : w->peer.subject,
	    w->name);
}

static int
wrong_purpose(const struct tls_words *w, struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_TLS, "TLS_WRONG_PURPOSE",
	    "have the operator issue a server certificate",
	    "the certificate \"%s\" that the server shows is not one for "
	    "servers",
	    w->peer.subject);
}

static const struct refusal {
	int error;
	int (*say)(const struct tls_words *, struct rsp_error *);
} refusals[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, not_signed },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, not_signed },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, not_signed },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, not_signed },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, not_signed },
	{ X509_V_ERR_CERT_UNTRUSTED, not_signed },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, not_signed },
	{ X509_V_ERR_CERT_HAS_EXPIRED, expired },
	{ X509_V_ERR_CERT_NOT_YET_VALID, too_early },
	{ X509_V_ERR_HOSTNAME_MISMATCH, other_name },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, other_name },
	{ X509_V_ERR_INVALID_PURPOSE, wrong_purpose },
};

static int
explain_refusal(const struct tls_words *w, struct rsp_error *e)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (refusals[i].error == w->verify)
			return refusals[i].say(w, e);
	return rsp_fail(e, RSP_ERR_TLS, "TLS_SERVER_CERTIFICATE", NULL,
	    "the certificate \"%s\" of the server is refused: %s",
	    w->peer.subject, X509_verify_cert_error_string(w->verify));
}

/* ---- what the server refused --------------------------------------------- */

static const struct alert {
	int number; /* RFC 8446, 6 */
	bool ours;  /* about our certificate */
	const char *reason, *what, *remedy;
} alerts[] = {
	{ 40, false, "TLS_NO_COMMON_CIPHER",
	    "the server accepts none of the "
	    "ciphers offered, or asks for a certificate",
	    "give a certificate, or ask the operator what the server requires" },
	{ 42, true, "TLS_OWN_CERTIFICATE", "it is damaged or unusable",
	    "ask the agency for a new certificate" },
	{ 43, true, "TLS_OWN_CERTIFICATE", "it is of an unsupported type",
	    "ask the agency for a client certificate" },
	{ 44, true, "TLS_OWN_REVOKED", "it has been revoked",
	    "ask the agency for a new certificate" },
	{ 45, true, "TLS_OWN_EXPIRED", "it has expired",
	    "ask the agency for a new certificate, or correct the clock" },
	{ 46, true, "TLS_OWN_CERTIFICATE", "the server does not say why",
	    "ask the operator what the log of the server says" },
	{ 48, true, "TLS_OWN_UNKNOWN_AUTHORITY",
	    "its authority is not known "
	    "to the server",
	    "use the certificate that the agency issued" },
	{ 49, true, "TLS_OWN_CERTIFICATE", "access denied",
	    "ask the operator what the log of the server says" },
	{ 70, false, "TLS_VERSION",
	    "the server accepts neither TLS 1.2 nor "
	    "1.3",
	    "ask the operator to enable TLS 1.3" },
	{ 112, false, "TLS_WRONG_NAME",
	    "the server does not know the name "
	    "that was asked for",
	    "check the server's name" },
	{ 116, true, "TLS_OWN_MISSING",
	    "it asks for a certificate and none "
	    "was given",
	    "give the certificate and key that the agency issued" },
	{ 120, false, "TLS_NOT_HTTP2", "it does not speak HTTP/2 on this port",
	    "check host and port: it is probably another service" },
};

static int
explain_alert(const struct tls_words *w, int number, struct rsp_error *e)
{
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
		const struct alert *a = &alerts[i];

		if (a->number != number)
			continue;
		if (!a->ours || w->cert_file == NULL)
			return rsp_fail(e, RSP_ERR_TLS, a->reason, a->remedy,
			    "the server refused the connection: %s", a->what);
		return rsp_fail(e, RSP_ERR_TLS, a->reason, a->remedy,
		    "the server refused our certificate \"%s\" (%s, valid "
		    "until %s): %s",
		    w->own.subject, w->cert_file, w->own.to, a->what);
	}
	return rsp_fail(e, RSP_ERR_TLS, "TLS_ALERT", NULL,
	    "the server refused the connection: TLS alert %d (%s)", number,
	    SSL_alert_desc_string_long(number));
}

/* ---- all of them --------------------------------------------------------- */

int
tls_explain(const struct tls_words *w, struct rsp_error *e)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	char text[160] = "";

	ERR_error_string_n(code, text, sizeof text);
	ERR_clear_error();
	if (w->verify != X509_V_OK)
		return explain_refusal(w, e);
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
		return explain_alert(w, reason - SSL_AD_REASON_OFFSET, e);
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    (reason == SSL_R_WRONG_VERSION_NUMBER ||
		reason == SSL_R_HTTP_REQUEST ||
		reason == SSL_R_PACKET_LENGTH_TOO_LONG))
		return rsp_fail(e, RSP_ERR_TLS, "TLS_NOT_TLS",
		    "check host and port: it is probably another service",
		    "what listens there does not speak TLS");
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    (reason == SSL_R_UNSUPPORTED_PROTOCOL ||
		reason == SSL_R_VERSION_TOO_LOW))
		return rsp_fail(e, RSP_ERR_TLS, "TLS_VERSION",
		    "ask the operator to enable TLS 1.3",
		    "the server speaks neither TLS 1.2 nor 1.3");
	return rsp_fail(e, RSP_ERR_TLS, "TLS_FAILED", NULL, "TLS failed: %s",
	    code != 0 ? text : "no reason is known");
}
