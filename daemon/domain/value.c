/* value.c - see value.h. */
#include "domain/value.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "domain/contact.h"
#include "domain/date.h"
#include "domain/identifier.h"
#include "domain/note.h"
#include "domain/opening_hours.h"
#include "wire/utf8.h"

/* ---- one check a kind, once the text is clean --------------------------- */

static int
refuse(const char **reason, char *why, size_t cap, const char *word,
    const char *cause)
{
	*reason = word;
	(void)snprintf(why, cap, "%s", cause);
	return -1;
}

static int
check_nothing(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	(void)s, (void)len, (void)reason, (void)why, (void)cap;
	return 0;
}

static bool
is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int
check_id(const char *s, size_t len, const char **reason, char *why, size_t cap)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_lower_or_digit(s[i]) && s[i] != '-')
			return refuse(reason, why, cap, "ID_SHAPE",
			    "holds something else than a-z, 0-9 and hyphens");
	return 0;
}

static int
check_code(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_lower_or_digit(s[i]) && !(s[i] >= 'A' && s[i] <= 'Z') &&
		    strchr("-_.+", s[i]) == NULL)
			return refuse(reason, why, cap, "CODE_SHAPE",
			    "is not a code: a code has no blank and no accent");
	return 0;
}

static int
check_siren(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	switch (identifier_siren(s, len)) {
	case IDENTIFIER_OK:
		return 0;
	case IDENTIFIER_CHECKSUM:
		return refuse(reason, why, cap, "SIREN_CHECKSUM",
		    "has a wrong check digit (Luhn): one digit is mistyped");
	default:
		return refuse(reason, why, cap, "SIREN_SHAPE",
		    "is not 9 digits");
	}
}

static int
check_siret(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	switch (identifier_siret(s, len)) {
	case IDENTIFIER_OK:
		return 0;
	case IDENTIFIER_CHECKSUM:
		return refuse(reason, why, cap, "SIRET_CHECKSUM",
		    "has a wrong check digit (Luhn): one digit is mistyped");
	default:
		return refuse(reason, why, cap, "SIRET_SHAPE",
		    "is not 14 digits");
	}
}

static int
check_rna(const char *s, size_t len, const char **reason, char *why, size_t cap)
{
	if (identifier_rna(s, len) == IDENTIFIER_OK)
		return 0;
	return refuse(reason, why, cap, "RNA_SHAPE", "is not W and 9 digits");
}

static int
check_uai(const char *s, size_t len, const char **reason, char *why, size_t cap)
{
	char letter;

	switch (identifier_uai(s, len)) {
	case IDENTIFIER_OK:
		return 0;
	case IDENTIFIER_CHECKSUM:
		letter = identifier_uai_letter(s, len - 1);
		*reason = "UAI_CHECKSUM";
		(void)snprintf(why, cap,
		    "has a wrong check letter: these "
		    "digits want %c, or one is mistyped",
		    letter);
		return -1;
	default:
		return refuse(reason, why, cap, "UAI_SHAPE",
		    "is not 7 digits and a capital letter");
	}
}

static int
check_commune(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	if (identifier_commune(s, len))
		return 0;
	return refuse(reason, why, cap, "COMMUNE_SHAPE",
	    "is not the INSEE code of a commune (a postal code is not one)");
}

static int
check_postal_code(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	if (identifier_postal_code(s, len))
		return 0;
	return refuse(reason, why, cap, "POSTAL_CODE_SHAPE",
	    "is not a French postal code");
}

static int
check_email(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	const char *cause = contact_email(s, len);

	return cause == NULL ? 0
			     : refuse(reason, why, cap, "EMAIL_SHAPE", cause);
}

static int
check_phone(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	const char *cause = contact_phone(s, len);

	return cause == NULL ? 0
			     : refuse(reason, why, cap, "PHONE_SHAPE", cause);
}

