/*
 * One attempt to send a set, against a server that is played here: what it is
 * sent, and what becomes of its answers.  The library's functions that reach
 * the network are replaced, so that none of it is linked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../client/cli/push_stream.h"

/* ---- the server ---------------------------------------------------------- */

struct rsp_stream {
	unsigned starts, batches, records, ends, largest;
	unsigned end_says;       /* SyncEnd.records */
	unsigned end_call_after; /* batches; 0: never */
	bool half_closed, closed;
	unsigned answers, given;
};

static struct rsp_stream server;

const struct rsp_method rsp_registry_sync = { .path = "Sync" };

struct rsp_stream *
rsp_stream_open(struct rsp_client *c, const struct rsp_method *m,
    int64_t deadline_ms, struct rsp_error *e)
{
	(void)c;
	(void)deadline_ms;
	(void)e;
	assert_ptr_equal(m, &rsp_registry_sync);
	return &server;
}

enum rsp_sent
rsp_stream_send(struct rsp_stream *s, const ProtobufCMessage *m,
    struct rsp_error *e)
{
	const Resopro__V1__SyncRequest *r = (const Resopro__V1__SyncRequest *)m;

	(void)e;
	assert_false(s->half_closed);
	if (s->end_call_after != 0 && s->batches == s->end_call_after)
		return RSP_SEND_ENDED;
	if (r->step_case == RESOPRO__V1__SYNC_REQUEST__STEP_START)
		s->starts++;
	if (r->step_case == RESOPRO__V1__SYNC_REQUEST__STEP_END) {
		s->ends++;
		s->end_says = r->end->records;
	}
	if (r->step_case == RESOPRO__V1__SYNC_REQUEST__STEP_BATCH) {
		assert_int_equal(s->starts, 1);
		s->batches++;
		s->records += (unsigned)r->batch->n_records;
		if (r->batch->n_records > s->largest)
			s->largest = (unsigned)r->batch->n_records;
	}
	return RSP_SEND_OK;
}

enum rsp_sent
rsp_stream_half_close(struct rsp_stream *s, struct rsp_error *e)
{
	(void)e;
	s->half_closed = true;
	return RSP_SEND_OK;
}

/* A plan of two created records, then the result. */
static ProtobufCMessage *
answer(unsigned which)
{
	Resopro__V1__SyncResponse *r = malloc(sizeof *r);

	resopro__v1__sync_response__init(r);
	if (which == 0) {
		r->step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN;
		r->plan = malloc(sizeof *r->plan);
		resopro__v1__sync_plan__init(r->plan);
		r->plan->n_items = 2;
		r->plan->items = calloc(2, sizeof(*r->plan->items));
		for (unsigned i = 0; i < 2; i++) {
			Resopro__V1__SyncPlanItem *x = malloc(sizeof *x);

			resopro__v1__sync_plan_item__init(x);
			x->action =
			    RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_CREATE;
			x->kind = RESOPRO__V1__KIND__KIND_SITE;
			x->id = strdup(i == 0 ? "id-one" : "id-two");
			x->position = i + 1;
			r->plan->items[i] = x;
		}
	} else {
		r->step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT;
		r->result = malloc(sizeof *r->result);
		resopro__v1__sync_result__init(r->result);
		r->result->created = 2;
		r->result->applied = 1;
		r->result->revision = 7;
	}
	return &r->base;
}

enum rsp_received
rsp_stream_recv(struct rsp_stream *s, int timeout_ms, ProtobufCMessage **m,
    struct rsp_error *e)
{
	bool ended = s->end_call_after != 0 && s->batches >= s->end_call_after;

	if (s->given < s->answers && s->half_closed) {
		*m = answer(s->given++);
		return RSP_RECV_MESSAGE;
	}
	if (s->half_closed && s->answers == 2)
		return RSP_RECV_END;
	if (timeout_ms == 0 && !ended)
		return RSP_RECV_TIMEOUT;
	rsp_error_clear(e);
	e->code = ended ? RSP_PERMISSION_DENIED : RSP_UNCERTAIN;
	return RSP_RECV_ERROR;
}

void
rsp_stream_close(struct rsp_stream *s)
{
	s->closed = true;
}

void
rsp_message_free(ProtobufCMessage *m)
{
	if (m != NULL)
		protobuf_c_message_free_unpacked(m, NULL);
}

void
rsp_error_clear(struct rsp_error *e)
{
	memset(e, 0, sizeof *e);
}

/* What the rest of the command line refers to and this test does not reach. */
struct rsp_client *
rsp_client_new(const struct rsp_client_opts *o, struct rsp_error *e)
{
	(void)o;
	(void)e;
	return NULL;
}
void
rsp_client_free(struct rsp_client *c)
{
	(void)c;
}
void
rsp_client_set_interrupt_fd(struct rsp_client *c, int fd)
{
	(void)c;
	(void)fd;
}
int
rsp_call(struct rsp_client *c, const struct rsp_method *m,
    const ProtobufCMessage *q, ProtobufCMessage **r, int64_t d,
    struct rsp_error *e)
{
	(void)c;
	(void)m;
	(void)q;
	(void)r;
	(void)d;
	(void)e;
	return -1;
}
int
rsp_request_id(char out[33], struct rsp_error *e)
{
	(void)out;
	(void)e;
	return -1;
}
const char *
rsp_error_fact(const struct rsp_error *e, const char *key)
{
	(void)e;
	(void)key;
	return NULL;
}
const char *
rsp_code_name(enum rsp_code c)
{
	(void)c;
	return "";
}

