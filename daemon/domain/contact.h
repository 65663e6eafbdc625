/*
 * contact.h - e-mail addresses, phone numbers and URLs as people give them,
 * and what looks like a person in them.
 *
 * The checks return NULL when the text is good, else a short cause ("has no
 * @") that a message can quote.  Pure.  Thread: any.
 */
#ifndef DOMAIN_CONTACT_H
#define DOMAIN_CONTACT_H

#include <stdbool.h>
#include <stddef.h>

#define CONTACT_EMAIL_MAX 254
#define CONTACT_URL_MAX 2083

/* local@domain: dot-atom of at most 64, a domain of two labels or more. */
const char *contact_email(const char *s, size_t len);

/*
 * One number: +33 2 31 12 34 56 (E.164, 7 to 15 digits), 02 31 12 34 56, or a
 * short one (3949, 39 95, 116 111, 118 712, 15, 112).  Digits may be separated
 * by one blank, dot or hyphen.
 */
const char *contact_phone(const char *s, size_t len);

/* http or https, a host with a dot, no login, no blank.  *scheme tells whether
 * the scheme is the cause; it may be NULL. */
const char *contact_url(const char *s, size_t len, bool *scheme);

/* "prenom.nom@": see value_email_looks_personal. */
bool contact_email_looks_personal(const char *s, size_t len);

#endif
