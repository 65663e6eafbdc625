/*
 * harness.h - stock gRPC servers (server.py) with certificates of their own,
 * and clients of them.  Each program has one; a test may start others.
 */
#ifndef TESTS_CLIENT_HARNESS_H
#define TESTS_CLIENT_HARNESS_H

#include <resopro/client.h>
#include <resopro/v1/registry.pb-c.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../support/pki.h"

typedef Resopro__V1__RecordName Name;

struct peer { /* one server */
	pid_t pid;
	int alive;                /* closing it ends the server */
	char port[16], where[64]; /* "localhost:port" */
};

struct fixture {
	struct pki *pki;
	struct peer server;
	const char *port, *where;  /* its */
	struct rsp_client *client; /* of one test */
	struct rsp_error e;
	char answer[256]; /* id of the last one */
};

/* ---- the server ---------------------------------------------------------- */

static inline void
peer_run(struct pki *pki, int in, int out)
{
	char dir[512];
	const char *ca = pki_path(pki, "ca.pem");

	(void)snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(ca, '/') - ca),
	    ca);
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	execl("/usr/bin/python3", "python3", "tests/unit/client/server.py", dir,
	    (char *)NULL);
	_exit(127);
}

static inline void
peer_start(struct fixture *f, struct peer *p)
{
	int to[2], from[2];
	FILE *said;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		peer_run(f->pki, to[0], from[1]);
	(void)close(to[0]);
	(void)close(from[1]);
	p->alive = to[1];
	said = fdopen(from[0], "r");
	assert_non_null(said);
	assert_non_null(fgets(p->port, sizeof p->port, said));
	p->port[strcspn(p->port, "\n")] = '\0';
	(void)fclose(said);
	(void)snprintf(p->where, sizeof p->where, "localhost:%s", p->port);
}

static inline void
peer_stop(struct peer *p)
{
	(void)close(p->alive);
	(void)waitpid(p->pid, NULL, 0);
}

/* A listening socket nobody accepts from. */
static inline int
silent_port(char where[64])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(where, 64, "127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

static inline int
harness_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct pki_leaf server = { .name = "server", .server = true };
	struct pki_leaf client = { .name = "client" };

	assert_non_null(f);
	f->pki = pki_new();
	pki_issue(f->pki, &server);
	pki_issue(f->pki, &client);
	assert_int_equal(chmod(pki_path(f->pki, "client.key"), 0600), 0);
	peer_start(f, &f->server);
	f->port = f->server.port;
	f->where = f->server.where;
	*state = f;
	return 0;
}

static inline int
harness_teardown(void **state)
{
	struct fixture *f = *state;

	peer_stop(&f->server);
	pki_free(f->pki);
	free(f);
	return 0;
}

/* ---- the client ---------------------------------------------------------- */

static inline struct rsp_client_opts
options(struct fixture *f)
{
	return (struct rsp_client_opts){
		.size = sizeof(struct rsp_client_opts),
		.server = f->where,
		.ca_file = pki_path(f->pki, "ca.pem"),
		.cert_file = pki_path(f->pki, "client.pem"),
		.key_file = pki_path(f->pki, "client.key"),
	};
}

/* Another one instead; NULL: f->e says why. */
static inline struct rsp_client *
client_with(struct fixture *f, const struct rsp_client_opts *o)
{
	rsp_client_free(f->client);
	rsp_error_clear(&f->e);
	f->client = rsp_client_new(o, &f->e);
	return f->client;
}

static inline int
client_setup(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);

	assert_non_null(client_with(f, &o));
	return 0;
}

static inline int
client_teardown(void **state)
{
	struct fixture *f = *state;

	rsp_client_free(f->client);
	f->client = NULL;
	return 0;
}

/* ---- calls --------------------------------------------------------------- */

#define METHOD(path_, kind_, effect_, in, out)                                 \
	static const struct rsp_method path_ = { .path = "/t/" #path_,         \
		.input = &resopro__v1__##in##__descriptor,                     \
		.output = &resopro__v1__##out##__descriptor,                   \
		.kind = RSP_##kind_,                                           \
		.effect = RSP_##effect_ }
#define READ(path_) METHOD(path_, UNARY, READ, record_name, record_name)
#define STREAM(path_, kind_)                                                   \
	METHOD(path_, kind_, READ, record_name, record_name)

static inline const char *
keep(struct fixture *f, ProtobufCMessage *m)
{
	if (m == NULL)
		return NULL;
	(void)snprintf(f->answer, sizeof f->answer, "%s",
	    ((Name *)(void *)m)->id);
	rsp_message_free(m);
	return f->answer;
}

/* The id of the answer; NULL: f->e. */
static inline const char *
call_within(struct fixture *f, const struct rsp_method *method, const char *id,
    int64_t deadline_ms)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	ProtobufCMessage *answer;

	request.id = (char *)(uintptr_t)id;
	rsp_error_clear(&f->e);
	(void)rsp_call(f->client, method, &request.base, &answer, deadline_ms,
	    &f->e);
	return keep(f, answer);
}

static inline const char *
call(struct fixture *f, const struct rsp_method *method, const char *id)
{
	return call_within(f, method, id, RSP_DEADLINE_DEFAULT);
}

/* NULL is told with the error, which says more than a crash. */
static inline const char *
answered(const struct fixture *f, const char *answer)
{
	if (answer == NULL)
		fail_msg("%s, %s: %s", rsp_code_name(f->e.code), f->e.reason,
		    f->e.msg);
	return answer;
}

#define assert_answer(f, method, id, expected)                                 \
	assert_string_equal(answered((f), call((f), (method), (id))),          \
	    (expected))

static inline enum rsp_sent
send_id(struct fixture *f, struct rsp_stream *s, const char *id)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;

	request.id = (char *)(uintptr_t)id;
	return rsp_stream_send(s, &request.base, &f->e);
}

/* The id is in f->answer. */
static inline enum rsp_received
recv_id(struct fixture *f, struct rsp_stream *s, int timeout_ms)
{
	ProtobufCMessage *m;
	enum rsp_received got = rsp_stream_recv(s, timeout_ms, &m, &f->e);

	assert_int_equal(m != NULL, got == RSP_RECV_MESSAGE);
	(void)keep(f, m);
	return got;
}

/* What would hang fails after a while. */
static inline struct rsp_stream *
open_stream(struct fixture *f, const struct rsp_method *method)
{
	struct rsp_stream *s = rsp_stream_open(f->client, method, 60000, &f->e);

	assert_non_null(s);
	return s;
}

#endif
