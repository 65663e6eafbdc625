/* identifier.c - see identifier.h. */
#include "domain/identifier.h"

#include <string.h>

#define SIREN_LEN 9
#define SIRET_LEN 14
#define UAI_DIGITS 7

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
all_digits(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

bool
identifier_luhn(const char *s, size_t len)
{
	unsigned sum = 0;
	size_t i;

	if (len == 0 || !all_digits(s, len))
		return false;
	for (i = 0; i < len; i++) {
		unsigned d = (unsigned)(s[len - 1 - i] - '0');

		if (i % 2 == 1)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum = (sum + d) % 10;
	}
	return sum == 0;
}

enum identifier_result
identifier_siren(const char *s, size_t len)
{
	if (len != SIREN_LEN || !all_digits(s, len))
		return IDENTIFIER_SHAPE;
	if (memcmp(s, "000000000", SIREN_LEN) == 0)
		return IDENTIFIER_SHAPE;
	return identifier_luhn(s, len) ? IDENTIFIER_OK : IDENTIFIER_CHECKSUM;
}

static bool
sum_is_multiple_of_5(const char *s, size_t len)
{
	unsigned sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += (unsigned)(s[i] - '0');
	return sum % 5 == 0;
}

enum identifier_result
identifier_siret(const char *s, size_t len)
{
	enum identifier_result siren;

	if (len != SIRET_LEN || !all_digits(s, len))
		return IDENTIFIER_SHAPE;
	siren = identifier_siren(s, SIREN_LEN);
	if (siren != IDENTIFIER_OK)
		return siren;
	if (identifier_luhn(s, len))
		return IDENTIFIER_OK;
	if (memcmp(s, "356000000", SIREN_LEN) == 0 &&
	    sum_is_multiple_of_5(s, len))
		return IDENTIFIER_OK;
	return IDENTIFIER_CHECKSUM;
}

enum identifier_result
identifier_rna(const char *s, size_t len)
{
	bool letter;

	if (len != 10 || s[0] != 'W' || !is_digit(s[1]))
		return IDENTIFIER_SHAPE;
	letter = s[2] >= 'A' && s[2] <= 'Z' && (s[1] == '2' || s[1] == '9');
	if (!(is_digit(s[2]) || letter) || !all_digits(s + 3, 7))
		return IDENTIFIER_SHAPE;
	return IDENTIFIER_OK;
}

char
identifier_uai_letter(const char *s, size_t len)
{
	static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ";
	unsigned n = 0;
	size_t i;

	if (len != UAI_DIGITS || !all_digits(s, len))
		return 0;
	for (i = 0; i < len; i++)
		n = n * 10 + (unsigned)(s[i] - '0');
	return letters[n % 23];
}

enum identifier_result
identifier_uai(const char *s, size_t len)
{
	char letter;

	if (len != UAI_DIGITS + 1 || s[UAI_DIGITS] < 'A' || s[UAI_DIGITS] > 'Z')
		return IDENTIFIER_SHAPE;
	letter = identifier_uai_letter(s, UAI_DIGITS);
	if (letter == 0)
		return IDENTIFIER_SHAPE;
	return letter == s[UAI_DIGITS] ? IDENTIFIER_OK : IDENTIFIER_CHECKSUM;
}

static int
two_digits(const char *s)
{
	if (!is_digit(s[0]) || !is_digit(s[1]))
		return -1;
	return (s[0] - '0') * 10 + (s[1] - '0');
}

static bool
is_corsica(const char *s)
{
	return s[0] == '2' && (s[1] == 'A' || s[1] == 'B');
}

bool
identifier_commune(const char *s, size_t len)
{
	int departement;

	if (len != 5 || !all_digits(s + 2, 3))
		return false;
	if (is_corsica(s))
		return true;
	departement = two_digits(s);
	return departement >= 1 && departement <= 98 && departement != 20 &&
	       departement != 96;
}

bool
identifier_postal_code(const char *s, size_t len)
{
	int departement;

	if (len != 5 || !all_digits(s, len))
		return false;
	departement = two_digits(s);
	return departement >= 1 && departement <= 98 && departement != 96;
}

bool
identifier_departement(const char *s, size_t len)
{
	int n;

	if (len == 2 && is_corsica(s))
		return true;
	if (len == 2) {
		n = two_digits(s);
		return n >= 1 && n <= 95 && n != 20;
	}
	if (len != 3 || !is_digit(s[2]))
		return false;
	n = two_digits(s);
	return (n == 97 || n == 98) && s[2] != '0';
}

bool
identifier_country(const char *s, size_t len)
{
	return len == 5 && all_digits(s, len) && s[0] == '9' && s[1] == '9' &&
	       s[2] <= '5';
}

enum identifier_result
identifier_epci(const char *s, size_t len)
{
	if (len != SIREN_LEN || s[0] != '2')
		return IDENTIFIER_SHAPE;
	return identifier_siren(s, len);
}
