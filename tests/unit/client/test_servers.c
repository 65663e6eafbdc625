/* Several servers: which one is used, and what a call survives. */
#include "harness.h"

#include <signal.h>

#include "../../../client/lib/clock.h"

READ(Echo);
READ(WhoAmI);
READ(Asked);
READ(Hang);
READ(RefuseAt);
READ(Freeze);
READ(Drain);
READ(Release);
STREAM(EchoEach, BIDI);
STREAM(WaitReleased, SERVER_STREAM);
METHOD(Write, UNARY, WRITE_ID, delete_request, record_name);

static char warned[1024];
static unsigned warnings;

static void
on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(warned, sizeof warned, "%s", text);
	warnings++;
}

/* A client of `first` and `second`; `o`'s other options stand. */
static void
client_of(struct fixture *f, struct rsp_client_opts o, const char *first,
    const char *second)
{
	char list[256];

	(void)snprintf(list, sizeof list, "%s , %s", first, second);
	o.server = list;
	o.warn = on_warning;
	assert_non_null(client_with(f, &o));
	warnings = 0;
}

static const char *
call_write(struct fixture *f, const char *id, const char *how)
{
	Resopro__V1__DeleteRequest request = RESOPRO__V1__DELETE_REQUEST__INIT;
	ProtobufCMessage *answer;

	request.request_id = (char *)(uintptr_t)id;
	request.id = (char *)(uintptr_t)how;
	rsp_error_clear(&f->e);
	(void)rsp_call(f->client, &Write, &request.base, &answer, 0, &f->e);
	return keep(f, answer);
}

/* ---- the first that answers ---------------------------------------------- */

static void
connect__first_refuses__next_is_used_and_said(void **state)
{
	struct fixture *f = *state;
	char closed[64];

	(void)close(silent_port(closed));
	client_of(f, options(f), closed, f->where);
	assert_answer(f, &WhoAmI, "", f->port);
	assert_answer(f, &WhoAmI, "", f->port);
	assert_int_equal(warnings, 1); /* not for each call */
	assert_non_null(strstr(warned, "Connection refused; localhost:"));
	assert_non_null(strstr(warned, " is used"));
}

static void
connect__first_is_silent__next_is_tried_beside_it(void **state)
{
	struct fixture *f = *state;
	char silent[64];
	int fd = silent_port(silent);
	int64_t began = clock_ms();

	client_of(f, options(f), silent, f->where);
	assert_answer(f, &WhoAmI, "", f->port);
	/* Long before connect_timeout_ms. */
	assert_in_range(clock_ms() - began, 900, 6000);
	(void)close(fd);
}

static void
connect__first_is_not_trusted__next_is_used(void **state)
{
	struct fixture *f = *state;
	struct pki *other = pki_new();
	struct fixture foreign = { .pki = other };
	struct pki_leaf leaf = { .name = "server", .server = true };
	struct peer p;

	pki_issue(other, &leaf);
	peer_start(&foreign, &p);
	client_of(f, options(f), p.where, f->where);
	assert_answer(f, &WhoAmI, "", f->port);
	client_of(f, options(f), p.where, p.where);
	assert_null(call(f, &Echo, ""));
	assert_int_equal(f->e.code, RSP_ERR_TLS);
	peer_stop(&p);
	pki_free(other);
}

static void
connect__none_answers__each_is_told(void **state)
{
	struct fixture *f = *state;
	char a[64], b[64];

	(void)close(silent_port(a));
	(void)close(silent_port(b));
	client_of(f, options(f), a, "host.invalid");
	assert_int_equal(rsp_client_connect(f->client, &f->e), -1);
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	assert_string_equal(f->e.reason, "CONNECT_REFUSED");
	assert_non_null(strstr(f->e.msg, a));
	assert_non_null(strstr(f->e.msg, "; host.invalid:7443: "));
	client_of(f, options(f), a, b);
	assert_null(call(f, &Echo, ""));
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
}

static void
call__servers_silent__deadline_covers_them_all(void **state)
{
	struct fixture *f = *state;
	char a[64], b[64];
	int fd_a = silent_port(a), fd_b = silent_port(b);
	int64_t began = clock_ms();

	client_of(f, options(f), a, b);
	assert_null(call_within(f, &Echo, "", 1500));
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	assert_in_range(clock_ms() - began, 1400, 6000);
	(void)close(fd_a);
	(void)close(fd_b);
}

static void
connect__shuffled__clients_use_both(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	bool here = false, there = false;
	struct peer other;

	peer_start(f, &other);
	o.shuffle = true;
	for (int i = 0; i < 200 && !(here && there); i++) {
		client_of(f, o, f->where, other.where);
		(void)answered(f, call(f, &WhoAmI, ""));
		here = here || strcmp(f->answer, f->port) == 0;
		there = there || strcmp(f->answer, other.port) == 0;
	}
	assert_true(here && there);
	peer_stop(&other);
}