static int
check_url(const char *s, size_t len, const char **reason, char *why, size_t cap)
{
	bool scheme;
	const char *cause = contact_url(s, len, &scheme);

	return cause == NULL ? 0
			     : refuse(reason, why, cap,
				   scheme ? "URL_SCHEME" : "URL_SHAPE", cause);
}

static int
check_opening_hours(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	struct opening_hours_error e = { 0, "" };

	if (opening_hours_check(s, len, &e) == 0)
		return 0;
	*reason = "OPENING_HOURS_SYNTAX";
	(void)snprintf(why, cap, "cannot be read at character %zu: %s", e.at,
	    e.cause);
	return -1;
}

static int
check_date(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	switch (date_parse(s, len, NULL)) {
	case DATE_OK:
		return 0;
	case DATE_NO_SUCH_DAY:
		return refuse(reason, why, cap, "DATE_UNKNOWN",
		    "is not a day of the calendar");
	case DATE_OUT_OF_RANGE:
		return refuse(reason, why, cap, "DATE_RANGE",
		    "is outside 1900-01-01 to 2199-12-31");
	default:
		return refuse(reason, why, cap, "DATE_SHAPE",
		    "is not YYYY-MM-DD");
	}
}

static int
check_departement(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	if (identifier_departement(s, len))
		return 0;
	return refuse(reason, why, cap, "DEPARTEMENT_SHAPE",
	    "is not the code of a d\xC3\xA9partement");
}

static int
check_epci(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	switch (identifier_epci(s, len)) {
	case IDENTIFIER_OK:
		return 0;
	case IDENTIFIER_CHECKSUM:
		return refuse(reason, why, cap, "EPCI_CHECKSUM",
		    "has a wrong check digit (Luhn): one digit is mistyped");
	default:
		return refuse(reason, why, cap, "EPCI_SHAPE",
		    "is not the SIREN of an EPCI: 9 digits from 2");
	}
}

/* ---- zones -------------------------------------------------------------- */

/* Regions: two digits.  Arrondissements and CATEF: a département, then one or
 * two signs. */
static bool
is_region(const char *s, size_t len)
{
	return len == 2 && s[0] >= '0' && s[0] <= '9' && s[1] >= '0' &&
	       s[1] <= '9';
}

static bool
is_small_zone(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > 20)
		return false;
	for (i = 0; i < len; i++)
		if (!is_lower_or_digit(s[i]) && s[i] != '-' &&
		    !(s[i] >= 'A' && s[i] <= 'Z'))
			return false;
	return true;
}

static bool
is_epci(const char *s, size_t len)
{
	return identifier_epci(s, len) == IDENTIFIER_OK;
}

static int
check_zone(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	static const struct {
		const char *type;
		bool (*check)(const char *, size_t);
	} types[] = {
		{ "com", identifier_commune },
		{ "epci", is_epci },
		{ "arr", is_small_zone },
		{ "dep", identifier_departement },
		{ "catef", is_small_zone },
		{ "reg", is_region },
	};
	const char *colon = len > 0 ? memchr(s, ':', len) : NULL;
	size_t i, type;

	if (colon == NULL)
		return refuse(reason, why, cap, "ZONE_SHAPE",
		    "is not a type, a colon and a code");
	type = (size_t)(colon - s);
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strlen(types[i].type) != type ||
		    memcmp(types[i].type, s, type) != 0)
			continue;
		if (types[i].check(colon + 1, len - type - 1))
			return 0;
		*reason = "ZONE_SHAPE";
		(void)snprintf(why, cap,
		    "has a wrong code after %s:", types[i].type);
		return -1;
	}
	return refuse(reason, why, cap, "ZONE_TYPE",
	    "has a type other than com, epci, arr, dep, catef, reg");
}

