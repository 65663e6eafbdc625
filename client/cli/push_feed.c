#include "push_feed.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "i18n.h"

enum {
	BATCH_RECORDS = 500,
	/* Far below a message's limit, and soon through on a bad line: the
	 * server gives up on a set that is silent for two minutes. */
	BATCH_BYTES = 128 << 10,
	MESSAGE_MAX = 16 << 20,
};

enum step { STEP_START, STEP_RECORDS, STEP_END, STEP_OVER };

struct push_feed {
	uint32_t records;
	Resopro__V1__SyncRequest request; /* of files */

	/* From files: */
	struct push_files *files;
	const struct push_check *check;
	Resopro__V1__SyncStart start;
	enum step step;
	size_t file; /* being read */
	struct push_reader *reader;
	size_t left_out; /* index of the next one */
	Resopro__V1__SyncRecord *list[BATCH_RECORDS];
	Resopro__V1__SyncBatch batch;
	Resopro__V1__SyncEnd end;

	/* From a spool: */
	FILE *spooled;
	long from;
	uint8_t *bytes;
	size_t room;
	Resopro__V1__SyncRequest *unpacked;
};

/* ---- files --------------------------------------------------------------- */

struct push_feed *
push_feed_files(struct push_files *files, const struct push_check *check,
    const Resopro__V1__SyncStart *start)
{
	struct push_feed *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->files = files;
	f->check = check;
	f->start = *start;
	resopro__v1__sync_batch__init(&f->batch);
	f->batch.records = f->list;
	return f;
}

static void
empty_batch(struct push_feed *f)
{
	for (size_t i = 0; i < f->batch.n_records; i++)
		records_free(f->list[i]);
	f->batch.n_records = 0;
}

/* Found wrong by the check: duplicates, which the readers do not see. */
static bool
is_left_out(struct push_feed *f, unsigned file, unsigned line)
{
	const struct push_check *c = f->check;

	while (f->left_out < c->bad) {
		const struct origin *x = &c->left_out[f->left_out];

		if (x->file == file && x->line == line)
			return true;
		if (x->file > file || (x->file == file && x->line > line))
			return false;
		f->left_out++;
	}
	return false;
}

/* 1: *record is the caller's; 0: there is none any more; -1. */
static int
next_record(struct push_feed *f, Resopro__V1__SyncRecord **record,
    struct rsp_error *e)
{
	struct records_problem problem;
	enum records_got got = RECORDS_END;
	unsigned line;

	while (f->file < f->files->n) {
		struct push_file *file = &f->files->list[f->file];

		if (f->reader == NULL &&
		    (f->reader = push_reader_open(file)) == NULL)
			return fault(e, RSP_ERR_NOMEM, "", "%s",
			    _("out of memory"));
		got = push_reader_next(f->reader, record, &line, &problem);
		if (got == RECORDS_FATAL)
			return fault(e, RSP_ERR_CONFIG,
			    _("leave the files alone while they are sent"),
			    _("%s changed while it was being sent: %s"),
			    file->name, problem.msg);
		if (got == RECORDS_ITEM &&
		    !is_left_out(f, (unsigned)f->file, line))
			return 1;
		if (got == RECORDS_ITEM)
			records_free(*record);
		if (got == RECORDS_END) {
			push_reader_close(f->reader);
			f->reader = NULL;
			f->file++;
		}
	}
	return 0;
}

/* 1: *request is a batch; 0: there are no records any more; -1. */
static int
next_batch(struct push_feed *f, struct rsp_error *e)
{
	size_t bytes = 0;
	int rc = 1;

	empty_batch(f);
	while (f->batch.n_records < BATCH_RECORDS && bytes < BATCH_BYTES) {
		Resopro__V1__SyncRecord *r;

		if ((rc = next_record(f, &r, e)) <= 0)
			break;
		f->list[f->batch.n_records++] = r;
		bytes += protobuf_c_message_get_packed_size(&r->base);
	}
	if (rc < 0)
		return -1;
	f->records += (uint32_t)f->batch.n_records;
	f->request.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_BATCH;
	f->request.batch = &f->batch;
	return f->batch.n_records > 0;
}

