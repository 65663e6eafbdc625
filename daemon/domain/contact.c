/* contact.c - see contact.h. */
#include "domain/contact.h"

#include <string.h>
#include <strings.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* ---- e-mail ------------------------------------------------------------- */

/* Labels of letters, digits and inner hyphens, joined by dots. `wide` takes
 * bytes above ASCII (a name that the resolver will encode). */
static const char *
check_host(const char *s, size_t len, bool wide)
{
	size_t i, label = 0, dots = 0;

	if (len == 0 || len > 253)
		return "has no domain, or one that is too long";
	for (i = 0; i <= len; i++) {
		if (i == len || s[i] == '.') {
			if (label == 0)
				return "has an empty part in its domain";
			if (s[i - label] == '-' || s[i - 1] == '-')
				return "has a domain part that starts or ends "
				       "with -";
			if (label > 63)
				return "has a domain part that is too long";
			dots += i < len;
			label = 0;
		} else if (is_letter(s[i]) || is_digit(s[i]) || s[i] == '-' ||
			   (wide && (unsigned char)s[i] >= 0x80)) {
			label++;
		} else {
			return "has a sign that domains cannot hold";
		}
	}
	return dots > 0 ? NULL : "has a domain without a dot";
}

static const char *
check_local(const char *s, size_t len)
{
	size_t i;

	if (len == 0)
		return "has nothing before @";
	if (len > 64)
		return "has more than 64 characters before @";
	for (i = 0; i < len; i++) {
		if (s[i] == '.') {
			if (i == 0 || i + 1 == len || s[i + 1] == '.')
				return "has a dot too many before @";
		} else if (!is_letter(s[i]) && !is_digit(s[i]) &&
			   !is_one_of(s[i], "!#$%&'*+-/=?^_`{|}~")) {
			return "has a sign before @ that is not accepted";
		}
	}
	return NULL;
}

const char *
contact_email(const char *s, size_t len)
{
	const char *at = len > 0 ? memchr(s, '@', len) : NULL;
	const char *cause;
	size_t local, domain;

	if (len > CONTACT_EMAIL_MAX)
		return "has more than 254 characters";
	if (at == NULL)
		return "has no @";
	local = (size_t)(at - s);
	domain = len - local - 1;
	if (memchr(at + 1, '@', domain) != NULL)
		return "has several @";
	cause = check_local(s, local);
	if (cause == NULL)
		cause = check_host(at + 1, domain, false);
	if (cause == NULL && !is_letter(s[len - 1]))
		return "has a domain that ends with a digit";
	return cause;
}

/* Words of mailboxes that belong to a service. */
static const char *const service_words[] = {
	"accueil",
	"administration",
	"admin",
	"agence",
	"alternance",
	"antenne",
	"apec",
	"ape",
	"apprentissage",
	"asso",
	"association",
	"bij",
	"boutique",
	"bureau",
	"campus",
	"cap",
	"capemploi",
	"ccas",
	"cci",
	"centre",
	"cep",
	"cfa",
	"chambre",
	"cidj",
	"cio",
	"cite",
	"cma",
	"communication",
	"compta",
	"conseil",
	"contact",
	"coordination",
	"courrier",
	"crij",
	"daef",
	"departement",
	"direction",
	"dsden",
	"ecole",
	"emploi",
	"entreprise",
	"entreprises",
	"epide",
	"epn",
	"equipe",
	"espace",
	"formation",
	"france",
	"francetravail",
	"gestion",
	"greta",
	"group",
	"groupe",
	"handicap",
	"info",
	"information",
	"infos",
	"insertion",
	"inscription",
	"inscriptions",
	"jeunes",
	"jeunesse",
	"locale",
	"lycee",
	"maison",
	"mairie",
	"mission",
	"missionlocale",
	"ml",
	"normandie",
	"numerique",
	"ofii",
	"orientation",
	"paio",
	"partenaires",
	"permanence",
	"pij",
	"plateforme",
	"point",
	"pole",
	"prc",
	"projet",
	"public",
	"recrutement",
	"regie",
	"region",
	"relais",
	"relation",
	"rh",
	"scolarite",
	"secretariat",
	"service",
	"services",
	"siege",
	"site",
	"social",
	"suio",
	"support",
	"travail",
	"vae",
	"vie",
	"ville",
	"webmaster",
	NULL,
};

static bool
is_service_word(const char *s, size_t len)
{
	size_t i;

	for (i = 0; service_words[i] != NULL; i++)
		if (strlen(service_words[i]) == len &&
		    strncasecmp(service_words[i], s, len) == 0)
			return true;
	return false;
}

