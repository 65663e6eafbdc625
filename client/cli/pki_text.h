/* pki_text.h - what a certificate says, as text; control characters, which a
 * stranger's certificate may hold, become '?'. */
#ifndef CLI_PKI_TEXT_H
#define CLI_PKI_TEXT_H

#include <openssl/x509.h>

#include "pki.h"

/* Fills in all but the paths. */
void pki_text(X509 *, struct pki_cert *);

/* Upper-case hex, "" when it cannot be. */
void pki_text_serial(char out[48], const ASN1_INTEGER *);

#endif