/* ---- a server that goes -------------------------------------------------- */

static void
call__server_killed_meanwhile__done_by_the_next(void **state)
{
	struct fixture *f = *state;
	struct peer other;

	peer_start(f, &other);
	client_of(f, options(f), other.where, f->where);
	assert_answer(f, &WhoAmI, "", other.port);
	(void)kill(other.pid, SIGKILL);
	assert_answer(f, &WhoAmI, "", f->port);
	peer_stop(&other);
}

/* In another process: once the server has the request, kill it. */
static pid_t
kill_when_asked(struct fixture *f, struct peer *p, const char *what)
{
	struct rsp_client_opts o = options(f);
	struct fixture mine = { .pki = f->pki };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	o.server = p->where;
	mine.client = rsp_client_new(&o, NULL);
	do
		(void)call(&mine, &Asked, what);
	while (strcmp(mine.answer, "0") == 0);
	(void)kill(p->pid, SIGKILL);
	_exit(0);
}

static void
write_to_one_that_is_killed(struct fixture *f, const char *id)
{
	struct peer other;
	char how[32];
	pid_t killer;

	peer_start(f, &other);
	(void)snprintf(how, sizeof how, "hang at %s", other.port);
	client_of(f, options(f), other.where, f->where);
	assert_answer(f, &WhoAmI, "", other.port);
	killer = kill_when_asked(f, &other, *id != '\0' ? id : how);
	(void)call_write(f, id, how);
	(void)waitpid(killer, NULL, 0);
	peer_stop(&other);
}

static void
write__server_killed_under_it__done_by_the_next(void **state)
{
	struct fixture *f = *state;

	write_to_one_that_is_killed(f, "failover-0123456");
	assert_int_equal(f->e.code, RSP_OK);
	assert_memory_equal(f->answer, "hang at ", 8);
	assert_answer(f, &Asked, "failover-0123456", "1");
}

static void
write__server_killed_under_it_without_request_id__uncertain(void **state)
{
	struct fixture *f = *state;

	write_to_one_that_is_killed(f, "");
	assert_int_equal(f->e.code, RSP_UNCERTAIN);
	assert_true(f->e.maybe_written);
	assert_answer(f, &WhoAmI, "", f->port);
}

static void
call__server_answers_unavailable__next_is_asked(void **state)
{
	struct fixture *f = *state;
	struct peer other;

	peer_start(f, &other);
	client_of(f, options(f), other.where, f->where);
	assert_answer(f, &WhoAmI, "", other.port);
	assert_answer(f, &RefuseAt, other.port, f->port);
	/* It is not asked again soon. */
	assert_answer(f, &RefuseAt, other.port, f->port);
	client_of(f, options(f), other.where, other.where);
	assert_answer(f, &Asked, "refused", "1");
	peer_stop(&other);
}

static void
call__server_falls_silent__done_by_the_next(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct peer other;

	peer_start(f, &other);
	o.keepalive_ms = 200;
	o.keepalive_timeout_ms = 200;
	client_of(f, o, other.where, f->where);
	(void)answered(f, call(f, &Freeze, ""));
	assert_answer(f, &WhoAmI, "", f->port);
	peer_stop(&other);
}

/* The call's own deadline is shorter than the keepalive's: it is lost, but the
 * next one finds the other server. */
static void
call__deadline_passes_in_silence__server_is_left(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct peer other;
	int64_t began;

	peer_start(f, &other);
	o.keepalive_timeout_ms = 200;
	client_of(f, o, other.where, f->where);
	(void)answered(f, call(f, &Freeze, ""));
	assert_null(call_within(f, &WhoAmI, "", 150));
	assert_int_equal(f->e.code, RSP_DEADLINE_EXCEEDED);
	began = clock_ms();
	assert_answer(f, &WhoAmI, "", f->port);
	assert_true(clock_ms() - began < 8000); /* keepalive_ms is 10,000 */
	peer_stop(&other);
}

/* A slow answer is no silence of the server: the connection is kept. */
static void
call__deadline_passes_while_server_works__server_is_kept(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct peer other;

	peer_start(f, &other);
	o.keepalive_timeout_ms = 2000;
	client_of(f, o, other.where, f->where);
	for (int i = 0; i < 3; i++) {
		assert_null(call_within(f, &Hang, "", 100));
		assert_answer(f, &WhoAmI, "", other.port);
	}
	peer_stop(&other);
}

