#include "push_stream.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "i18n.h"

enum {
	BATCH_RECORDS = 500,
	BATCH_BYTES = 1 << 20, /* far below a message's limit */
	PROGRESS_FROM = 2000,  /* records: fewer are sent at once */
};

/* How the sending goes on. */
enum going {
	GOING_FAILED = -1,
	GOING_ON,
	GOING_ENDED /* the server has ended the call: ask it why */
};

struct sending {
	struct push_stream *p;
	struct rsp_stream *stream;
	struct rsp_error *error;
	Resopro__V1__SyncRecord *batch[BATCH_RECORDS];
	size_t n, bytes;
	uint32_t sent;
	size_t left_out;        /* index of the next one */
	enum rsp_received last; /* END, ERROR: the call ended so */
};

/* ---- progress ------------------------------------------------------------ */

static bool
shows_progress(const struct push_stream *p)
{
	return p->cli->tty_err && !p->cli->quiet &&
	       p->check->origins.n >= PROGRESS_FROM;
}

static void
progress(const struct sending *s)
{
	if (!shows_progress(s->p))
		return;
	fputc('\r', s->p->cli->err);
	fprintf(s->p->cli->err, _("%u of %zu records sent"), s->sent,
	    s->p->check->origins.n);
	fflush(s->p->cli->err);
}

static void
progress_end(const struct push_stream *p)
{
	if (shows_progress(p))
		fputs("\r\033[K", p->cli->err);
}

/* ---- receiving ----------------------------------------------------------- */

static void
take_answer(struct push_stream *p, ProtobufCMessage *m)
{
	Resopro__V1__SyncResponse *r = (Resopro__V1__SyncResponse *)m;

	if (r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN) {
		progress_end(p);
		plan_items(p->plan, r->plan);
	} else if (r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT) {
		push_stream_free(p);
		p->result = r->result;
		r->result = NULL; /* kept */
		r->step_case = RESOPRO__V1__SYNC_RESPONSE__STEP__NOT_SET;
	}
	rsp_message_free(m);
}

void
push_stream_free(struct push_stream *p)
{
	if (p->result != NULL)
		rsp_message_free(&p->result->base);
	p->result = NULL;
}

/* All that there is now (timeout 0), or until the call ends (-1). */
static enum rsp_received
receive(struct push_stream *p, struct rsp_stream *stream, int timeout_ms,
    struct rsp_error *e)
{
	ProtobufCMessage *m;
	enum rsp_received got;

	while ((got = rsp_stream_recv(stream, timeout_ms, &m, e)) ==
	       RSP_RECV_MESSAGE)
		take_answer(p, m);
	return got;
}

static int
finish(struct sending *s)
{
	enum rsp_received got = s->last;

	if (got != RSP_RECV_END && got != RSP_RECV_ERROR)
		got = receive(s->p, s->stream, -1, s->error);
	progress_end(s->p);
	if (got == RSP_RECV_ERROR)
		return -1;
	if (s->p->result != NULL)
		return 0;
	return fault(s->error, RSP_INTERNAL,
	    _("send it again with the same request id; if it happens again, "
	      "tell the operator"),
	    "%s", _("the server ended the call without a result"));
}

/* ---- sending ------------------------------------------------------------- */

static enum going
send_one(struct sending *s, const Resopro__V1__SyncRequest *r)
{
	switch (rsp_stream_send(s->stream, &r->base, s->error)) {
	case RSP_SEND_OK:
		return GOING_ON;
	case RSP_SEND_ENDED:
		return GOING_ENDED;
	default:
		return GOING_FAILED;
	}
}

static enum going
send_start(struct sending *s)
{
	Resopro__V1__SyncRequest r;
	Resopro__V1__SyncStart start = *s->p->start;

	resopro__v1__sync_request__init(&r);
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_START;
	r.start = &start;
	return send_one(s, &r);
}

static void
empty_batch(struct sending *s)
{
	for (size_t i = 0; i < s->n; i++)
		records_free(s->batch[i]);
	s->n = s->bytes = 0;
}

