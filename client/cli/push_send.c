#include "push_send.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "fault.h"
#include "i18n.h"
#include "push_stream.h"

enum {
	ATTEMPTS = 3,
	FIRST_PAUSE_MS = 500,
	PAUSE_MAX_MS = 30000,
};

/* ---- attempts ------------------------------------------------------------ */

/* The request id makes a repetition safe; that it is of use is another thing. */
static bool
may_repeat(const struct rsp_error *e)
{
	switch (e->code) {
	case RSP_UNAVAILABLE:
	case RSP_UNCERTAIN:
		return true;
	case RSP_RESOURCE_EXHAUSTED:
		return e->retry_after_ms > 0;
	case RSP_ABORTED:
		return strcmp(e->reason, "SYNC_MOVED") == 0;
	default:
		return false;
	}
}

/* False: interrupted meanwhile. */
static bool
pause_for(struct cli *cli, uint32_t ms)
{
	struct pollfd fd = { .fd = cli->interrupt_fd, .events = POLLIN };

	while (poll(&fd, 1, (int)ms) < 0 && errno == EINTR)
		if (cli_interrupted(cli))
			return false;
	return !cli_interrupted(cli);
}

static uint32_t
pause_ms(const struct rsp_error *e, unsigned attempt)
{
	uint32_t ms = (uint32_t)FIRST_PAUSE_MS << attempt, jitter;

	if (e->retry_after_ms > ms)
		ms = e->retry_after_ms;
	if (ms > PAUSE_MAX_MS)
		ms = PAUSE_MAX_MS;
	/* Two members that were cut off together do not come back together. */
	if (getrandom(&jitter, sizeof jitter, 0) != (ssize_t)sizeof jitter)
		jitter = 0;
	return ms + jitter % (FIRST_PAUSE_MS / 2);
}

/* A set that nobody has decided on: later it may be taken. */
static bool
is_for_later(const struct rsp_error *e)
{
	return may_repeat(e) || e->code == RSP_DEADLINE_EXCEEDED;
}

/* It is not the set that is at fault: the next one would fare no better. */
static bool
is_ours_to_mend(const struct rsp_error *e)
{
	switch (e->code) {
	case RSP_CANCELLED:
	case RSP_UNAUTHENTICATED:
	case RSP_UNIMPLEMENTED:
	case RSP_INTERNAL:
	case RSP_UNKNOWN:
	case RSP_DATA_LOSS:
	case RSP_RESOURCE_EXHAUSTED:
	case RSP_ERR_TLS:
	case RSP_ERR_NOMEM:
		return true;
	default:
		return false;
	}
}

static int
send_repeatedly(struct push_stream *stream, struct rsp_client *client,
    struct rsp_error *e)
{
	for (unsigned attempt = 0;; attempt++) {
		if (push_stream_run(stream, client, e) == 0)
			return 0;
		if (!may_repeat(e) || attempt + 1 == ATTEMPTS)
			return -1;
		cli_say(stream->cli, _("%s; trying again"), e->msg);
		if (!pause_for(stream->cli, pause_ms(e, attempt)))
			return -1;
		plan_again(stream->plan);
	}
}

/* The server's refusal, in the words of the command line. */
static int
tell_refusal(struct cli *cli, const struct plan *p, const struct rsp_error *e)
{
	uint32_t n = p->counts[RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_RETIRE];
	char remedy[200];

	if (strcmp(e->reason, "RETIRE_GUARD") == 0 && n > 0) {
		snprintf(remedy, sizeof remedy,
		    _("Check that the files are whole. If they are, push "
		      "again with --confirm-retire %u."),
		    n);
		return cli_fail(cli, EXIT_INVALID, remedy, "%s", e->msg);
	}
	if (strcmp(e->reason, "SYNC_REFUSED") == 0)
		return cli_fail(cli, EXIT_INVALID,
		    _("Correct the records marked \"!\" above, or add "
		      "--accept-valid to apply the others."),
		    "%s", e->msg);
	return cli_error(cli, e, NULL);
}

enum push_sent
push_send(struct cli *cli, struct push_feed *feed, uint32_t total,
    struct plan *plan, uint32_t skipped, int *code, struct rsp_error *e)
{
	struct push_stream stream = { .cli = cli,
		.feed = feed,
		.total = total,
		.plan = plan };
	enum push_sent sent = PUSH_SENT;

