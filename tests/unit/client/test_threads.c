/* What libresopro promises of threads: different clients are independent, and
 * one client may pass from thread to thread under a lock.  ThreadSanitizer
 * looks on. */
#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <resopro/loop.h>

READ(Echo);
STREAM(Count, SERVER_STREAM);

#define THREADS 6
#define CALLS 40

struct worker {
	pthread_t thread;
	const struct rsp_client_opts *o;
	struct rsp_client *client; /* shared; NULL: its own */
	pthread_mutex_t *lock;
	unsigned answered, messages;
};

static bool
echo(struct rsp_client *c, const char *text)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	ProtobufCMessage *m;
	bool same;

	request.id = (char *)(uintptr_t)text;
	if (rsp_call(c, &Echo, &request.base, &m, 0, NULL) != 0)
		return false;
	same = strcmp(((Name *)(void *)m)->id, text) == 0;
	rsp_message_free(m);
	return same;
}

static unsigned
count(struct rsp_client *c)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	struct rsp_stream *s = rsp_stream_open(c, &Count, 60000, NULL);
	ProtobufCMessage *m;
	unsigned n = 0;

	if (s == NULL)
		return 0;
	request.id = (char *)(uintptr_t) "50 1000";
	(void)rsp_stream_send(s, &request.base, NULL);
	for (; rsp_stream_recv(s, -1, &m, NULL) == RSP_RECV_MESSAGE; n++)
		rsp_message_free(m);
	rsp_stream_close(s);
	return n;
}

static void
on_answer(void *arg, ProtobufCMessage *m, const struct rsp_error *e)
{
	struct worker *w = arg;

	(void)e;
	w->answered += m != NULL;
	rsp_message_free(m);
}

static void
turn(struct worker *w, struct rsp_client *c)
{
	Name request = RESOPRO__V1__RECORD_NAME__INIT;
	struct pollfd p = { .fd = rsp_client_fd(c), .events = POLLIN };

	for (unsigned i = 0; i < CALLS; i++)
		(void)rsp_call_start(c, &Echo, &request.base, 0, on_answer, w,
		    NULL);
	while (w->answered < 2 * CALLS && poll(&p, 1, 30000) == 1)
		rsp_client_process(c);
}

/* Everything, with a client of its own. */
static void *
work_alone(void *arg)
{
	struct worker *w = arg;
	struct rsp_client *c = rsp_client_new(w->o, NULL);
	char text[16];

	if (c == NULL)
		return NULL;
	for (unsigned i = 0; i < CALLS; i++) {
		(void)snprintf(text, sizeof text, "%u", i);
		w->answered += echo(c, text);
	}
	turn(w, c);
	w->messages = count(c);
	rsp_client_free(c);
	return NULL;
}

static void *
work_in_turn(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < CALLS; i++) {
		(void)pthread_mutex_lock(w->lock);
		w->answered += echo(w->client, "shared");
		(void)pthread_mutex_unlock(w->lock);
	}
	return NULL;
}

static void
run(struct worker w[THREADS], const struct worker *like, void *(*work)(void *))
{
	for (int i = 0; i < THREADS; i++) {
		w[i] = *like;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work,
				     &w[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
}

static void
threads__a_client_each__independent(void **state)
{
	struct fixture *f = *state;
	struct rsp_client_opts o = options(f);
	struct worker w[THREADS], like = { .o = &o };

	run(w, &like, work_alone);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(w[i].answered, 2 * CALLS);
		assert_int_equal(w[i].messages, 50);
	}
}

static void
threads__one_client_under_a_lock__each_call_answered(void **state)
{
	struct fixture *f = *state;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct worker w[THREADS], like = { .client = f->client, .lock = &lock };

	run(w, &like, work_in_turn);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(w[i].answered, CALLS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
		T(threads__a_client_each__independent),
		T(threads__one_client_under_a_lock__each_call_answered),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
