/* library.c - libresopro(3) as a program uses it; see library.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <resopro/client.h>
#include <resopro/v1/registry.pb-c.h>

/* ---- helpers ------------------------------------------------------------- */

static char *
path(const char *dir, const char *name)
{
	char *p;

	assert_true(asprintf(&p, "%s/%s", getenv(dir), name) > 0);
	return p;
}

static char *
at(const char *host, const char *port)
{
	char *p;

	assert_true(asprintf(&p, "%s:%s", host, port) > 0);
	return p;
}

struct files {
	char *server, *ca, *cert, *key;
};

static struct rsp_client *
client_with(struct rsp_client_opts o)
{
	struct files f = { at("localhost", getenv("PORT")),
		path("PKI", "ca.pem"), path("PKI", "account-alice.pem"),
		path("PKI", "account-alice.key") };
	struct rsp_error e = { 0 };
	struct rsp_client *c;

	o.size = sizeof o;
	o.server = o.server != NULL ? o.server : f.server;
	o.ca_file = o.ca_file != NULL ? o.ca_file : f.ca;
	o.cert_file = f.cert;
	o.key_file = f.key;
	c = rsp_client_new(&o, &e);
	free(f.server);
	free(f.ca);
	free(f.cert);
	free(f.key);
	if (c == NULL)
		fail_msg("%s", e.msg);
	return c;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Get with this id, which says what the server does; the name it gives. */
static char *
get(struct rsp_client *c, const char *id, int64_t deadline, struct rsp_error *e)
{
	Resopro__V1__GetRequest r = RESOPRO__V1__GET_REQUEST__INIT;
	ProtobufCMessage *m;
	char *name;

	r.kind = RESOPRO__V1__KIND__KIND_ORGANISATION;
	r.id = (char *)(uintptr_t)id;
	memset(e, 0, sizeof *e);
	if (rsp_call(c, &rsp_registry_get, &r.base, &m, deadline, e) != 0) {
		assert_null(m);
		return NULL;
	}
	name =
	    strdup(((Resopro__V1__GetResponse *)m)->record->organisation->nom);
	rsp_message_free(m);
	return name;
}

static void
assert_get(struct rsp_client *c, const char *id, const char *expected)
{
	struct rsp_error e;
	char *name = get(c, id, 0, &e);

	if (name == NULL)
		fail_msg("%s: %s: %s", id, rsp_code_name(e.code), e.msg);
	assert_string_equal(name, expected);
	free(name);
}

static void
assert_fails(struct rsp_client *c, const char *id, int64_t deadline,
    enum rsp_code code, struct rsp_error *e)
{
	char *name = get(c, id, deadline, e);

	free(name);
	if (name != NULL || e->code != code)
		fail_msg("%s: %s: %s", id, rsp_code_name(e->code), e->msg);
}

/* ---- unary calls --------------------------------------------------------- */

static void
call__a_name_of_several_addresses__answered(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;

	(void)state;
	assert_int_equal(rsp_client_connect(c, &e), 0);
	assert_int_equal(rsp_client_connect(c, &e), 0);
	assert_get(c, "ok", "Élan");
	rsp_client_free(c);
}

static void
call__token_and_agent__sent_with_the_certificate(void **state)
{
	struct rsp_client *c =
	    client_with((struct rsp_client_opts){ .token = "secret",
		.user_agent = "essai/2" });

	(void)state;
	assert_get(c, "headers",
	    "Bearer secret essai/2 libresopro/" RSP_VERSION " alice");
	rsp_client_free(c);
}

static void
call__deadlines__told_to_the_server(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	char *name;

	(void)state;
	assert_get(c, "remaining", "30");
	name = get(c, "remaining", 7400, &e);
	assert_string_equal(name, "7");
	free(name);
	name = get(c, "remaining", RSP_DEADLINE_NONE, &e);
	assert_string_equal(name, "for ever");
	free(name);
	rsp_client_free(c);
}

static void
call__past_the_deadline__ends_and_cancels_the_work(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	int64_t began = now_ms();

	(void)state;
	assert_fails(c, "sleep", 200, RSP_DEADLINE_EXCEEDED, &e);
	/* The server may find it first, by a clock that ticks in steps. */
	assert_in_range(now_ms() - began, 150, 5000);
	assert_false(e.maybe_written); /* a read */
	assert_get(c, "cancelled", "1");
	rsp_client_free(c);
}

static void
call__details__all_in_the_error(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;

	(void)state;
	assert_fails(c, "details", 0, RSP_FAILED_PRECONDITION, &e);
	assert_true(e.from_server);
	assert_string_equal(e.msg, "Ça ne va pas: 100 %");
	assert_string_equal(e.remedy, "try this");
	assert_string_equal(e.reason, "NOT_SO");
	assert_string_equal(e.domain, "test");
	assert_string_equal(rsp_error_fact(&e, "current_version"), "7");
	assert_null(rsp_error_fact(&e, "remedy"));
	assert_int_equal(e.nviolations, RSP_MAX_VIOLATIONS);
	assert_int_equal(e.violations_omitted, 21 - RSP_MAX_VIOLATIONS);
	assert_string_equal(e.violations[0].field, "record.nom");
	assert_string_equal(e.violations[0].description, "is missing");
	assert_fails(c, "refused", 0, RSP_RESOURCE_EXHAUSTED, &e);
	assert_int_equal(e.retry_after_ms, 2005);
	assert_string_equal(e.violations[0].field, "calls");
	rsp_client_free(c);
}

static void
call__large_answers__up_to_the_limit(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	char *name;

	(void)state;
	name = get(c, "big-4000000", 0, &e);
	assert_int_equal(strlen(name), 4000000);
	free(name);
	assert_fails(c, "big-5000000", 0, RSP_RESOURCE_EXHAUSTED, &e);
	assert_string_equal(e.reason, "MESSAGE_TOO_LARGE");
	assert_get(c, "ok", "Élan");
	rsp_client_free(c);
}

static void
call__gzip__both_ways(void **state)
{
	struct rsp_client *c =
	    client_with((struct rsp_client_opts){ .gzip = true });
	struct rsp_client *narrow =
	    client_with((struct rsp_client_opts){ .gzip = true,
		.max_message_bytes = 90000 });
	struct rsp_error e;
	char *name = get(c, "gzip", 0, &e);

	(void)state;
	assert_non_null(name);
	assert_int_equal(strlen(name), 100000);
	free(name);
	assert_fails(narrow, "gzip", 0, RSP_RESOURCE_EXHAUSTED, &e);
	rsp_client_free(narrow);
	rsp_client_free(c);
}

/* ---- repetitions --------------------------------------------------------- */

static void
retry__busy_server__repeated_unless_forbidden(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_client *once =
	    client_with((struct rsp_client_opts){ .no_retry = true });
	struct rsp_error e;

	(void)state;
	assert_get(c, "busy-1", "3");
	assert_fails(c, "down-1", 0, RSP_UNAVAILABLE, &e);
	assert_string_equal(e.msg, "down 4");
	assert_fails(once, "down-2", 0, RSP_UNAVAILABLE, &e);
	assert_string_equal(e.msg, "down 1");
	rsp_client_free(once);
	rsp_client_free(c);
}

/* Put a record of this name; 0 and the count of attempts that were seen. */
static int
put(struct rsp_client *c, const char *name, const char *request_id,
    uint64_t *seen, struct rsp_error *e)
{
	Resopro__V1__PutRequest r = RESOPRO__V1__PUT_REQUEST__INIT;
	Resopro__V1__Record record = RESOPRO__V1__RECORD__INIT;
	ProtobufCMessage *m;

	record.id = (char *)(uintptr_t)name;
	r.record = &record;
	r.request_id = (char *)(uintptr_t)request_id;
	memset(e, 0, sizeof *e);
	if (rsp_call(c, &rsp_registry_put, &r.base, &m, 0, e) != 0)
		return -1;
	*seen = ((Resopro__V1__PutResponse *)m)->revision;
	rsp_message_free(m);
	return 0;
}

static void
retry__lost_write_with_request_id__repeated(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	uint64_t seen = 0;
	char id[33];

	(void)state;
	assert_int_equal(rsp_request_id(id, &e), 0);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_int_equal(put(c, "once", id, &seen, &e), 0);
	assert_int_equal(seen, 2);
	rsp_client_free(c);
}

static void
retry__lost_write_without_request_id__uncertain(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(put(c, "bare", "", &seen, &e), -1);
	assert_int_equal(e.code, RSP_UNCERTAIN);
	assert_true(e.maybe_written);
	assert_false(e.from_server);
	assert_int_equal(put(c, "bare", "", &seen, &e), 0);
	assert_int_equal(seen, 2); /* the first was not repeated */
	rsp_client_free(c);
}

static void
retry__write_lost_each_time__uncertain_after_four(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(put(c, "lost", "0123456789abcdef", &seen, &e), -1);
	assert_int_equal(e.code, RSP_UNCERTAIN);
	assert_true(e.maybe_written);
	assert_true(strstr(e.remedy, "request id") != NULL);
	rsp_client_free(c);
}

/* ---- streams ------------------------------------------------------------- */

static struct rsp_stream *
watch(struct rsp_client *c, const char *what)
{
	Resopro__V1__WatchRequest r = RESOPRO__V1__WATCH_REQUEST__INIT;
	struct rsp_error e;
	struct rsp_stream *s = rsp_stream_open(c, &rsp_registry_watch, 0, &e);

	assert_non_null(s);
	r.owner = (char *)(uintptr_t)what;
	assert_int_equal(rsp_stream_send(s, &r.base, &e), RSP_SEND_OK);
	return s;
}

/* Receive messages until something else; how many came. */
static unsigned
drain(struct rsp_stream *s, int timeout, enum rsp_received expected,
    struct rsp_error *e)
{
	ProtobufCMessage *m;
	enum rsp_received got;
	unsigned n = 0;

	memset(e, 0, sizeof *e);
	while ((got = rsp_stream_recv(s, timeout, &m, e)) == RSP_RECV_MESSAGE) {
		rsp_message_free(m);
		n++;
	}
	assert_null(m);
	if (got != expected)
		fail_msg("received %d: %s: %s", got, rsp_code_name(e->code),
		    e->msg);
	return n;
}

static void
stream__many_messages__all_in_order_then_the_end(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_stream *s = watch(c, "300-ok");
	struct rsp_error e;
	ProtobufCMessage *m;

	(void)state;
	for (uint64_t i = 1; i <= 300; i++) {
		assert_int_equal(rsp_stream_recv(s, -1, &m, &e),
		    RSP_RECV_MESSAGE);
		assert_int_equal(((Resopro__V1__WatchResponse *)m)->revision,
		    i);
		rsp_message_free(m);
	}
	assert_int_equal(drain(s, -1, RSP_RECV_END, &e), 0);
	assert_int_equal(drain(s, -1, RSP_RECV_END, &e), 0);
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__server_fails__messages_then_the_error(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_stream *s = watch(c, "2-fail");
	struct rsp_error e;

	(void)state;
	assert_int_equal(drain(s, -1, RSP_RECV_ERROR, &e), 2);
	assert_int_equal(e.code, RSP_OUT_OF_RANGE);
	assert_string_equal(e.msg, "compacted");
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__silence__times_out_and_goes_on(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_stream *s = watch(c, "1-silence");
	struct rsp_error e;
	int64_t began;

	(void)state;
	assert_int_equal(drain(s, 5000, RSP_RECV_TIMEOUT, &e), 1);
	began = now_ms();
	assert_int_equal(drain(s, 0, RSP_RECV_TIMEOUT, &e), 0);
	assert_true(now_ms() - began < 1000);
	assert_get(c, "ok", "Élan"); /* beside it */
	rsp_stream_cancel(s);
	assert_int_equal(drain(s, -1, RSP_RECV_ERROR, &e), 0);
	assert_int_equal(e.code, RSP_CANCELLED);
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__connection_cut__unavailable(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_stream *s = watch(c, "1-cut");
	struct rsp_error e;

	(void)state;
	(void)drain(s, -1, RSP_RECV_ERROR, &e);
	assert_int_equal(e.code, RSP_UNAVAILABLE);
	assert_false(e.maybe_written);
	assert_get(c, "ok", "Élan"); /* on a new connection */
	rsp_stream_close(s);
	rsp_client_free(c);
}

static enum rsp_sent
sync_send(struct rsp_stream *s, const char *source, size_t len,
    struct rsp_error *e)
{
	Resopro__V1__SyncRequest r = RESOPRO__V1__SYNC_REQUEST__INIT;
	Resopro__V1__SyncStart start = RESOPRO__V1__SYNC_START__INIT;
	enum rsp_sent sent;
	char *filler = calloc(1, len + 1);

	memset(filler, 'z', len);
	start.source = (char *)(uintptr_t)source;
	start.owner = filler;
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_START;
	r.start = &start;
	sent = rsp_stream_send(s, &r.base, e);
	free(filler);
	return sent;
}

/* Nothing is received before all is sent: both windows fill up. */
static void
stream__both_sides_send_first__neither_waits_for_the_other(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	struct rsp_stream *s =
	    rsp_stream_open(c, &rsp_registry_sync, 60000, &e);

	(void)state;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(sync_send(s, "essai", 20000, &e), RSP_SEND_OK);
	assert_int_equal(rsp_stream_half_close(s, &e), RSP_SEND_OK);
	assert_int_equal(rsp_stream_half_close(s, &e), RSP_SEND_OK);
	assert_int_equal(drain(s, -1, RSP_RECV_END, &e), 2000);
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__too_much_not_read__refused(void **state)
{
	struct rsp_client *c = client_with(
	    (struct rsp_client_opts){ .max_buffered_bytes = 100000 });
	struct rsp_error e;
	struct rsp_stream *s =
	    rsp_stream_open(c, &rsp_registry_sync, 60000, &e);
	enum rsp_sent sent = RSP_SEND_OK;

	(void)state;
	for (int i = 0; i < 20000 && sent == RSP_SEND_OK; i++)
		sent = sync_send(s, "essai", 2000, &e);
	assert_int_equal(sent, RSP_SEND_ERROR);
	assert_int_equal(e.code, RSP_RESOURCE_EXHAUSTED);
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__server_ends_early__sending_says_so(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	struct rsp_stream *s =
	    rsp_stream_open(c, &rsp_registry_sync, 60000, &e);
	enum rsp_sent sent = RSP_SEND_OK;

	(void)state;
	while (sent == RSP_SEND_OK)
		sent = sync_send(s, "early", 20000, &e);
	assert_int_equal(sent, RSP_SEND_ENDED);
	assert_int_equal(drain(s, -1, RSP_RECV_ERROR, &e), 0);
	assert_int_equal(e.code, RSP_PERMISSION_DENIED);
	rsp_stream_close(s);
	rsp_client_free(c);
}

static void
stream__used_out_of_order__refused(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	Resopro__V1__WatchRequest r = RESOPRO__V1__WATCH_REQUEST__INIT;
	struct rsp_stream *s = watch(c, "0-silence");
	struct rsp_error e;

	(void)state;
	assert_int_equal(rsp_stream_send(s, &r.base, &e), RSP_SEND_ERROR);
	assert_int_equal(e.code, RSP_ERR_USAGE);
	rsp_stream_close(s);
	s = watch(c, "0-silence"); /* freed with its client */
	rsp_client_free(c);
}

static void
stream__a_hundred_at_once__each_its_own(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_stream *s[100];
	struct rsp_error e;

	(void)state;
	for (int i = 0; i < 100; i++) {
		char what[16];

		snprintf(what, sizeof what, "%d-ok", i);
		s[i] = watch(c, what);
	}
	for (int i = 99; i >= 0; i--) {
		assert_int_equal(drain(s[i], -1, RSP_RECV_END, &e), i);
		rsp_stream_close(s[i]);
	}
	rsp_client_free(c);
}

/* ---- the connection ------------------------------------------------------ */

/* GOAWAY every half second: calls go on, streams end as they would. */
static void
goaway__ageing_connections__no_call_fails(void **state)
{
	char *server = at("localhost", getenv("AGEING"));
	struct rsp_client *c = client_with(
	    (struct rsp_client_opts){ .server = server, .no_retry = true });
	struct rsp_stream *s = watch(c, "5-silence");
	int64_t until = now_ms() + 2000;
	struct rsp_error e;

	(void)state;
	while (now_ms() < until)
		assert_get(c, "ok", "Élan");
	assert_int_equal(drain(s, 100, RSP_RECV_TIMEOUT, &e), 5);
	rsp_stream_close(s);
	rsp_client_free(c);
	free(server);
}

struct interrupter {
	int fd;
	pthread_t thread;
};

static void *
interrupt_soon(void *arg)
{
	struct interrupter *i = arg;
	struct timespec t = { 0, 100 * 1000 * 1000 };
	uint64_t one = 1;

	nanosleep(&t, NULL);
	assert_int_equal(write(i->fd, &one, sizeof one), sizeof one);
	return NULL;
}

static void
interrupt__blocked_call__cancelled_until_the_fd_is_read(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct interrupter i = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct rsp_error e;
	uint64_t count;

	(void)state;
	rsp_client_set_interrupt_fd(c, i.fd);
	assert_get(c, "ok", "Élan");
	assert_int_equal(pthread_create(&i.thread, NULL, interrupt_soon, &i),
	    0);
	assert_fails(c, "sleep", 0, RSP_CANCELLED, &e);
	assert_string_equal(e.reason, "INTERRUPTED");
	assert_false(e.from_server);
	pthread_join(i.thread, NULL);
	assert_int_equal(read(i.fd, &count, sizeof count), sizeof count);
	assert_get(c, "ok", "Élan");
	rsp_client_free(c);
	close(i.fd);
}

static void
interrupt__waiting_stream__stays_open(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct interrupter i = { .fd = eventfd(1, EFD_CLOEXEC) };
	struct rsp_stream *s = watch(c, "3-silence");
	struct rsp_error e;

	(void)state;
	rsp_client_set_interrupt_fd(c, i.fd);
	(void)drain(s, -1, RSP_RECV_ERROR, &e);
	assert_string_equal(e.reason, "INTERRUPTED");
	rsp_client_set_interrupt_fd(c, -1);
	(void)drain(s, 200, RSP_RECV_TIMEOUT, &e);
	rsp_stream_close(s);
	rsp_client_free(c);
	close(i.fd);
}

/* The default action of SIGPIPE would end this program: the first of these
 * records is answered by a reset, the next one finds it. */
static void
signal__writing_to_a_cut_connection__raises_none(void **state)
{
	struct rsp_client *c = client_with((struct rsp_client_opts){ 0 });
	struct rsp_client *other = client_with((struct rsp_client_opts){ 0 });
	struct rsp_error e;
	struct rsp_stream *s =
	    rsp_stream_open(c, &rsp_registry_sync, 60000, &e);
	struct timespec t = { 0, 300 * 1000 * 1000 };
	ProtobufCMessage *m;
	uint64_t seen;

	(void)state;
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_int_equal(sync_send(s, "essai", 10, &e), RSP_SEND_OK);
	assert_int_equal(rsp_stream_recv(s, -1, &m, &e), RSP_RECV_MESSAGE);
	rsp_message_free(m);
	assert_int_equal(put(other, "cuts", "", &seen, &e), -1);
	nanosleep(&t, NULL); /* the end is on its way to c too */
	assert_int_equal(sync_send(s, "essai", 200000, &e), RSP_SEND_ERROR);
	assert_int_equal(e.code, RSP_UNCERTAIN);
	assert_get(c, "ok", "Élan");
	rsp_stream_close(s);
	rsp_client_free(other);
	rsp_client_free(c);
}

static void
connect__nobody_listens__unavailable_with_a_remedy(void **state)
{
	struct rsp_client *c =
	    client_with((struct rsp_client_opts){ .server = "localhost:1" });
	struct rsp_client *unknown = client_with(
	    (struct rsp_client_opts){ .server = "no-such-host.invalid" });
	struct rsp_error e;

	(void)state;
	assert_int_equal(rsp_client_connect(c, &e), -1);
	assert_int_equal(e.code, RSP_UNAVAILABLE);
	assert_non_null(strstr(e.msg, "localhost:1"));
	assert_true(*e.remedy != '\0');
	assert_int_equal(rsp_client_connect(unknown, &e), -1);
	assert_int_equal(e.code, RSP_UNAVAILABLE);
	rsp_client_free(unknown);
	rsp_client_free(c);
}

struct caller {
	pthread_t thread;
	struct rsp_client *client;
	int answered;
};

static void *
call_often(void *arg)
{
	struct caller *caller = arg;
	struct rsp_error e;

	for (int i = 0; i < 50; i++) {
		char *name = get(caller->client, "ok", 0, &e);

		caller->answered += name != NULL;
		free(name);
	}
	return NULL;
}

static void
threads__each_its_client__independent(void **state)
{
	struct caller callers[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		callers[i] = (struct caller){
			.client = client_with((struct rsp_client_opts){ 0 })
		};
		assert_int_equal(pthread_create(&callers[i].thread, NULL,
				     call_often, &callers[i]),
		    0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].answered, 50);
		rsp_client_free(callers[i].client);
	}
}

/* ---- TLS and options ----------------------------------------------------- */

static void
assert_refused_tls(struct rsp_client *c, const char *reason)
{
	struct rsp_error e;

	assert_int_equal(rsp_client_connect(c, &e), -1);
	assert_int_equal(e.code, RSP_ERR_TLS);
	assert_string_equal(e.reason, reason);
	assert_true(*e.remedy != '\0');
	rsp_client_free(c);
}

static void
tls__another_authority__says_so(void **state)
{
	char *ca = path("OTHER", "ca.pem");

	(void)state;
	assert_refused_tls(client_with(
			       (struct rsp_client_opts){ .ca_file = ca }),
	    "TLS_UNKNOWN_AUTHORITY");
	free(ca);
}

static void
tls__another_name__says_so_unless_it_is_given(void **state)
{
	char *server = at("127.0.0.1", getenv("PORT"));
	struct rsp_client *c =
	    client_with((struct rsp_client_opts){ .server = server,
		.server_name = "localhost" });

	(void)state;
	assert_get(c, "ok", "Élan");
	rsp_client_free(c);
	assert_refused_tls(client_with(
			       (struct rsp_client_opts){ .server = server,
				   .server_name = "example.org" }),
	    "TLS_WRONG_NAME");
	free(server);
}

static void
options__bad_ones__named(void **state)
{
	struct rsp_client_opts o = { .size = sizeof o, .server = "h:70000" };
	struct rsp_error e;

	(void)state;
	assert_null(rsp_client_new(&o, &e));
	assert_int_equal(e.code, RSP_ERR_CONFIG);
	assert_non_null(strstr(e.msg, "70000"));
	o.server = "h";
	o.ca_file = "/nonexistent/ca.pem";
	assert_null(rsp_client_new(&o, &e));
	assert_int_equal(e.code, RSP_ERR_CONFIG);
	assert_non_null(strstr(e.msg, "/nonexistent/ca.pem"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call__a_name_of_several_addresses__answered),
		cmocka_unit_test(
		    call__token_and_agent__sent_with_the_certificate),
		cmocka_unit_test(call__deadlines__told_to_the_server),
		cmocka_unit_test(
		    call__past_the_deadline__ends_and_cancels_the_work),
		cmocka_unit_test(call__details__all_in_the_error),
		cmocka_unit_test(call__large_answers__up_to_the_limit),
		cmocka_unit_test(call__gzip__both_ways),
		cmocka_unit_test(retry__busy_server__repeated_unless_forbidden),
		cmocka_unit_test(retry__lost_write_with_request_id__repeated),
		cmocka_unit_test(
		    retry__lost_write_without_request_id__uncertain),
		cmocka_unit_test(
		    retry__write_lost_each_time__uncertain_after_four),
		cmocka_unit_test(
		    stream__many_messages__all_in_order_then_the_end),
		cmocka_unit_test(stream__server_fails__messages_then_the_error),
		cmocka_unit_test(stream__silence__times_out_and_goes_on),
		cmocka_unit_test(stream__connection_cut__unavailable),
		cmocka_unit_test(
		    stream__both_sides_send_first__neither_waits_for_the_other),
		cmocka_unit_test(stream__too_much_not_read__refused),
		cmocka_unit_test(stream__server_ends_early__sending_says_so),
		cmocka_unit_test(stream__used_out_of_order__refused),
		cmocka_unit_test(stream__a_hundred_at_once__each_its_own),
		cmocka_unit_test(goaway__ageing_connections__no_call_fails),
		cmocka_unit_test(
		    interrupt__blocked_call__cancelled_until_the_fd_is_read),
		cmocka_unit_test(interrupt__waiting_stream__stays_open),
		cmocka_unit_test(
		    signal__writing_to_a_cut_connection__raises_none),
		cmocka_unit_test(
		    connect__nobody_listens__unavailable_with_a_remedy),
		cmocka_unit_test(threads__each_its_client__independent),
		cmocka_unit_test(tls__another_authority__says_so),
		cmocka_unit_test(tls__another_name__says_so_unless_it_is_given),
		cmocka_unit_test(options__bad_ones__named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
