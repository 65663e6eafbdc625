/* pull.c - see pull.h.  A watch, written down: the first time after a snapshot,
 * then from the revision that the mirror has.  A commit of the register is never
 * seen in part; several are written at once while they come faster. */
#include "pull.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <resopro/v1/admin.pb-c.h>

#include "fault.h"
#include "json.h"

enum {
	ATTEMPTS = 4, /* without progress, unless it follows */
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000,
	CHANGE_EVENTS = 5000, /* a change of the mirror has about so many, */
	CHANGE_MS = 500,      /* or waits so long while more come */
	FILES_MS = 1000,      /* files are that old at most, */
	FILES_SHARE = 20, /* or as old as writing them takes so many times */
	PROGRESS_MS = 200
};

/* How one stream ended. */
enum how {
	PULL_DONE,        /* all that was wanted is in the mirror */
	PULL_LOST,        /* *e says how; another one may go on */
	PULL_BEHIND,      /* the register no longer has what follows */
	PULL_INTERRUPTED, /* a signal */
	PULL_FAILED,      /* *e is of this side: the mirror, memory */
	PULL_REFUSED      /* *e, for good */
};

struct run { /* of one pull() */
	struct pull *p;
	struct rsp_error e;
	uint64_t until;   /* this revision ends it; 0: none does */
	bool snapshot;    /* the stream begins with one */
	bool in_snapshot; /* and has not finished it */
	bool partial;     /* more of the last commit is to come */
	unsigned events;  /* in the open change; 0: none is open */
	uint64_t reached; /* by it */
	int64_t began;    /* the change */
	int64_t files_at; /* they may be written again */
	int64_t shown;    /* the progress */
	uintmax_t come;   /* records, for the progress */
	unsigned wait_ms, attempts;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what the person sees ---------------------------------------------------- */

static bool
shows_progress(const struct run *r)
{
	return r->p->cli->tty_err && !r->p->cli->quiet;
}

static void
progress(struct run *r)
{
	int64_t now = now_ms();

	if (!shows_progress(r) || now < r->shown + PROGRESS_MS)
		return;
	r->shown = now;
	fputc('\r', r->p->cli->err);
	fprintf(r->p->cli->err, _("%ju records received"), r->come);
	fflush(r->p->cli->err);
}

static void
progress_end(struct run *r)
{
	if (shows_progress(r) && r->shown > 0)
		fputs("\r\033[K", r->p->cli->err);
	r->shown = 0;
}

/* ---- changes ------------------------------------------------------------------ */

/* Deleted, or given to another owner. */
static bool
is_gone(const struct pull *p, const Resopro__V1__Record *r)
{
	return r->deleted || (*p->request.owner != '\0' &&
				 strcmp(r->owner, p->request.owner) != 0);
}

static int
take_record(struct run *r, const Resopro__V1__Record *record)
{
	struct pull *p = r->p;

	r->come++;
	if (is_gone(p, record)) {
		p->removed++;
		return mirror_remove(p->mirror, record, &r->e);
	}
	p->changed++;
	return mirror_put(p->mirror, record, &r->e);
}

static int
take_events(struct run *r, const Resopro__V1__WatchResponse *m)
{
	for (size_t i = 0; i < m->n_events; i++) {
		const Resopro__V1__Record *record = m->events[i]->record;

		if (record == NULL)
			continue;
		if (take_record(r, record) != 0)
			return -1;
		r->partial = r->partial || record->revision > m->revision;
	}
	return 0;
}

static int
open_change(struct run *r)
{
	if (r->events > 0)
		return 0;
	if (mirror_begin(r->p->mirror, &r->e) != 0 ||
	    (r->in_snapshot && mirror_clear(r->p->mirror, &r->e) != 0))
		return -1;
	r->began = now_ms();
	return 0;
}

static int
take(struct run *r, const Resopro__V1__WatchResponse *m)
{
	if (open_change(r) != 0)
		return -1;
	r->events += 1 + (unsigned)m->n_events;
	r->partial = false;
	if (take_events(r, m) != 0)
		return -1;
	if (!m->snapshot_pending)
		r->reached = m->revision;
	if (m->snapshot_done)
		r->in_snapshot = false;
	progress(r);
	return 0;
}

/* The open change may be seen: it is whole commits. */
static bool
is_whole(const struct run *r)
{
	return r->events > 0 && !r->partial && !r->in_snapshot;
}

static int
commit(struct run *r)
{
	struct pull *p = r->p;
	bool news = r->reached != mirror_revision(p->mirror) || r->snapshot;

	if (!is_whole(r))
		return 0;
	r->events = 0;
	if (!news) { /* a mark of what is known */
		mirror_drop(p->mirror);
		return 0;
	}
	if (mirror_commit(p->mirror, r->reached, p->filter, &r->e) != 0)
		return -1;
	p->anew = p->anew || r->snapshot;
	r->snapshot = false;
	r->wait_ms = BACKOFF_MS;
	r->attempts = 0;
	return 0;
}

static void
drop(struct run *r)
{
	mirror_drop(r->p->mirror);
	r->events = 0;
	r->partial = false;
}

/* ---- files --------------------------------------------------------------------- */

/* How long the stream may be waited for before files are due; -1: for ever. */
static int
until_files(const struct run *r)
{
	int64_t left;

	if (!mirror_files_are_old(r->p->mirror))
		return -1;
	left = r->files_at - now_ms();
	return left > 0 ? (int)left : 0;
}

/* They take a twentieth of the time at most, however large they are. */
static int
write_files(struct run *r)
{
	int64_t began = now_ms(), took;

	if (mirror_write_files(r->p->mirror, &r->e) != 0)
		return -1;
	took = now_ms() - began;
	r->files_at =
	    now_ms() +
	    (took * FILES_SHARE > FILES_MS ? took * FILES_SHARE : FILES_MS);
	return 0;
}

/* ---- the stream ------------------------------------------------------------------ */

static bool
is_reached(const struct run *r)
{
	return r->until > 0 && is_whole(r) && r->reached >= r->until;
}

static enum how
lost(struct run *r)
{
	if (cli_interrupted(r->p->cli))
		return PULL_INTERRUPTED;
	if (r->e.code == RSP_OUT_OF_RANGE)
		return PULL_BEHIND;
	if (r->e.code == RSP_UNAVAILABLE || r->e.code == RSP_CANCELLED ||
	    r->e.code == RSP_RESOURCE_EXHAUSTED ||
	    r->e.code == RSP_DEADLINE_EXCEEDED)
		return PULL_LOST;
	return PULL_REFUSED;
}

/* One message, or none in time; PULL_DONE: go on. */
static enum how
receive(struct run *r, struct rsp_stream *s, int timeout_ms, bool *got)
{
	ProtobufCMessage *m;
	enum rsp_received how = rsp_stream_recv(s, timeout_ms, &m, &r->e);
	int rc;

	*got = how == RSP_RECV_MESSAGE;
	if (how == RSP_RECV_TIMEOUT)
		return PULL_DONE;
	if (how == RSP_RECV_END) {
		fault(&r->e, RSP_UNAVAILABLE, NULL, "%s",
		    _("the server ended the call"));
		return PULL_LOST;
	}
	if (how == RSP_RECV_ERROR)
		return lost(r);
	rc = take(r, (Resopro__V1__WatchResponse *)m);
	rsp_message_free(m);
	return rc == 0 ? PULL_DONE : PULL_FAILED;
}

/* What has come is written when no more comes at once, or enough has. */
static bool
is_due(const struct run *r, bool got)
{
	return is_whole(r) && (!got || r->events >= CHANGE_EVENTS ||
				  now_ms() - r->began >= CHANGE_MS);
}

static enum how
read_stream(struct run *r, struct rsp_stream *s)
{
	for (;;) {
		bool got;
		enum how how =
		    receive(r, s, is_whole(r) ? 0 : until_files(r), &got);

		if (how != PULL_DONE) {
			/* What was whole is kept. */
			if (how != PULL_FAILED && commit(r) != 0)
				how = PULL_FAILED;
			return how;
		}
		if (is_reached(r))
			return commit(r) == 0 ? PULL_DONE : PULL_FAILED;
		if (is_due(r, got) && commit(r) != 0)
			return PULL_FAILED;
		if (r->events == 0 && until_files(r) == 0 &&
		    write_files(r) != 0)
			return PULL_FAILED;
	}
}

static enum how
follow(struct run *r)
{
	struct pull *p = r->p;
	struct rsp_stream *s;
	enum how how;

	r->snapshot = r->snapshot || mirror_revision(p->mirror) == 0;
	r->in_snapshot = r->snapshot;
	p->request.snapshot = r->snapshot;
	p->request.from_revision =
	    r->snapshot ? 0 : mirror_revision(p->mirror) + 1;
	p->request.progress_seconds = p->follow ? 0 : 1;
	r->come = 0;
	s = rsp_stream_open(p->cli->client, &rsp_registry_watch,
	    RSP_DEADLINE_NONE, &r->e);
	if (s == NULL)
		return lost(r);
	if (rsp_stream_send(s, &p->request.base, &r->e) == RSP_SEND_ERROR)
		how = lost(r);
	else
		how = read_stream(r, s);
	rsp_stream_close(s);
	drop(r);
	progress_end(r);
	return how;
}

/* ---- before it ----------------------------------------------------------------- */

/* PULL_DONE: it has been answered. */
static enum how
ask(struct run *r, const struct rsp_method *method,
    const ProtobufCMessage *request, ProtobufCMessage **answer)
{
	if (rsp_call(r->p->cli->client, method, request, answer,
		r->p->cli->deadline_ms, &r->e) == 0)
		return PULL_DONE;
	return lost(r);
}

static bool
is_same(const struct mirror_record *mine, const Resopro__V1__Record *theirs)
{
	const ProtobufCFieldDescriptor *f;
	char *when;
	bool same;

	if (theirs == NULL || theirs->revision != mine->revision)
		return false;
	f = protobuf_c_message_descriptor_get_field_by_name(theirs->base
								.descriptor,
	    "updated_at");
	when = json_field_text(&theirs->base, f, "");
	same = when != NULL && strcmp(when, mine->updated_at) == 0;
	free(when);
	return same;
}

/* Is it the register that was mirrored?  One that was restored from a backup
 * may have come as far again, another way. */
static enum how
check_history(struct run *r)
{
	Resopro__V1__GetRequest request;
	Resopro__V1__AsOf as_of;
	struct mirror_record mine;
	ProtobufCMessage *answer;
	enum how how;

	if (mirror_newest(r->p->mirror, &mine, &r->e) != 0)
		return PULL_FAILED;
	if (mine.kind == RESOPRO__V1__KIND__KIND_UNSPECIFIED)
		return PULL_DONE;
	resopro__v1__get_request__init(&request);
	resopro__v1__as_of__init(&as_of);
	as_of.revision = mirror_revision(r->p->mirror);
	request.as_of = &as_of;
	request.kind = mine.kind;
	request.id = mine.id;
	how = ask(r, &rsp_registry_get, &request.base, &answer);
	if (r->e.code == RSP_NOT_FOUND)
		return PULL_BEHIND;
	if (how == PULL_DONE) {
		if (!is_same(&mine,
			((Resopro__V1__GetResponse *)answer)->record))
			how = PULL_BEHIND;
		rsp_message_free(answer);
	} else if (r->e.code == RSP_PERMISSION_DENIED) {
		how = PULL_DONE; /* the watch will say what may be read */
	}
	return how;
}

/* Where a pull that does not follow ends: where the register is now. */
static enum how
find_end(struct run *r)
{
	Resopro__V1__WhoAmIRequest request;
	ProtobufCMessage *answer;
	enum how how;

	resopro__v1__who_am_irequest__init(&request);
	how = ask(r, &rsp_admin_who_am_i, &request.base, &answer);
	if (how != PULL_DONE)
		return how;
	r->until = ((Resopro__V1__WhoAmIResponse *)answer)->revision;
	rsp_message_free(answer);
	return how;
}

static bool
is_there_already(const struct run *r)
{
	return !r->p->follow && !r->snapshot &&
	       mirror_revision(r->p->mirror) == r->until;
}

static enum how
attempt(struct run *r)
{
	enum how how = PULL_DONE;

	r->e = (struct rsp_error){ 0 };
	if (mirror_revision(r->p->mirror) > 0 && !r->snapshot)
		how = check_history(r);
	if (how == PULL_DONE && !r->p->follow)
		how = find_end(r);
	if (how != PULL_DONE || is_there_already(r))
		return how;
	return follow(r);
}

/* ---- as a whole ------------------------------------------------------------------ */

/* False when interrupted meanwhile. */
static bool
pause_before_next(struct run *r)
{
	struct pollfd p = { .fd = r->p->cli->interrupt_fd, .events = POLLIN };

	if (poll(&p, 1, (int)r->wait_ms) != 0)
		return false;
	r->wait_ms *= 2;
	if (r->wait_ms > BACKOFF_MAX_MS)
		r->wait_ms = BACKOFF_MAX_MS;
	return true;
}

static int
tell_failure(struct run *r)
{
	const struct rsp_error *e = &r->e;

	/* Of this side: the words are ours, and say what to do. */
	return cli_fail(r->p->cli,
	    e->code == RSP_UNAVAILABLE ? EXIT_UNAVAILABLE : EXIT_INTERNAL,
	    e->remedy, "%s", e->msg);
}

/* Files that are behind are brought up, whatever ended the pull. */
static int
finish(struct run *r, int code)
{
	if (mirror_revision(r->p->mirror) == 0 || write_files(r) == 0)
		return code;
	return tell_failure(r);
}

/* Another attempt; or *code. */
static bool
goes_on(struct run *r, enum how how, int *code)
{
	struct pull *p = r->p;

	switch (how) {
	case PULL_BEHIND:
		if (r->snapshot) { /* it was asked for all: that is no answer */
			*code = cli_error(p->cli, &r->e, NULL);
			return false;
		}
		cli_say(p->cli,
		    _("the register no longer has what follows revision %ju; "
		      "starting over"),
		    (uintmax_t)mirror_revision(p->mirror));
		r->snapshot = true;
		return true;
	case PULL_LOST:
		/* One that follows has been let in before: it waits. */
		if ((!p->follow || mirror_revision(p->mirror) == 0) &&
		    ++r->attempts >= ATTEMPTS)
			break;
		if (p->follow)
			cli_say(p->cli, _("%s; going on after revision %ju"),
			    r->e.msg, (uintmax_t)mirror_revision(p->mirror));
		if (pause_before_next(r))
			return true;
		*code = p->follow ? EXIT_OK : EXIT_INTERRUPTED;
		return false;
	case PULL_INTERRUPTED:
		*code = p->follow ? EXIT_OK : EXIT_INTERRUPTED;
		return false;
	case PULL_FAILED:
		*code = tell_failure(r);
		return false;
	case PULL_DONE:
		*code = EXIT_OK;
		return false;
	case PULL_REFUSED:
		break;
	}
	*code = cli_error(p->cli, &r->e, NULL);
	return false;
}

int
pull(struct pull *p)
{
	struct run r = { .p = p, .wait_ms = BACKOFF_MS };
	int code = EXIT_OK;

	/* Of something else than what it mirrors: all of it anew. */
	r.snapshot = mirror_revision(p->mirror) > 0 &&
		     strcmp(mirror_filter(p->mirror), p->filter) != 0;
	while (goes_on(&r, attempt(&r), &code))
		;
	return finish(&r, code);
}
