/* Addresses: text both ways, and how many connections each has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"

static const struct {
	const char *text;
	const char *address, *host; /* NULL: refused */
} rows[] = {
	{ "127.0.0.1:50051", "127.0.0.1:50051", "127.0.0.1" },
	{ "[::1]:50051", "[::1]:50051", "::1" },
	{ "[2001:db8::7]:1", "[2001:db8::7]:1", "2001:db8::7" },
	{ ":50051", "[::]:50051", "::" },
	{ "*:65535", "[::]:65535", "::" },
	{ "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0" },
	{ "[::ffff:192.0.2.7]:9", "192.0.2.7:9", "192.0.2.7" },
	{ "", NULL, NULL },
	{ "127.0.0.1", NULL, NULL },
	{ "127.0.0.1:", NULL, NULL },
	{ "127.0.0.1:65536", NULL, NULL },
	{ "127.0.0.1:-1", NULL, NULL },
	{ "127.0.0.1:5x", NULL, NULL },
	{ "127.0.0.1:0000005", NULL, NULL },
	{ "::1:50051", NULL, NULL },
	{ "[::1:50051", NULL, NULL },
	{ "[]:50051", NULL, NULL },
	{ "localhost:50051", NULL, NULL },
	{ "300.0.0.1:50051", NULL, NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:1", NULL,
	    NULL },
};

static void
address_parse__each_row__is_read_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_storage a;
		struct peer p = { 0 };
		struct err e = { 0 };
		socklen_t len;
		int rc = address_parse(rows[i].text, &a, &len, &e);

		if (rows[i].address == NULL) {
			if (rc == 0)
				fail_msg("\"%s\" was taken", rows[i].text);
			assert_int_equal(e.code, ERR_INVALID);
			assert_true(e.remedy[0] != '\0');
			continue;
		}
		if (rc != 0)
			fail_msg("%s", e.msg);
		address_format(&a, &p);
		assert_string_equal(p.address, rows[i].address);
		assert_string_equal(p.host, rows[i].host);
	}
}

static void
address_format__unknown_family__is_a_question_mark(void **state)
{
	struct sockaddr_storage a = { .ss_family = AF_UNIX };
	struct peer p = { 0 };

	(void)state;
	address_format(&a, &p);
	assert_string_equal(p.host, "?");
}

static struct sockaddr_storage
at(const char *text)
{
	struct sockaddr_storage a;
	socklen_t len;

	assert_int_equal(address_parse(text, &a, &len, NULL), 0);
	return a;
}

static void
address_enter__at_the_limit__refused_until_one_leaves(void **state)
{
	struct address_table *t = address_table_new();
	struct sockaddr_storage a = at("192.0.2.7:1"), b = at("192.0.2.7:2"),
				other = at("192.0.2.8:1");
	struct address_count *one, *two, *three;

	(void)state;
	assert_null(address_enter(t, &a, 0));
	one = address_enter(t, &a, 2);
	two = address_enter(t, &b, 2);
	assert_non_null(one);
	assert_non_null(two);
	assert_null(address_enter(t, &a, 2));
	three = address_enter(t, &other, 2);
	assert_non_null(three);
	address_leave(t, one);
	one = address_enter(t, &a, 2);
	assert_non_null(one);
	address_leave(t, one);
	address_leave(t, two);
	address_leave(t, three);
	address_leave(t, NULL);
	address_table_free(t);
}

static void
address_enter__same_slash_64_or_mapped__counts_as_one(void **state)
{
	struct address_table *t = address_table_new();
	struct sockaddr_storage a = at("[2001:db8:1:2::1]:1"),
				b = at("[2001:db8:1:2:ffff::9]:1"),
				c = at("[2001:db8:1:3::1]:1"),
				v4 = at("192.0.2.7:1"),
				mapped = at("[::ffff:192.0.2.7]:1");

	(void)state;
	assert_non_null(address_enter(t, &a, 1));
	assert_null(address_enter(t, &b, 1));
	assert_non_null(address_enter(t, &c, 1));
	assert_non_null(address_enter(t, &v4, 1));
	assert_null(address_enter(t, &mapped, 1));
	address_table_free(t);
}

static void
address_enter__thousands__each_is_found_again(void **state)
{
	struct address_table *t = address_table_new();
	struct address_count *all[5000];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		char text[32];
		struct sockaddr_storage a;

		(void)snprintf(text, sizeof text, "10.0.%u.%u:1", i / 250,
		    i % 250);
		a = at(text);
		all[i] = address_enter(t, &a, 1);
		assert_non_null(all[i]);
		assert_null(address_enter(t, &a, 1));
	}
	for (unsigned i = 0; i < 5000; i++)
		address_leave(t, all[i]);
	address_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_parse__each_row__is_read_or_refused),
		cmocka_unit_test(
		    address_format__unknown_family__is_a_question_mark),
		cmocka_unit_test(
		    address_enter__at_the_limit__refused_until_one_leaves),
		cmocka_unit_test(
		    address_enter__same_slash_64_or_mapped__counts_as_one),
		cmocka_unit_test(address_enter__thousands__each_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
