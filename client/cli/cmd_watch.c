/* cmd_watch.c - resopro watch: each change once, in order, until told to stop. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "dates.h"
#include "json.h"
#include "kinds.h"
#include "opts.h"
#include "output.h"
#include "term.h"

#include <resopro/v1/admin.pb-c.h>

enum {
	KINDS_MAX = 8,
	BACKOFF_MS = 500, /* before the first reconnection */
	BACKOFF_MAX_MS = 30000
};

static const struct opt opts[] = {
	{ .name = "from",
	    .arg = "REVISION",
	    .help = N_("start at this revision; default: the next change") },
	{ .name = "snapshot",
	    .help = N_("first every record as it is, then what follows") },
	{ .name = "until",
	    .arg = "REVISION|now",
	    .help = N_("end once everything up to there has been shown") },
	{ .name = "count", .arg = "N", .help = N_("end after N events") },
	{ .name = "owner",
	    .arg = "ID",
	    .help = N_("only records that this organisation owns") },
	{ .name = "freshness",
	    .help = N_("also show when a record becomes due or stale") },
	{ .name = "freshness-after",
	    .arg = "DAY",
	    .help = N_("first what did so after this day") },
	{ .name = "no-reconnect",
	    .help =
		N_("end when the connection is lost, instead of resuming") },
	{ 0 }
};

struct watch {
	struct cli *cli;
	Resopro__V1__WatchRequest request;
	Resopro__V1__Kind kinds[KINDS_MAX];
	uint64_t last;        /* everything up to here was shown */
	uint64_t until, left; /* 0: no limit; events still wanted */
	char fresh_day[16];   /* freshness was told up to this day */
	bool headed;          /* the csv heading is out */
	bool snapshot_done;   /* or none was asked for */
	unsigned wait_ms;     /* before the next reconnection */
};

/* ---- printing ----------------------------------------------------------------- */

static enum colour
colour_of(Resopro__V1__ChangeType type)
{
	static const enum colour colours[] = { COLOUR_NONE, COLOUR_GOOD,
		COLOUR_CHANGE, COLOUR_BAD, COLOUR_CHANGE };

	return (unsigned)type < 5 ? colours[type] : COLOUR_NONE;
}

static const char *
type_name(const Resopro__V1__WatchEvent *e, char buf[48])
{
	if (e->type == RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_UNSPECIFIED)
		return "present"; /* in a snapshot */
	if (e->type == RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_FRESHNESS &&
	    e->record != NULL)
		return json_enum_short(&resopro__v1__freshness__descriptor,
		    (int)e->record->freshness, buf);
	return json_enum_short(&resopro__v1__change_type__descriptor,
	    (int)e->type, buf);
}

static void
show_event(struct cli *cli, const Resopro__V1__WatchResponse *r,
    const Resopro__V1__WatchEvent *e)
{
	char when[DATES_TEXT] = "", type[48], kind[48];
	const Resopro__V1__Record *record = e->record;

	if (r->time != NULL)
		dates_show(r->time->seconds, when);
	fprintf(cli->out, "%ju  %s%s", (uintmax_t)r->revision, when,
	    *when != '\0' ? "  " : "");
	fprintf(cli->out, "%s%-8s%s",
	    term_start(cli->colour_out, colour_of(e->type)), type_name(e, type),
	    term_end(cli->colour_out, colour_of(e->type)));
	fprintf(cli->out, "  %s ", kinds_name(record->kind, kind));
	term_print(cli->out, false, COLOUR_NONE, record->id);
	fputs("  ", cli->out);
	term_print(cli->out, false, COLOUR_NONE, kinds_record_name(record));
	if (*r->actor != '\0') {
		fputs("  ", cli->out);
		term_print(cli->out, cli->colour_out, COLOUR_DIM, r->actor);
	}
	putc('\n', cli->out);
}

static void
csv_event(struct watch *w, const Resopro__V1__WatchResponse *r,
    const Resopro__V1__WatchEvent *e)
{
	FILE *out = w->cli->out;
	char type[48], kind[48], *time;

	if (!w->headed)
		fputs("revision,time,actor,type,kind,id,version,name\n", out);
	w->headed = true;
	time = output_path(&r->base, "time");
	fprintf(out, "%ju,%s,", (uintmax_t)r->revision, time);
	output_csv_cell(out, r->actor);
	fprintf(out, ",%s,%s,", type_name(e, type),
	    kinds_name(e->record->kind, kind));
	output_csv_cell(out, e->record->id);
	fprintf(out, ",%ju,", (uintmax_t)e->record->version);
	output_csv_cell(out, kinds_record_name(e->record));
	putc('\n', out);
	free(time);
}