static enum going
send_batch(struct sending *s)
{
	Resopro__V1__SyncRequest r;
	Resopro__V1__SyncBatch batch;
	enum going going;

	if (s->n == 0)
		return GOING_ON;
	resopro__v1__sync_request__init(&r);
	resopro__v1__sync_batch__init(&batch);
	batch.n_records = s->n;
	batch.records = s->batch;
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_BATCH;
	r.batch = &batch;
	going = send_one(s, &r);
	s->sent += (uint32_t)s->n;
	empty_batch(s);
	progress(s);
	if (going == GOING_ON)
		s->last = receive(s->p, s->stream, 0, s->error);
	if (s->last == RSP_RECV_END || s->last == RSP_RECV_ERROR)
		return GOING_ENDED;
	return going;
}

static enum going
send_end(struct sending *s)
{
	Resopro__V1__SyncRequest r;
	Resopro__V1__SyncEnd end;
	enum going going;

	resopro__v1__sync_request__init(&r);
	resopro__v1__sync_end__init(&end);
	end.records = s->sent;
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_END;
	r.end = &end;
	going = send_one(s, &r);
	if (going == GOING_ON &&
	    rsp_stream_half_close(s->stream, s->error) == RSP_SEND_ERROR)
		return GOING_FAILED;
	return going;
}

/* Found wrong by the check: duplicates, which the readers do not see. */
static bool
is_left_out(struct sending *s, unsigned file, unsigned line)
{
	const struct push_check *c = s->p->check;

	while (s->left_out < c->bad) {
		const struct origin *x = &c->left_out[s->left_out];

		if (x->file == file && x->line == line)
			return true;
		if (x->file > file || (x->file == file && x->line > line))
			return false;
		s->left_out++;
	}
	return false;
}

static enum going
add_record(struct sending *s, Resopro__V1__SyncRecord *r)
{
	s->batch[s->n++] = r;
	s->bytes += protobuf_c_message_get_packed_size(&r->base);
	if (s->n == BATCH_RECORDS || s->bytes >= BATCH_BYTES)
		return send_batch(s);
	return GOING_ON;
}

static enum going
send_file(struct sending *s, unsigned file)
{
	struct push_reader *r = push_reader_open(&s->p->files->list[file]);
	Resopro__V1__SyncRecord *record;
	struct records_problem problem;
	enum going going = r == NULL ? GOING_FAILED : GOING_ON;
	enum records_got got = RECORDS_ITEM;
	unsigned line;

	if (r == NULL)
		fault(s->error, RSP_ERR_NOMEM, "", "%s", _("out of memory"));
	while (going == GOING_ON && got != RECORDS_END) {
		got = push_reader_next(r, &record, &line, &problem);
		if (got == RECORDS_FATAL) {
			fault(s->error, RSP_ERR_CONFIG,
			    _("leave the files alone while they are sent"),
			    _("%s changed while it was being sent: %s"),
			    s->p->files->list[file].name, problem.msg);
			going = GOING_FAILED;
		} else if (got == RECORDS_ITEM && is_left_out(s, file, line)) {
			records_free(record);
		} else if (got == RECORDS_ITEM) {
			going = add_record(s, record);
		}
	}
	push_reader_close(r);
	return going;
}

static int
check_unchanged(struct sending *s)
{
	if (s->sent == s->p->check->origins.n)
		return 0;
	return fault(s->error, RSP_ERR_CONFIG,
	    _("leave the files alone while they are sent, and push again"),
	    _("the files changed: %zu records when they were checked, %u now"),
	    s->p->check->origins.n, s->sent);
}

static enum going
send_all(struct sending *s)
{
	enum going going = send_start(s);

	for (size_t i = 0; i < s->p->files->n && going == GOING_ON; i++)
		going = send_file(s, (unsigned)i);
	if (going == GOING_ON)
		going = send_batch(s);
	/* Without its end a set changes nothing. */
	if (going == GOING_ON && check_unchanged(s) != 0)
		return GOING_FAILED;
	return going == GOING_ON ? send_end(s) : going;
}

int
push_stream_run(struct push_stream *p, struct rsp_client *client,
    struct rsp_error *e)
{
	struct sending s = { .p = p, .error = e, .last = RSP_RECV_TIMEOUT };
	int64_t deadline = p->cli->deadline_ms == RSP_DEADLINE_DEFAULT
			       ? RSP_DEADLINE_NONE
			       : p->cli->deadline_ms;
	int rc;

	s.stream = rsp_stream_open(client, &rsp_registry_sync, deadline, e);
	if (s.stream == NULL)
		return -1;
	rc = send_all(&s) == GOING_FAILED ? -1 : finish(&s);
	progress_end(p);
	empty_batch(&s);
	rsp_stream_close(s.stream);
	return rc;
}
