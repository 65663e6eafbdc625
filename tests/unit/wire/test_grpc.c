/* gRPC as bytes: statuses, prefix, timeouts, grpc-message, base64. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/grpc.h"

static void
grpc_status_of__every_error__is_a_status_other_than_ok(void **state)
{
	(void)state;
	assert_int_equal(grpc_status_of(ERR_NONE), GRPC_OK);
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		enum grpc_status s = grpc_status_of((enum err_code)i);

		assert_true(s > GRPC_OK && s < GRPC_STATUS_COUNT);
	}
	assert_int_equal(grpc_status_of(ERR_CONFLICT), GRPC_ABORTED);
	assert_int_equal(grpc_status_of(ERR_COMPACTED), GRPC_OUT_OF_RANGE);
	assert_int_equal(grpc_status_of(ERR_CORRUPT), GRPC_DATA_LOSS);
	assert_string_equal(grpc_status_name(5), "NOT_FOUND");
	assert_string_equal(grpc_status_name(99), "UNKNOWN");
}

static void
grpc_frame__written__length_is_read_back(void **state)
{
	uint8_t p[GRPC_FRAME_LEN];

	(void)state;
	grpc_frame_write(p, 1, UINT32_C(0x01020304));
	assert_memory_equal(p, "\1\1\2\3\4", 5);
	assert_int_equal(grpc_frame_length(p), 0x01020304);
}

static void
grpc_timeout_parse__each_unit__in_nanoseconds(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = { { "1n", 1 }, { "2u", 2000 }, { "250m", 250000000 },
		{ "3S", 3000000000 }, { "4M", 240000000000 },
		{ "5H", 18000000000000 }, { "0m", 0 },
		{ "99999999S", INT64_C(99999999000000000) } };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(grpc_timeout_parse(rows[i].text,
				     strlen(rows[i].text), &ns),
		    0);
		assert_int_equal(ns, rows[i].ns);
	}
	/* 8 digits of hours do not fit in 64 bits: no overflow, no past */
	if (grpc_timeout_parse("99999999H", 9, &ns) == 0)
		assert_true(ns > INT64_C(99999999000000000));
}

static void
grpc_timeout_parse__malformed__refused(void **state)
{
	static const char *const rows[] = { "", "m", "1", "123456789m", "-1m",
		"+1m", " 1m", "1m ", "1x", "1.5S", "1 m", "0x1m" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(grpc_timeout_parse(rows[i], strlen(rows[i]),
				     &ns),
		    -1);
}

static void
grpc_timeout_format__any_duration__read_back_not_shorter(void **state)
{
	static const int64_t rows[] = { 1, 999999, 1000000, 1000001,
		INT64_C(123456789000000), INT64_C(9000000000000000) };
	char text[16];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		grpc_timeout_format(rows[i], text);
		assert_int_equal(grpc_timeout_parse(text, strlen(text), &ns),
		    0);
		assert_true(ns >= rows[i]);
	}
}

static void
grpc_message__any_text__survives_the_header(void **state)
{
	static const char text[] = "100 % \xc3\xa9tabli\n\"x\" \x01\x7f~";
	char coded[128], back[128];
	size_t n = grpc_message_encode(text, coded, sizeof coded);

	(void)state;
	assert_int_equal(n, strlen(coded));
	for (size_t i = 0; i < n; i++)
		assert_true(coded[i] >= 0x20 && coded[i] <= 0x7e);
	assert_non_null(strstr(coded, "100 %25 %C3%A9tabli%0A"));
	grpc_message_decode(coded, n, back, sizeof back);
	assert_string_equal(back, text);
}

static void
grpc_message_encode__room_is_short__no_escape_is_cut(void **state)
{
	char coded[16];

	(void)state;
	for (size_t cap = 1; cap <= sizeof coded; cap++) {
		size_t n =
		    grpc_message_encode("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
			coded, cap);

		assert_true(n < cap);
		assert_int_equal(n % 3, 0);
		assert_int_equal(coded[n], '\0');
	}
}

static void
grpc_message_decode__broken_escapes__kept_as_they_are(void **state)
{
	char back[32];

	(void)state;
	grpc_message_decode("a%4", 3, back, sizeof back);
	assert_string_equal(back, "a%4");
	grpc_message_decode("%zz%", 4, back, sizeof back);
	assert_string_equal(back, "%zz%");
}

static void
base64__rfc_4648_vectors__both_ways_with_and_without_padding(void **state)
{
	static const char *const rows[][3] = { { "", "", "" },
		{ "f", "Zg", "Zg==" }, { "fo", "Zm8", "Zm8=" },
		{ "foo", "Zm9v", "Zm9v" }, { "foob", "Zm9vYg", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" } };
	uint8_t raw[16];
	char text[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		n = base64_encode((const uint8_t *)rows[i][0],
		    strlen(rows[i][0]), text);
		assert_int_equal(n, strlen(rows[i][1]));
		assert_memory_equal(text, rows[i][1], n);
		for (int p = 1; p < 3; p++) {
			assert_int_equal(base64_decode(rows[i][p],
					     strlen(rows[i][p]), raw, &n),
			    0);
			assert_int_equal(n, strlen(rows[i][0]));
			assert_memory_equal(raw, rows[i][0], n);
		}
	}
}

static void
base64_decode__not_base64__refused(void **state)
{
	static const char *const rows[] = { "Z", "Zm9v!",
		"Zg=", "Zg===", "=Zg=", "Zm9vY", "Z g=" };
	uint8_t raw[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(base64_decode(rows[i], strlen(rows[i]), raw,
				     &n),
		    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    grpc_status_of__every_error__is_a_status_other_than_ok),
		cmocka_unit_test(grpc_frame__written__length_is_read_back),
		cmocka_unit_test(grpc_timeout_parse__each_unit__in_nanoseconds),
		cmocka_unit_test(grpc_timeout_parse__malformed__refused),
		cmocka_unit_test(
		    grpc_timeout_format__any_duration__read_back_not_shorter),
		cmocka_unit_test(grpc_message__any_text__survives_the_header),
		cmocka_unit_test(
		    grpc_message_encode__room_is_short__no_escape_is_cut),
		cmocka_unit_test(
		    grpc_message_decode__broken_escapes__kept_as_they_are),
		cmocka_unit_test(
		    base64__rfc_4648_vectors__both_ways_with_and_without_padding),
		cmocka_unit_test(base64_decode__not_base64__refused),
	};

	return cmocka_run_group_tests_name("grpc", tests, NULL, NULL);
}