	if (send_repeatedly(&stream, cli_client(cli), e) == 0) {
		*code = plan_close(plan, stream.result, skipped);
	} else {
		plan_close(plan, NULL, 0);
		if (is_for_later(e) && !cli_interrupted(cli))
			sent = PUSH_LATER;
		else
			sent = is_ours_to_mend(e) || cli_interrupted(cli)
				   ? PUSH_STUCK
				   : PUSH_REFUSED;
		*code = sent == PUSH_LATER ? (int)cli_exit_code(e)
					   : tell_refusal(cli, plan, e);
	}
	push_stream_free(&stream);
	return sent;
}

/* ---- the spool -------------------------------------------------------------- */

static void
say_which(struct cli *cli, const struct spool_set *x)
{
	char day[20];
	time_t t = (time_t)x->created;
	struct tm tm;

	strftime(day, sizeof day, "%Y-%m-%d %H:%M", localtime_r(&t, &tm));
	cli_say(cli,
	    i18n_plural("sending the set kept on %s: %u record of %s",
		"sending the set kept on %s: %u records of %s", x->records),
	    day, x->records, x->source);
}

/* The words of an error on one line. */
static int
set_aside(struct spool *s, const struct spool_set *x, const struct rsp_error *e)
{
	char why[sizeof e->msg + sizeof e->remedy + 4];

	snprintf(why, sizeof why, "%s%s%s", e->msg,
	    *e->remedy == '\0' ? "" : ". ", e->remedy);
	for (char *p = why; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	cli_warn(s->cli, _("the set %s is set aside (resopro spool list)"),
	    x->name);
	return spool_set_aside(s, x, why);
}

enum push_sent
push_send_spooled(struct spool *s, const struct spool_set *x, int *code,
    struct rsp_error *e)
{
	/* What this run was asked for is alone on its output. */
	struct cli beside = *s->cli;
	struct origins none = { 0 };
	struct push_files no_files = { 0 };
	Resopro__V1__SyncStart start;
	struct push_feed *feed;
	struct plan plan;
	enum push_sent sent = PUSH_REFUSED;
	FILE *file = spool_read(s, x, e);

	resopro__v1__sync_start__init(&start);
	beside.out = s->cli->err;
	beside.tty_out = s->cli->tty_err;
	beside.colour_out = s->cli->colour_err;
	beside.format = FORMAT_TABLE;
	if (file == NULL) {
		*code = cli_error(s->cli, e, NULL);
		return set_aside(s, x, e) == 0 ? PUSH_REFUSED : PUSH_STUCK;
	}
	say_which(s->cli, x);
	plan_open(&plan, &beside, &none, &no_files, &start);
	feed = push_feed_spooled(file);
	if (feed != NULL)
		sent = push_send(&beside, feed, x->records, &plan, 0, code, e);
	push_feed_free(feed);
	fclose(file);
	if (sent == PUSH_SENT && spool_remove(s, x) != 0)
		*code = EXIT_INTERNAL;
	if (sent == PUSH_REFUSED && set_aside(s, x, e) != 0)
		return PUSH_STUCK;
	return sent;
}

enum push_sent
push_send_waiting(struct spool *s, int *code, struct rsp_error *e)
{
	struct spool_set *list;
	size_t n;
	enum push_sent sent = PUSH_SENT;
	bool refused = false;

	*code = spool_list(s, &list, &n);
	if (*code != 0)
		return PUSH_STUCK;
	for (size_t i = 0; i < n; i++) {
		if (list[i].aside || !spool_is_ours(s, &list[i]))
			continue;
		if (spool_is_stale(&list[i])) {
			fault(e, RSP_ERR_CONFIG,
			    _("send it by resopro spool send, or drop it"),
			    "%s",
			    _("too old to be sent without being asked for"));
			sent = set_aside(s, &list[i], e) == 0 ? PUSH_REFUSED
							      : PUSH_STUCK;
		} else {
			sent = push_send_spooled(s, &list[i], code, e);
		}
		refused |= sent == PUSH_REFUSED;
		if (sent == PUSH_LATER || sent == PUSH_STUCK)
			break;
	}
	free(list);
	if (sent == PUSH_LATER || sent == PUSH_STUCK)
		return sent;
	if (refused)
		*code = EXIT_PARTIAL;
	return PUSH_SENT;
}