/* Print one message; EXIT_OK or EXIT_INTERNAL. */
static int
print(struct watch *w, const Resopro__V1__WatchResponse *r)
{
	struct cli *cli = w->cli;
	size_t i;

	if (cli->format == FORMAT_JSON || cli->format == FORMAT_JSONL) {
		/* Marks too: a reader keeps their revision to resume from. */
		json_write(cli->out, &r->base, -1);
		putc('\n', cli->out);
	} else {
		for (i = 0; i < r->n_events; i++) {
			if (r->events[i]->record == NULL)
				continue;
			if (cli->format == FORMAT_CSV)
				csv_event(w, r, r->events[i]);
			else
				show_event(cli, r, r->events[i]);
		}
	}
	return output_done(cli, EXIT_OK);
}

/* ---- following ---------------------------------------------------------------- */

/* Note one message; true when it was the last that is wanted. */
static bool
take(struct watch *w, const Resopro__V1__WatchResponse *r)
{
	if (!r->snapshot_pending)
		w->last = r->revision;
	if (r->snapshot_done)
		w->snapshot_done = true;
	if (*r->freshness_day != '\0')
		snprintf(w->fresh_day, sizeof w->fresh_day, "%s",
		    r->freshness_day);
	w->wait_ms = BACKOFF_MS;
	if (w->left > 0) {
		w->left -= r->n_events < w->left ? r->n_events : w->left;
		if (w->left == 0)
			return true;
	}
	return w->until > 0 && !r->snapshot_pending && w->last >= w->until;
}

/* Read one stream.  0 done, 1 interrupted, 2 *e says how it ended, 3 the
 * output cannot be written. */
static int
follow(struct watch *w, struct rsp_stream *s, struct rsp_error *e)
{
	ProtobufCMessage *message;

	for (;;) {
		enum rsp_received got = rsp_stream_recv(s, -1, &message, e);
		bool last;
		int code;

		if (got == RSP_RECV_END) {
			e->code = RSP_UNAVAILABLE;
			return 2;
		}
		if (got != RSP_RECV_MESSAGE)
			return cli_interrupted(w->cli) ? 1 : 2;
		code = print(w, (Resopro__V1__WatchResponse *)message);
		last = take(w, (Resopro__V1__WatchResponse *)message);
		rsp_message_free(message);
		if (code != 0)
			return 3;
		if (last)
			return 0;
	}
}

static int
open_and_follow(struct watch *w, struct rsp_error *e)
{
	struct rsp_client *client = cli_client(w->cli);
	struct rsp_stream *s = rsp_stream_open(client, &rsp_registry_watch,
	    w->cli->deadline_ms, e);
	int how = 2;

	if (s != NULL &&
	    rsp_stream_send(s, &w->request.base, e) != RSP_SEND_ERROR)
		how = follow(w, s, e);
	if (how == 2 && cli_interrupted(w->cli))
		how = 1;
	rsp_stream_close(s);
	return how;
}

/* Wait before a reconnection; false when interrupted. */
static bool
pause_watch(struct watch *w)
{
	struct pollfd p = { .fd = w->cli->interrupt_fd, .events = POLLIN };

	if (poll(&p, 1, (int)w->wait_ms) != 0)
		return false;
	w->wait_ms =
	    w->wait_ms * 2 < BACKOFF_MAX_MS ? w->wait_ms * 2 : BACKOFF_MAX_MS;
	return true;
}

/* The next attempt goes on where this one stopped. */
static void
resume(struct watch *w)
{
	if (!w->snapshot_done || w->last == 0)
		return; /* a snapshot starts over */
	w->request.snapshot = 0;
	w->request.from_revision = w->last + 1;
	w->request.freshness_after = w->fresh_day;
}

