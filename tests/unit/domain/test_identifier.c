/* Numbers that French registers give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/identifier.h"

typedef enum identifier_result check_fn(const char *, size_t);

struct sample {
	const char *text;
	enum identifier_result want;
};

static void
assert_samples(check_fn *check, const struct sample *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (check(s[i].text, strlen(s[i].text)) != s[i].want)
			fail_msg("\"%s\": wanted %d", s[i].text, s[i].want);
}

#define ASSERT_SAMPLES(check, s)                                               \
	assert_samples(check, s, sizeof(s) / sizeof((s)[0]))

static void
siren__known_numbers__shape_then_checksum(void **state)
{
	static const struct sample samples[] = {
		{ "200053403", IDENTIFIER_OK }, /* Région Normandie */
		{ "356000000", IDENTIFIER_OK }, /* La Poste */
		{ "005520135", IDENTIFIER_OK },
		{ "200053404", IDENTIFIER_CHECKSUM },
		{ "020053403", IDENTIFIER_CHECKSUM },
		{ "000000000", IDENTIFIER_SHAPE },
		{ "20005340", IDENTIFIER_SHAPE },
		{ "2000534030", IDENTIFIER_SHAPE },
		{ "200 053 403", IDENTIFIER_SHAPE },
		{ "20005340A", IDENTIFIER_SHAPE },
		{ "", IDENTIFIER_SHAPE },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_siren, samples);
}

static void
siret__known_numbers__shape_then_checksum(void **state)
{
	static const struct sample samples[] = {
		{ "20005340300016", IDENTIFIER_OK },
		{ "13000548100010", IDENTIFIER_OK }, /* France Travail */
		{ "20005340300017", IDENTIFIER_CHECKSUM },
		{ "02005340300016", IDENTIFIER_CHECKSUM },
		{ "2000534030001", IDENTIFIER_SHAPE },
		{ "200053403000160", IDENTIFIER_SHAPE },
		{ "200053403 0001", IDENTIFIER_SHAPE },
		{ "00000000000000", IDENTIFIER_SHAPE },
		{ "", IDENTIFIER_SHAPE },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_siret, samples);
}

static void
siret__la_poste__luhn_or_sum_of_digits(void **state)
{
	static const struct sample samples[] = {
		{ "35600000000048", IDENTIFIER_OK },       /* Luhn: the seat */
		{ "35600000049837", IDENTIFIER_OK },       /* 45 */
		{ "35600000000004", IDENTIFIER_CHECKSUM }, /* 18 */
		{ "35600000049838", IDENTIFIER_CHECKSUM },
		/* The sum is 20, but it is not La Poste's. */
		{ "20005340300003", IDENTIFIER_CHECKSUM },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_siret, samples);
}

static void
rna__metropolitan_and_overseas__are_known(void **state)
{
	static const struct sample samples[] = {
		{ "W142001234", IDENTIFIER_OK },
		{ "W9R1001234", IDENTIFIER_OK },
		{ "W2A1000123", IDENTIFIER_OK },
		{ "W1A1000123", IDENTIFIER_SHAPE },
		{ "w142001234", IDENTIFIER_SHAPE },
		{ "W14200123", IDENTIFIER_SHAPE },
		{ "W1420012345", IDENTIFIER_SHAPE },
		{ "1420012345", IDENTIFIER_SHAPE },
		{ "W14200123X", IDENTIFIER_SHAPE },
		{ "", IDENTIFIER_SHAPE },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_rna, samples);
}

static void
uai__known_schools__letter_is_the_remainder(void **state)
{
	static const struct sample samples[] = {
		{ "0750655E", IDENTIFIER_OK }, /* lycée Louis-le-Grand */
		{ "0140013N", IDENTIFIER_OK }, /* lycée Malherbe, Caen */
		{ "0750655F", IDENTIFIER_CHECKSUM },
		{ "0750656E", IDENTIFIER_CHECKSUM },
		{ "0750655I", IDENTIFIER_CHECKSUM },
		{ "0750655e", IDENTIFIER_SHAPE },
		{ "750655E", IDENTIFIER_SHAPE },
		{ "07506555", IDENTIFIER_SHAPE },
		{ "", IDENTIFIER_SHAPE },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_uai, samples);
	assert_int_equal(identifier_uai_letter("0750655", 7), 'E');
	assert_int_equal(identifier_uai_letter("075065", 6), 0);
	assert_int_equal(identifier_uai_letter("07506x5", 7), 0);
}

static void
epci__siren_of_a_collectivity__starts_with_2(void **state)
{
	static const struct sample samples[] = {
		{ "200065597", IDENTIFIER_OK }, /* Caen la mer */
		{ "200065598", IDENTIFIER_CHECKSUM },
		{ "356000000", IDENTIFIER_SHAPE },
		{ "", IDENTIFIER_SHAPE },
	};

	(void)state;
	ASSERT_SAMPLES(identifier_epci, samples);
}

static void
places__codes_of_the_cog__have_a_shape(void **state)
{
	static const struct {
		bool (*check)(const char *, size_t);
		const char *good[8], *bad[12];
	} of[] = {
		{ identifier_commune,
		    { "14118", "2A004", "2B033", "97411", "01001", "95680",
			"98818" },
		    { "", "1411", "141180", "2a004", "2C004", "20004", "00001",
			"99100", "96001", "14 18", "1411A" } },
		{ identifier_postal_code,
		    { "14000", "20000", "97400", "98800", "01000", "76098" },
		    { "", "1400", "140000", "00100", "99000", "2A000",
			"14 00" } },
		{ identifier_departement,
		    { "14", "2A", "2B", "01", "95", "974", "988" },
		    { "", "1", "20", "00", "96", "2C", "970", "014", "999",
			"97", "9740" } },
		{ identifier_country, { "99100", "99523" },
		    { "", "99623", "98100", "9910", "991000", "99x00" } },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof of / sizeof of[0]; i++) {
		for (j = 0; of[i].good[j] != NULL; j++)
			if (!of[i].check(of[i].good[j], strlen(of[i].good[j])))
				fail_msg("%zu refuses %s", i, of[i].good[j]);
		for (j = 0; of[i].bad[j] != NULL; j++)
			if (of[i].check(of[i].bad[j], strlen(of[i].bad[j])))
				fail_msg("%zu takes \"%s\"", i, of[i].bad[j]);
	}
}

static void
luhn__every_single_slip__is_seen(void **state)
{
	const char good[] = "20005340300016";
	size_t i;
	char c;

	(void)state;
	assert_false(identifier_luhn("", 0));
	assert_false(identifier_luhn("1-8", 3));
	for (i = 0; i < sizeof good - 1; i++)
		for (c = '0'; c <= '9'; c++) {
			char text[sizeof good];

			memcpy(text, good, sizeof good);
			text[i] = c;
			assert_int_equal(identifier_luhn(text, 14),
			    c == good[i]);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siren__known_numbers__shape_then_checksum),
		cmocka_unit_test(siret__known_numbers__shape_then_checksum),
		cmocka_unit_test(siret__la_poste__luhn_or_sum_of_digits),
		cmocka_unit_test(rna__metropolitan_and_overseas__are_known),
		cmocka_unit_test(uai__known_schools__letter_is_the_remainder),
		cmocka_unit_test(epci__siren_of_a_collectivity__starts_with_2),
		cmocka_unit_test(places__codes_of_the_cog__have_a_shape),
		cmocka_unit_test(luhn__every_single_slip__is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
