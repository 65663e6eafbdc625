/* call.c - see call.h. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

struct rsp_stream *
rsp_stream_new(const struct rsp_config *c, const struct rsp_method *method,
    int64_t deadline)
{
	struct rsp_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->method = method;
	s->deadline = deadline;
	s->answer.grpc_status = -1;
	grpc_frame_reader_init(&s->frames, c->max_message);
	return s;
}

void
rsp_stream_delete(struct rsp_stream *s)
{
	if (s == NULL)
		return;
	buf_free(&s->out);
	buf_free(&s->in);
	grpc_frame_reader_free(&s->frames);
	rsp_answer_free(&s->answer);
	free(s);
}

/* A status that leaves open whether the work was done. */
static bool
is_open(const struct rsp_error *e)
{
	return !e->from_server || e->code == RSP_CANCELLED ||
	       e->code == RSP_UNKNOWN || e->code == RSP_DEADLINE_EXCEEDED;
}

void
rsp_stream_end(struct rsp_stream *s, uint64_t written,
    const struct rsp_error *e)
{
	bool reached = s->acts && written > s->acts_after;

	s->conn = NULL;
	s->unsent = buf_len(&s->out) > 0;
	buf_free(&s->out);
	if (e != NULL)
		s->end = *e;
	else
		rsp_answer_end(&s->answer, &s->end);
	rsp_answer_free(&s->answer);
	s->untouched = s->untouched || (!s->end.from_server && !reached);
	if (s->end.code == RSP_OK || s->untouched || !reached ||
	    s->method->effect == RSP_READ || !is_open(&s->end))
		return;
	s->end.maybe_written = true;
	if (s->end.code == RSP_UNAVAILABLE || s->end.code == RSP_ERR_TLS)
		s->end.code = RSP_UNCERTAIN;
}