static int
check_eligibility(const char *s, size_t len, const char **reason, char *why,
    size_t cap)
{
	if (identifier_commune(s, len) || identifier_departement(s, len) ||
	    identifier_country(s, len) || is_epci(s, len) ||
	    (len == 6 && memcmp(s, "france", 6) == 0))
		return 0;
	return refuse(reason, why, cap, "ZONE_ELIGIBILITE_SHAPE",
	    "is no code of a commune, a d\xC3\xA9partement, an EPCI or a "
	    "country, nor france");
}

/* ---- the rows ----------------------------------------------------------- */

static const struct value_rule rules[VALUE_KIND_COUNT] = {
	[VALUE_TEXT] = { VALUE_TEXT, "text",
	    "give a text without control character, nor blank at its ends", 1,
	    0, false, check_nothing },
	[VALUE_NAME] = { VALUE_NAME, "name",
	    "give a name of 3 to 150 characters: Mission locale de Lisieux", 3,
	    150, false, check_nothing },
	[VALUE_DESCRIPTION] = { VALUE_DESCRIPTION, "description",
	    "give a text of 5 to 10000 characters", 5, 10000, true,
	    check_nothing },
	[VALUE_ID] = { VALUE_ID, "id",
	    "give 1 to 80 of a-z, 0-9 and hyphens: cio-de-lisieux", 1, 80,
	    false, check_id },
	[VALUE_SIREN] = { VALUE_SIREN, "SIREN",
	    "give 9 digits without blanks, as on the Sirene notice: 200053403",
	    0, 0, false, check_siren },
	[VALUE_SIRET] = { VALUE_SIRET, "SIRET",
	    "give 14 digits without blanks, as on the Sirene notice: "
	    "13000548100010",
	    0, 0, false, check_siret },
	[VALUE_RNA] = { VALUE_RNA, "RNA number",
	    "give W and 9 digits, as on the receipt of the association: "
	    "W142001234",
	    0, 0, false, check_rna },
	[VALUE_UAI] = { VALUE_UAI, "UAI",
	    "give 7 digits and the check letter: 0140013N", 0, 0, false,
	    check_uai },
	[VALUE_COMMUNE] = { VALUE_COMMUNE, "commune code",
	    "give the 5 signs of the INSEE code: 14118 for Caen", 0, 0, false,
	    check_commune },
	[VALUE_POSTAL_CODE] = { VALUE_POSTAL_CODE, "postal code",
	    "give 5 digits: 14000", 0, 0, false, check_postal_code },
	[VALUE_EMAIL] = { VALUE_EMAIL, "e-mail address",
	    "give the address of a service: accueil@exemple.fr", 0, 0, false,
	    check_email },
	[VALUE_PHONE] = { VALUE_PHONE, "phone number",
	    "give one number: +33231123456, 02 31 12 34 56 or 3949", 0, 0,
	    false, check_phone },
	[VALUE_URL] = { VALUE_URL, "URL",
	    "give a whole address: https://www.exemple.fr/accueil", 0,
	    CONTACT_URL_MAX, false, check_url },
	[VALUE_OPENING_HOURS] = { VALUE_OPENING_HOURS, "opening hours",
	    "write them as OpenStreetMap does: Mo-Fr 09:00-12:00,14:00-17:00; "
	    "PH off",
	    0, OPENING_HOURS_MAX, false, check_opening_hours },
	[VALUE_DATE] = { VALUE_DATE, "date",
	    "give year-month-day, from 1900 to 2199: 2026-08-31", 0, 0, false,
	    check_date },
	[VALUE_ZONE] = { VALUE_ZONE, "zone",
	    "give a typed code: com:14118 epci:200065597 arr:142 dep:14 "
	    "catef:142 or reg:28",
	    0, 0, false, check_zone },
	[VALUE_DEPARTEMENT] = { VALUE_DEPARTEMENT, "d\xC3\xA9partement code",
	    "give 14, 2A or 974", 0, 0, false, check_departement },
	[VALUE_EPCI] = { VALUE_EPCI, "EPCI code",
	    "give the SIREN of the EPCI: 200065597 for Caen la mer", 0, 0,
	    false, check_epci },
	[VALUE_VOCABULARY] = { VALUE_VOCABULARY, "code",
	    "give a code of the vocabulary", 1, 120, false, check_code },
	[VALUE_SOURCE_ID] = { VALUE_SOURCE_ID, "source id",
	    "give 1 to 128 characters on one line", 1, 128, false,
	    check_nothing },
	[VALUE_ZONE_ELIGIBILITE] = { VALUE_ZONE_ELIGIBILITE,
	    "zone of eligibility",
	    "give a commune (14118), a d\xC3\xA9partement (14), an EPCI "
	    "(200065597) or france",
	    0, 0, false, check_eligibility },
};