/* Without its end a set changes nothing. */
static int
check_unchanged(const struct push_feed *f, struct rsp_error *e)
{
	if (f->records == f->check->origins.n)
		return 0;
	return fault(e, RSP_ERR_CONFIG,
	    _("leave the files alone while they are sent, and push again"),
	    _("the files changed: %zu records when they were checked, %u now"),
	    f->check->origins.n, f->records);
}

static int
next_of_files(struct push_feed *f, struct rsp_error *e)
{
	int rc;

	resopro__v1__sync_request__init(&f->request);
	if (f->step == STEP_START) {
		f->request.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_START;
		f->request.start = &f->start;
		f->step = STEP_RECORDS;
		return 1;
	}
	if (f->step == STEP_RECORDS) {
		if ((rc = next_batch(f, e)) != 0)
			return rc;
		f->step = STEP_END;
	}
	if (f->step == STEP_OVER)
		return 0;
	if (check_unchanged(f, e) != 0)
		return -1;
	resopro__v1__sync_end__init(&f->end);
	f->end.records = f->records;
	f->request.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_END;
	f->request.end = &f->end;
	f->step = STEP_OVER;
	return 1;
}

/* ---- a spool ------------------------------------------------------------- */

struct push_feed *
push_feed_spooled(FILE *file)
{
	struct push_feed *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->spooled = file;
	f->from = ftell(file);
	return f;
}

static int
damaged(struct rsp_error *e)
{
	return fault(e, RSP_ERR_CONFIG,
	    _("drop it (resopro spool drop) and push the files again"), "%s",
	    _("the spooled set is damaged"));
}

/* 1: `len` bytes are in f->bytes; 0: the end; -1. */
static int
read_message(struct push_feed *f, size_t *len, struct rsp_error *e)
{
	uint8_t head[4], *grown;

	if (fread(head, 1, sizeof head, f->spooled) != sizeof head)
		return damaged(e);
	*len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
	       (size_t)head[2] << 8 | head[3];
	if (*len == 0)
		return 0;
	if (*len > MESSAGE_MAX)
		return damaged(e);
	if (*len > f->room) {
		if ((grown = realloc(f->bytes, *len)) == NULL)
			return fault(e, RSP_ERR_NOMEM, "", "%s",
			    _("out of memory"));
		f->bytes = grown;
		f->room = *len;
	}
	return fread(f->bytes, 1, *len, f->spooled) == *len ? 1 : damaged(e);
}

static void
free_unpacked(struct push_feed *f)
{
	if (f->unpacked != NULL)
		protobuf_c_message_free_unpacked(&f->unpacked->base, NULL);
	f->unpacked = NULL;
}

static int
next_of_spool(struct push_feed *f, struct rsp_error *e)
{
	size_t len = 0;
	int rc;

	free_unpacked(f);
	if ((rc = read_message(f, &len, e)) <= 0)
		return rc;
	f->unpacked = (Resopro__V1__SyncRequest *)
	    protobuf_c_message_unpack(&resopro__v1__sync_request__descriptor,
		NULL, len, f->bytes);
	if (f->unpacked == NULL)
		return damaged(e);
	if (f->unpacked->step_case == RESOPRO__V1__SYNC_REQUEST__STEP_BATCH)
		f->records += (uint32_t)f->unpacked->batch->n_records;
	return 1;
}

/* ---- both ---------------------------------------------------------------- */

int
push_feed_next(struct push_feed *f, const Resopro__V1__SyncRequest **request,
    struct rsp_error *e)
{
	int rc = f->spooled != NULL ? next_of_spool(f, e) : next_of_files(f, e);

	*request = f->spooled != NULL ? f->unpacked : &f->request;
	return rc;
}

uint32_t
push_feed_records(const struct push_feed *f)
{
	return f->records;
}

void
push_feed_rewind(struct push_feed *f)
{
	f->records = 0;
	f->step = STEP_START;
	f->file = f->left_out = 0;
	push_reader_close(f->reader);
	f->reader = NULL;
	if (f->spooled != NULL)
		(void)fseek(f->spooled, f->from, SEEK_SET);
}

void
push_feed_free(struct push_feed *f)
{
	if (f == NULL)
		return;
	empty_batch(f);
	push_reader_close(f->reader);
	free_unpacked(f);
	free(f->bytes);
	free(f);
}