static int
watch(struct watch *w)
{
	for (;;) {
		struct rsp_error e = { 0 };
		int how = open_and_follow(w, &e);

		if (how == 3)
			return EXIT_INTERNAL;
		if (how == 2 && (e.code != RSP_UNAVAILABLE || w->last == 0 ||
				    args_has(w->cli->args, "no-reconnect")))
			return cli_error(w->cli, &e, NULL);
		if (how == 2) {
			resume(w);
			cli_say(w->cli,
			    _("connection lost; resuming after revision %ju"),
			    (uintmax_t)w->last);
			if (pause_watch(w))
				continue;
			how = 1;
		}
		if (how == 1 && w->last > 0 && w->fresh_day[0] != '\0')
			cli_say(w->cli,
			    _("resume with --from %ju --freshness-after %s"),
			    (uintmax_t)w->last + 1, w->fresh_day);
		else if (how == 1 && w->last > 0)
			cli_say(w->cli, _("resume with --from %ju"),
			    (uintmax_t)w->last + 1);
		return EXIT_OK;
	}
}

/* ---- the command line --------------------------------------------------------- */

static int
head_revision(struct cli *cli, uint64_t *revision)
{
	Resopro__V1__WhoAmIRequest request;
	ProtobufCMessage *message;
	int code;

	resopro__v1__who_am_irequest__init(&request);
	code = cli_call(cli, &rsp_admin_who_am_i, &request.base, &message);
	if (code != 0)
		return code;
	*revision = ((Resopro__V1__WhoAmIResponse *)message)->revision;
	rsp_message_free(message);
	return 0;
}

static int
read_freshness(struct watch *w, const struct args *args)
{
	const char *after = args_get(args, "freshness-after");

	w->request.freshness = args_has(args, "freshness") || after != NULL;
	if (w->request.freshness && args_get(args, "until") != NULL)
		return cli_usage(w->cli, "%s",
		    _("--freshness and --until exclude each other"));
	if (after != NULL && cli_date(w->cli, "--freshness-after", after) != 0)
		return EXIT_USAGE;
	w->request.freshness_after = cli_field(after);
	return 0;
}

static int
read_options(struct watch *w, const struct args *args)
{
	struct cli *cli = w->cli;
	const char *from = args_get(args, "from");
	const char *until = args_get(args, "until");
	const char *count = args_get(args, "count");
	size_t i;
	int code;

	if (args_has(args, "snapshot") && from != NULL)
		return cli_usage(cli, "%s",
		    _("--from and --snapshot exclude each other"));
	if ((code = read_freshness(w, args)) != 0)
		return code;
	if ((from != NULL && cli_number(cli, "--from", from, 1, UINT64_MAX,
				 &w->request.from_revision) != 0) ||
	    (count != NULL && cli_number(cli, "--count", count, 1, UINT64_MAX,
				  &w->left) != 0))
		return EXIT_USAGE;
	for (i = 0; i < args_count(args) && i < KINDS_MAX; i++)
		if (cli_kind(cli, args_operand(args, i), &w->kinds[i]) != 0)
			return EXIT_USAGE;
	w->request.kinds = w->kinds;
	w->request.n_kinds = i;
	w->request.owner = cli_field(args_get(args, "owner"));
	w->request.snapshot = args_has(args, "snapshot");
	w->request.progress_seconds = until != NULL ? 1 : 0;
	w->snapshot_done = !w->request.snapshot;
	if (until == NULL)
		return 0;
	return strcmp(until, "now") == 0 ? head_revision(cli, &w->until)
					 : cli_number(cli, "--until", until, 1,
					       UINT64_MAX, &w->until);
}

static int
run_watch(struct cli *cli, const struct args *args)
{
	struct watch w = { .cli = cli, .wait_ms = BACKOFF_MS };
	int code;

	resopro__v1__watch_request__init(&w.request);
	if ((code = read_options(&w, args)) != 0)
		return code;
	if (cli_client(cli) == NULL)
		return EXIT_USAGE;
	if (w.until > 0 && w.request.from_revision > w.until)
		return EXIT_OK; /* nothing to see there */
	if (w.request.from_revision > 0)
		w.last = w.request.from_revision - 1;
	return watch(&w);
}

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "[KIND]...",
	.min = 0,
	.max = KINDS_MAX,
	.help = N_("show each change once, in order, as it happens"),
	.details = N_("Ends cleanly at Ctrl-C and tells from where to resume. "
		      "A lost connection is resumed without losing or "
		      "repeating a change. json writes one message a line, "
		      "marks of progress included."),
	.opts = opts,
	.complete = "kinds",
	.run = run_watch,
};