const struct value_rule *
value_rule(enum value_kind kind)
{
	if ((unsigned)kind >= VALUE_KIND_COUNT)
		return &rules[VALUE_TEXT];
	return &rules[kind];
}

/* ---- clean text --------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte)) /* of eight */

/* How many bytes from s on are printable ASCII: eight at a time, as most text
 * is; it may say fewer. */
static size_t
plain_length(const char *s, size_t len)
{
	size_t i = 0;
	uint64_t x;

	while (i + sizeof x <= len) {
		memcpy(&x, s + i, sizeof x);
		/* Of a byte below 0x20, of 0x7F and of one above the top bit is
		 * set in one of these. */
		if (((x | (x - EACH(0x20)) | (x + EACH(1))) & EACH(0x80)) != 0)
			break;
		i += sizeof x;
	}
	return i;
}

size_t
value_chars(const char *s, size_t len)
{
	size_t i = 0, n = len;
	uint64_t x;

	for (; i + sizeof x <= len; i += sizeof x) {
		memcpy(&x, s + i, sizeof x);
		x &= ~(x << 1) & EACH(0x80); /* 10xxxxxx goes on a character */
		n -= (size_t)((x >> 7) * EACH(1) >> 56); /* how many */
	}
	for (; i < len; i++)
		n -= ((unsigned char)s[i] & 0xC0) == 0x80;
	return n;
}

/* Length of a blank at s: ASCII, no-break, general punctuation, ideographic
 * space and byte order mark. */
static size_t
blank_at(const char *s, size_t len)
{
	unsigned char a = (unsigned char)s[0];
	unsigned char b = len > 1 ? (unsigned char)s[1] : 0;
	unsigned char c = len > 2 ? (unsigned char)s[2] : 0;

	if (a == ' ' || a == '\t' || a == '\n' || a == '\r')
		return 1;
	if (a == 0xC2 && b == 0xA0)
		return 2;
	if (a == 0xE2 && b == 0x80 &&
	    ((c >= 0x80 && c <= 0x8B) || c == 0xAF || c == 0xA8 || c == 0xA9))
		return 3;
	if ((a == 0xE3 && b == 0x80 && c == 0x80) ||
	    (a == 0xEF && b == 0xBB && c == 0xBF))
		return 3;
	return 0;
}

static bool
has_blank_ends(const char *s, size_t len)
{
	size_t last = len - 1;

	while (last > 0 && ((unsigned char)s[last] & 0xC0) == 0x80)
		last--;
	return blank_at(s, len) > 0 || blank_at(s + last, len - last) > 0;
}

/* Length of a control character at s: C0, DEL, C1, line separators, overrides
 * of the direction of writing; 0 when it is something else. */
static size_t
control_at(const char *s, size_t len)
{
	unsigned char a = (unsigned char)s[0];
	unsigned char b = len > 1 ? (unsigned char)s[1] : 0;
	unsigned char c = len > 2 ? (unsigned char)s[2] : 0;

	if (a < 0x20 || a == 0x7F)
		return 1;
	if (a == 0xC2 && b >= 0x80 && b < 0xA0)
		return 2;
	if (a == 0xE2 && b == 0x80 && c >= 0xA8 && c <= 0xAE)
		return 3;
	if (a == 0xE2 && b == 0x81 && c >= 0xA6 && c <= 0xA9)
		return 3;
	return 0;
}

