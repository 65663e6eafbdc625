/* gRPC's own client (python3-grpcio) against the echo service over real HTTP/2
 * in clear text: what it checks is in interop_client.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/loop.h"
#include "net/listener.h"

#include "echo.h"

#define CLIENT "tests/unit/rpc/interop_client.py"
#define MIB ((size_t)1 << 20)

static struct service app;
static struct loop *loop;
static struct rpc_server *server;
static struct listener *listener;

/* The loop is this thread's; the client is another process. */
struct child {
	struct timer poll;
	pid_t pid;
	int status;
};

static void
look(struct timer *t)
{
	struct child *c = (struct child *)t; /* first */

	if (waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		loop_stop(loop);
	else
		timer_start(loop, t, 10000000);
}

static int
set_up(void **state)
{
	struct rpc_server_opts o = echo_opts(&app);
	struct err e = { 0 };

	(void)state;
	loop = loop_new(&e);
	listener = listener_open("127.0.0.1:0", &e);
	assert_non_null(loop);
	assert_non_null(listener);
	o.limits.max_request_bytes = 4 * MIB + 64;
	o.limits.max_response_bytes = 5 * MIB;
	server = rpc_server_new(loop, &o, &e);
	assert_non_null(server);
	assert_int_equal(rpc_server_listen(server, listener, NULL, &e), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rpc_server_free(server);
	listener_free(listener);
	loop_free(loop);
	return 0;
}

static void
run_client(const char *part)
{
	struct child c = { .poll.run = look };
	char port[16];

	(void)snprintf(port, sizeof port, "%u", listener_port(listener));
	c.pid = fork();
	if (c.pid == 0) {
		execl("/usr/bin/python3", "python3", CLIENT, port, part,
		    (char *)NULL);
		_exit(127);
	}
	timer_start(loop, &c.poll, 10000000);
	loop_run(loop);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 0);
}

static void
assert_all_closed(void)
{
	struct rpc_counters n;

	rpc_server_counters(server, &n);
	assert_int_equal(n.calls_open, 0);
	assert_int_equal(app.admitted, app.closed);
}

#define PART(test, part)                                                       \
	static void test(void **state)                                         \
	{                                                                      \
		(void)state;                                                   \
		run_client(part);                                              \
		assert_all_closed();                                           \
	}

PART(client__four_kinds_of_call__are_answered, "kinds")
PART(client__messages_of_4_mib__go_both_ways, "large")
PART(client__gzip__goes_both_ways, "gzip")
PART(client__deadlines_and_cancels__end_calls, "ends")
PART(client__errors__come_with_details, "errors")
PART(client__reflection__describes_every_service, "reflection")
PART(client__health__is_known, "health")
PART(client__many_calls_at_once__are_all_answered, "many")

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client__four_kinds_of_call__are_answered),
		cmocka_unit_test(client__messages_of_4_mib__go_both_ways),
		cmocka_unit_test(client__gzip__goes_both_ways),
		cmocka_unit_test(client__deadlines_and_cancels__end_calls),
		cmocka_unit_test(client__errors__come_with_details),
		cmocka_unit_test(client__reflection__describes_every_service),
		cmocka_unit_test(client__health__is_known),
		cmocka_unit_test(client__many_calls_at_once__are_all_answered),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