/* Letters and hyphens; `tail` digits may follow ("dupont2"). */
static bool
is_name(const char *s, size_t len, size_t tail)
{
	size_t i, end = len;

	while (tail > 0 && end > 0 && is_digit(s[end - 1])) {
		end--;
		tail--;
	}
	if (end == 0)
		return false;
	for (i = 0; i < end; i++)
		if (!is_letter(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool
has_service_word(const char *s, size_t len)
{
	size_t i, start = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && is_letter(s[i]))
			continue;
		if (is_service_word(s + start, i - start))
			return true;
		start = i + 1;
	}
	return false;
}

bool
contact_email_looks_personal(const char *s, size_t len)
{
	const char *at = len > 0 ? memchr(s, '@', len) : NULL;
	size_t local, i, cut = 0, cuts = 0;

	if (at == NULL)
		return false;
	local = (size_t)(at - s);
	for (i = 0; i < local; i++)
		if (s[i] == '.' || s[i] == '_') {
			cut = i;
			cuts++;
		}
	if (cuts != 1 || !is_name(s, cut, 0) ||
	    !is_name(s + cut + 1, local - cut - 1, 2))
		return false;
	/* A surname of one letter is no surname. */
	if (local - cut - 1 < 2)
		return false;
	return !has_service_word(s, local);
}

/* ---- phone -------------------------------------------------------------- */

struct number {
	char digits[16];
	size_t n;
	bool international;
};

static const char *
read_number(struct number *out, const char *s, size_t len)
{
	size_t i = 0;

	out->n = 0;
	out->international = len > 0 && s[0] == '+';
	if (out->international)
		i = 1;
	for (; i < len; i++) {
		if (is_digit(s[i])) {
			if (out->n == 15)
				return "has more than 15 digits";
			out->digits[out->n++] = s[i];
		} else if (!is_one_of(s[i], " .-")) {
			return "has a sign other than digits, blanks, dots "
			       "and hyphens after a first +";
		} else if (out->n == 0 || i + 1 == len || !is_digit(s[i + 1])) {
			return "has a separator that is not between digits";
		}
	}
	return NULL;
}

static bool
is_short_number(const struct number *p)
{
	const char *d = p->digits;

	switch (p->n) {
	case 2: /* emergencies */
		return d[0] == '1' && is_one_of(d[1], "578");
	case 3: /* 112, 114, 115, 119 */
		return d[0] == '1' && d[1] == '1' && d[2] != '0';
	case 4: /* 3949; operators' 10YT */
		return d[0] == '3' || (d[0] == '1' && d[1] == '0');
	case 6: /* 116 111, directories */
		return memcmp(d, "116", 3) == 0 || memcmp(d, "118", 3) == 0;
	default:
		return false;
	}
}

const char *
contact_phone(const char *s, size_t len)
{
	struct number p;
	const char *cause = read_number(&p, s, len);

	if (cause != NULL)
		return cause;
	if (p.n == 0)
		return "has no digit";
	if (p.international) {
		if (p.digits[0] == '0')
			return "has a country code that starts with 0";
		if (p.n < 7)
			return "is too short for an international number";
		if (memcmp(p.digits, "33", 2) == 0 &&
		    (p.n != 11 || p.digits[2] == '0'))
			return "must have 9 digits after +33, the first not 0";
		return NULL;
	}
	if (is_short_number(&p))
		return NULL;
	if (p.n == 10 && p.digits[0] == '0')
		return p.digits[1] != '0'
			   ? NULL
			   : "starts with 00: write + and the country code";
	return p.n < 10   ? "has too few digits for a French number"
	       : p.n > 10 ? "has too many digits for a French number"
			  : "must start with 0";
}

/* ---- URL ---------------------------------------------------------------- */

static const char *
check_port(const char *s, size_t len)
{
	unsigned port = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!is_digit(s[i]) || i >= 5)
			return "has a port that is not a number";
		port = port * 10 + (unsigned)(s[i] - '0');
	}
	return port >= 1 && port <= 65535 ? NULL
					  : "has a port outside 1 to 65535";
}

static const char *
check_authority(const char *s, size_t len)
{
	const char *colon;
	const char *cause = NULL;

	if (len == 0)
		return "has no host";
	if (memchr(s, '@', len) != NULL)
		return "holds a login before the host";
	colon = memchr(s, ':', len);
	if (colon != NULL) {
		cause = check_port(colon + 1, len - (size_t)(colon - s) - 1);
		len = (size_t)(colon - s);
	}
	return cause != NULL ? cause : check_host(s, len, true);
}

const char *
contact_url(const char *s, size_t len, bool *scheme)
{
	static const char *const schemes[] = { "https://", "http://" };
	size_t i, skip = 0, end;

	if (scheme != NULL)
		*scheme = false;
	for (i = 0; i < 2 && skip == 0; i++)
		if (len >= strlen(schemes[i]) &&
		    strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			skip = strlen(schemes[i]);
	if (skip == 0) {
		if (scheme != NULL)
			*scheme = true;
		return "does not start with https:// or http://";
	}
	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' ||
		    is_one_of(s[i], "\"<>\\^`{|}"))
			return "holds a blank or a sign to be written as %XX";
	for (end = skip; end < len; end++)
		if (is_one_of(s[end], "/?#"))
			break;
	return check_authority(s + skip, end - skip);
}