static bool
has_control(const char *s, size_t len, bool multiline)
{
	size_t i;

	for (i = plain_length(s, len); i < len;) {
		if (!(multiline && (s[i] == '\n' || s[i] == '\t')) &&
		    control_at(s + i, len - i) > 0)
			return true;
		i++;
		i += plain_length(s + i, len - i);
	}
	return false;
}

static const char *
unclean(const struct value_rule *rule, const char *s, size_t len, char *why,
    size_t cap)
{
	const char *reason = NULL;
	size_t n;

	if (len == 0)
		(void)refuse(&reason, why, cap, "EMPTY", "is empty");
	else if (!utf8_valid(s, len))
		(void)refuse(&reason, why, cap, "UTF8", "is not valid UTF-8");
	else if (has_blank_ends(s, len))
		(void)refuse(&reason, why, cap, "BLANK_ENDS",
		    "starts or ends with a blank");
	else if (has_control(s, len, rule->multiline))
		(void)refuse(&reason, why, cap, "CONTROL",
		    rule->multiline
			? "holds a control character"
			: "holds a control character or a line break");
	if (reason != NULL)
		return reason;
	n = value_chars(s, len);
	if (n < rule->min_chars) {
		(void)snprintf(why, cap, "has %zu characters, at least %zu", n,
		    rule->min_chars);
		return "TOO_SHORT";
	}
	if (rule->max_chars > 0 && n > rule->max_chars) {
		(void)snprintf(why, cap, "has %zu characters, at most %zu", n,
		    rule->max_chars);
		return "TOO_LONG";
	}
	return NULL;
}

/* The value as a message quotes it: short and printable. */
#define QUOTE_MAX 60

static void
quote(char out[QUOTE_MAX + 8], const char *s, size_t len)
{
	size_t n = len < QUOTE_MAX ? len : QUOTE_MAX, i;

	out[0] = '\0';
	if (len == 0 || !utf8_valid(s, len))
		return;
	while (n > 0 && n < len && ((unsigned char)s[n] & 0xC0) == 0x80)
		n--;
	out[0] = ' ';
	out[1] = '"';
	memcpy(out + 2, s, n);
	for (i = 0; i < n; i++)
		memset(out + 2 + i, '?', control_at(s + i, n - i));
	(void)snprintf(out + n + 2, 6, n < len ? "...\"" : "\"");
}

int
value_check(enum value_kind kind, const char *field, const char *s, size_t len,
    struct err *e)
{
	const struct value_rule *rule = value_rule(kind);
	const char *reason;
	char why[VALUE_WHY_MAX], quoted[QUOTE_MAX + 8];

	why[0] = '\0';
	if ((unsigned)kind >= VALUE_KIND_COUNT) {
		reason = "KIND";
		(void)snprintf(why, sizeof why, "is of no known kind");
	} else {
		reason = unclean(rule, s, len, why, sizeof why);
		if (reason == NULL &&
		    rule->check(s, len, &reason, why, sizeof why) == 0)
			return 0;
	}
	/* Prose is not quoted: it may tell of people, and errors are logged. */
	quoted[0] = '\0';
	if (kind != VALUE_TEXT && kind != VALUE_DESCRIPTION)
		quote(quoted, s, len);
	err_set(e, ERR_INVALID, "%s: %s%s %s", field, rule->name, quoted, why);
	err_field(e, field);
	err_reason(e, reason);
	return err_remedy(e, "%s", rule->remedy);
}

bool
value_email_looks_personal(const char *s, size_t len)
{
	return contact_email_looks_personal(s, len);
}

bool
value_note_has_personal_data(const char *s, size_t len)
{
	return note_has_email(s, len) || note_has_phone(s, len) ||
	       note_has_nir(s, len);
}