static void
goaway__stream_open__it_finishes_and_calls_move(void **state)
{
	struct fixture *f = *state;
	struct peer other;
	struct rsp_stream *s;

	peer_start(f, &other);
	client_of(f, options(f), other.where, f->where);
	s = open_stream(f, &WaitReleased);
	assert_int_equal(send_id(f, s, ""), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	(void)answered(f, call(f, &Drain, ""));
	for (int i = 0; i < 20; i++)
		assert_answer(f, &WhoAmI, "", f->port);
	assert_int_equal(recv_id(f, s, 0), RSP_RECV_TIMEOUT);
	{
		struct fixture there = { .pki = f->pki };
		struct rsp_client_opts o = options(f);

		o.server = other.where;
		assert_non_null(client_with(&there, &o));
		(void)answered(&there, call(&there, &Release, ""));
		rsp_client_free(there.client);
	}
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	assert_string_equal(f->answer, "released");
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_END);
	rsp_stream_close(s);
	peer_stop(&other);
}

static void
stream__server_killed__fails_and_the_next_opens_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct peer other;
	struct rsp_stream *s;

	peer_start(f, &other);
	client_of(f, options(f), other.where, f->where);
	s = open_stream(f, &EchoEach);
	assert_int_equal(send_id(f, s, "a"), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	(void)kill(other.pid, SIGKILL);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_ERROR);
	assert_int_equal(f->e.code, RSP_UNAVAILABLE);
	rsp_stream_close(s);
	s = open_stream(f, &EchoEach);
	assert_int_equal(send_id(f, s, "b"), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	rsp_stream_close(s);
	peer_stop(&other);
}

/* ---- and comes back ------------------------------------------------------ */

/* Nobody listens on the first's port until it is asked for again. */
static void
return__first_is_back__used_again_after_a_time(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rsp_stream *s;
	struct peer other;
	char first[64];
	pid_t relay;
	int64_t until;

	peer_start(f, &other);
	(void)close(silent_port(first));
	o.return_ms = 100;
	client_of(f, o, first, f->where);
	assert_answer(f, &WhoAmI, "", f->port);
	s = open_stream(f, &EchoEach);
	/* `first` now leads to the other server. */
	a.sin_port = htons((uint16_t)atoi(strchr(first, ':') + 1));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	if ((relay = fork()) == 0) {
		char script[600];

		(void)snprintf(script, sizeof script,
		    "import socket,threading\n"
		    "l=socket.socket(fileno=%d)\n"
		    "def p(a,b):\n"
		    " while d:=a.recv(65536): b.sendall(d)\n"
		    "while 1:\n"
		    " a=l.accept()[0]\n"
		    " b=socket.create_connection(('127.0.0.1',%s))\n"
		    " for x,y in (a,b),(b,a): threading.Thread(target=p,"
		    "args=(x,y)).start()\n",
		    fd, other.port);
		(void)fcntl(fd, F_SETFD, 0);
		execl("/usr/bin/python3", "python3", "-c", script,
		    (char *)NULL);
		_exit(127);
	}
	until = clock_after(30000);
	do
		(void)answered(f, call(f, &WhoAmI, ""));
	while (strcmp(f->answer, other.port) != 0 && clock_ms() < until);
	assert_string_equal(f->answer, other.port);
	/* What was begun on the second goes on there. */
	assert_int_equal(send_id(f, s, "still"), RSP_SEND_OK);
	assert_int_equal(recv_id(f, s, -1), RSP_RECV_MESSAGE);
	rsp_stream_close(s);
	(void)kill(relay, SIGKILL);
	(void)waitpid(relay, NULL, 0);
	(void)close(fd);
	peer_stop(&other);
}

static void
return__first_still_away__calls_go_on(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	char silent[64];
	int fd = silent_port(silent);

	o.return_ms = 1;
	o.connect_timeout_ms = 1200;
	client_of(f, o, silent, f->where);
	for (int i = 0; i < 300; i++)
		assert_answer(f, &WhoAmI, "", f->port);
	assert_true(warnings <= 1);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(connect__first_refuses__next_is_used_and_said),
		T(connect__first_is_silent__next_is_tried_beside_it),
		T(connect__first_is_not_trusted__next_is_used),
		T(connect__none_answers__each_is_told),
		T(call__servers_silent__deadline_covers_them_all),
		T(connect__shuffled__clients_use_both),
		T(call__server_killed_meanwhile__done_by_the_next),
		T(write__server_killed_under_it__done_by_the_next),
		T(write__server_killed_under_it_without_request_id__uncertain),
		T(call__server_answers_unavailable__next_is_asked),
		T(call__server_falls_silent__done_by_the_next),
		T(call__deadline_passes_in_silence__server_is_left),
		T(call__deadline_passes_while_server_works__server_is_kept),
		T(goaway__stream_open__it_finishes_and_calls_move),
		T(stream__server_killed__fails_and_the_next_opens_elsewhere),
		T(return__first_is_back__used_again_after_a_time),
		T(return__first_still_away__calls_go_on),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
