/* Listening sockets, on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "net/address.h"
#include "net/listener.h"

struct fx {
	struct loop *loop;
	struct peer from;
	int accepted, stop_after;
};

static void
accepted(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct fx *f = arg;

	address_format(from, &f->from);
	assert_int_equal(close(fd), 0);
	if (++f->accepted == f->stop_after)
		loop_stop(f->loop);
}

static int
dial(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	assert_int_equal(errno, ECONNREFUSED);
	(void)close(fd);
	return -1;
}

static void
take(struct fx *f, struct listener *l, int n)
{
	int fds[100];

	f->stop_after = f->accepted + n;
	for (int i = 0; i < n; i++)
		fds[i] = dial(listener_port(l));
	loop_run(f->loop);
	for (int i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void
listener_start__a_hundred_connect__each_is_handed_over(void **state)
{
	struct fx f = { .loop = loop_new(NULL) };
	struct listener *l = listener_open("127.0.0.1:0", NULL);

	(void)state;
	assert_non_null(l);
	assert_int_equal(listener_start(l, f.loop, accepted, &f, NULL), 0);
	take(&f, l, 100);
	assert_int_equal(f.accepted, 100);
	assert_string_equal(f.from.host, "127.0.0.1");
	listener_free(l);
	loop_free(f.loop);
}

static void
listener_open__any_address__takes_ipv4_too(void **state)
{
	struct fx f = { .loop = loop_new(NULL) };
	struct err e = { 0 };
	struct listener *l = listener_open("*:0", &e);

	(void)state;
	if (l == NULL) /* a machine without IPv6 */
		skip();
	assert_int_equal(listener_start(l, f.loop, accepted, &f, NULL), 0);
	take(&f, l, 1);
	assert_string_equal(f.from.host, "127.0.0.1");
	listener_free(l);
	loop_free(f.loop);
}

static void
listener_open__twice_on_a_port__both_are_open(void **state)
{
	struct listener *a = listener_open("127.0.0.1:0", NULL), *b;
	char address[32];

	(void)state;
	(void)snprintf(address, sizeof address, "127.0.0.1:%u",
	    listener_port(a));
	b = listener_open(address, NULL); /* a second worker's */
	assert_non_null(b);
	assert_int_equal(listener_port(a), listener_port(b));
	listener_free(a);
	listener_free(b);
}

static void
listener_probe__port_of_our_own_or_free__tells_them_apart(void **state)
{
	struct listener *l = listener_open("127.0.0.1:0", NULL);
	struct err e = { 0 };
	char address[32];

	(void)state;
	(void)snprintf(address, sizeof address, "127.0.0.1:%u",
	    listener_port(l));
	assert_int_equal(listener_probe(address, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, address));
	listener_free(l);
	assert_int_equal(listener_probe(address, &e), 0);
	assert_int_equal(listener_probe("127.0.0.1:0", &e), 0);
	assert_int_equal(listener_probe("here", &e), -1);
}

static void
listener_open__port_of_another_program__says_so(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	struct err e = { 0 };
	char address[32];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u",
	    ntohs(a.sin_port));
	assert_null(listener_open(address, &e));
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, address));
	assert_true(e.remedy[0] != '\0');
	(void)close(fd);
}

static void
listener_open__no_address__is_invalid(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(listener_open("here", &e));
	assert_int_equal(e.code, ERR_INVALID);
}

static void
listener_adopt__a_listening_socket__is_served_by_a_copy(void **state)
{
	struct fx f = { .loop = loop_new(NULL) };
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct listener *l;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 16), 0);
	l = listener_adopt(fd, NULL);
	assert_non_null(l);
	assert_int_equal(listener_start(l, f.loop, accepted, &f, NULL), 0);
	take(&f, l, 3);
	assert_int_equal(f.accepted, 3);
	listener_free(l);
	assert_int_equal(close(fd), 0);
	loop_free(f.loop);
}

static void
listener_adopt__any_other_descriptor__refused(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct err e = { 0 };

	(void)state;
	assert_null(listener_adopt(fd, &e));
	assert_int_equal(e.code, ERR_IO);
	assert_null(listener_adopt(-1, &e));
	(void)close(fd);
}

static void
listener_stop__afterwards__connections_are_refused(void **state)
{
	struct fx f = { .loop = loop_new(NULL) };
	struct listener *l = listener_open("127.0.0.1:0", NULL);
	uint16_t port = listener_port(l);

	(void)state;
	assert_int_equal(listener_start(l, f.loop, accepted, &f, NULL), 0);
	listener_stop(l);
	assert_int_equal(dial(port), -1);
	listener_stop(l);
	listener_free(l);
	listener_free(NULL);
	loop_free(f.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    listener_start__a_hundred_connect__each_is_handed_over),
		cmocka_unit_test(listener_open__any_address__takes_ipv4_too),
		cmocka_unit_test(listener_open__twice_on_a_port__both_are_open),
		cmocka_unit_test(
		    listener_probe__port_of_our_own_or_free__tells_them_apart),
		cmocka_unit_test(
		    listener_open__port_of_another_program__says_so),
		cmocka_unit_test(listener_open__no_address__is_invalid),
		cmocka_unit_test(
		    listener_adopt__a_listening_socket__is_served_by_a_copy),
		cmocka_unit_test(listener_adopt__any_other_descriptor__refused),
		cmocka_unit_test(
		    listener_stop__afterwards__connections_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