/* ---- the client ---------------------------------------------------------- */

struct fx {
	struct cli cli;
	char path[200];
	char *out;
	size_t out_len;
	struct push_files files;
	struct push_check check;
	struct plan plan;
	Resopro__V1__SyncStart start;
	struct push_feed *feed;
	struct push_stream stream;
	struct rsp_error e;
};

static void
write_sites(const struct fx *f, unsigned n, bool twice)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fputs("source_id,nom,code_insee\n", file);
	for (unsigned i = 0; i < n; i++)
		fprintf(file, "s%u,Site,61169\n%s", i,
		    twice && i == 1 ? "s1,Again,61169\n" : "");
	fclose(file);
}

static void
begin(struct fx *f, unsigned n, bool twice)
{
	const char *tmp = getenv("TMPDIR");

	memset(f, 0, sizeof *f);
	memset(&server, 0, sizeof server);
	server.answers = 2;
	snprintf(f->path, sizeof f->path, "%s/%d-sites.csv",
	    tmp == NULL ? "/tmp" : tmp, (int)getpid());
	write_sites(f, n, twice);
	f->cli.out = f->cli.err = open_memstream(&f->out, &f->out_len);
	f->cli.interrupt_fd = -1;
	assert_int_equal(push_files_open(&f->files, &f->cli, f->path, NULL), 0);
	assert_int_equal(push_check(&f->check, &f->cli, &f->files), 0);
	resopro__v1__sync_start__init(&f->start);
	plan_open(&f->plan, &f->cli, &f->check.origins, &f->files, &f->start);
	f->feed = push_feed_files(&f->files, &f->check, &f->start);
	assert_non_null(f->feed);
	f->stream = (struct push_stream){ .cli = &f->cli,
		.feed = f->feed,
		.total = (uint32_t)f->check.origins.n,
		.plan = &f->plan };
}

static void
end(struct fx *f)
{
	assert_true(server.closed);
	push_stream_free(&f->stream);
	push_feed_free(f->feed);
	push_check_free(&f->check);
	push_files_close(&f->files);
	fclose(f->cli.out);
	free(f->out);
	unlink(f->path);
}

static unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

static void
run__set_of_1201__three_batches_and_an_end_that_counts(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 1201, false);
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), 0);
	assert_int_equal(server.starts, 1);
	assert_int_equal(server.batches, 3);
	assert_int_equal(server.largest, 500);
	assert_int_equal(server.records, 1201);
	assert_int_equal(server.end_says, 1201);
	assert_int_equal(f.stream.result->revision, 7);
	end(&f);
}

static void
run__empty_set__still_start_and_end(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 0, false);
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), 0);
	assert_int_equal(server.starts, 1);
	assert_int_equal(server.batches, 0);
	assert_int_equal(server.ends, 1);
	end(&f);
}

static void
run__server_refuses_half_way__its_reason_is_told(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 5000, false);
	server.end_call_after = 2;
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), -1);
	assert_int_equal(f.e.code, RSP_PERMISSION_DENIED);
	assert_int_equal(server.batches, 2);
	assert_int_equal(server.ends, 0);
	end(&f);
}

static void
run__file_grows_after_the_check__never_ended(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 3, false);
	write_sites(&f, 4, false);
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), -1);
	assert_int_equal(f.e.code, RSP_ERR_CONFIG);
	assert_int_equal(server.ends, 0);
	end(&f);
}

static void
run__identifier_twice__second_is_left_out(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 3, true);
	assert_int_equal(f.check.bad, 1);
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), 0);
	assert_int_equal(server.records, 3);
	fflush(f.cli.out);
	assert_non_null(strstr(f.out, "-sites.csv:4: source_id: \"s1\""));
	end(&f);
}

static void
again__plan_was_half_shown__each_item_is_shown_once(void **state)
{
	struct fx f;

	(void)state;
	begin(&f, 2, false);
	server.answers = 1; /* the plan, then the connection is lost */
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), -1);
	assert_int_equal(f.e.code, RSP_UNCERTAIN);
	plan_again(&f.plan);
	memset(&server, 0, sizeof server);
	server.answers = 2;
	assert_int_equal(push_stream_run(&f.stream, NULL, &f.e), 0);
	assert_int_equal(plan_close(&f.plan, f.stream.result, 0), 0);
	fflush(f.cli.out);
	assert_int_equal(count(f.out, "id-one"), 1);
	assert_int_equal(count(f.out, "id-two"), 1);
	assert_non_null(strstr(f.out, "-sites.csv:3"));
	assert_non_null(strstr(f.out, "2 created"));
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    run__set_of_1201__three_batches_and_an_end_that_counts),
		cmocka_unit_test(run__empty_set__still_start_and_end),
		cmocka_unit_test(
		    run__server_refuses_half_way__its_reason_is_told),
		cmocka_unit_test(run__file_grows_after_the_check__never_ended),
		cmocka_unit_test(run__identifier_twice__second_is_left_out),
		cmocka_unit_test(
		    again__plan_was_half_shown__each_item_is_shown_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
