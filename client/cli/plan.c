#include "plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "json.h"
#include "term.h"

#define CREATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_CREATE
#define UPDATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UPDATE
#define UNCHANGED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNCHANGED
#define RETIRE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_RETIRE
#define REFUSED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_REFUSED

enum {
	ID_COLUMNS = 28,
	VALUE_COLUMNS = 60,
	RETIRE_FREE = 3, /* so many need no confirmation */
};

/* How each action looks, by its number. */
static const struct look {
	const char *sign;
	enum colour colour;
} looks[] = {
	{ "?", COLOUR_NONE },
	[CREATE] = { "+", COLOUR_GOOD },
	[UPDATE] = { "~", COLOUR_CHANGE },
	[UNCHANGED] = { "=", COLOUR_DIM },
	[RETIRE] = { "-", COLOUR_BAD },
	[REFUSED] = { "!", COLOUR_BAD },
};

static const struct look *
look_of(Resopro__V1__SyncAction action)
{
	size_t i = (size_t)action;

	return &looks[i < sizeof looks / sizeof *looks ? i : 0];
}

/* ---- for programs -------------------------------------------------------- */

static char *
changes_text(const ProtobufCMessage *m)
{
	const Resopro__V1__SyncPlanItem *i =
	    (const Resopro__V1__SyncPlanItem *)m;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (size_t n = 0; n < i->n_changes; n++)
		fprintf(f, "%s%s: %s -> %s", n == 0 ? "" : "; ",
		    i->changes[n]->field, i->changes[n]->before,
		    i->changes[n]->after);
	for (size_t n = 0; n < i->n_refusals; n++)
		fprintf(f, "%s%s", n == 0 ? "" : "; ", i->refusals[n]->message);
	fclose(f);
	return text;
}

static const struct column columns[] = {
	{ .title = N_("ACTION"), .path = "action" },
	{ .title = N_("KIND"), .path = "kind" },
	{ .title = N_("ID"), .path = "id" },
	{ .title = N_("SOURCE ID"), .path = "source_id" },
	{ .title = N_("NAME"), .path = "name" },
	{ .title = N_("POSITION"), .path = "position", .flags = COLUMN_RIGHT },
	{ .title = N_("DETAILS"), .path = "details", .text = changes_text },
	{ 0 },
};

/* ---- for people ---------------------------------------------------------- */

void
plan_where(const struct plan *p, uint32_t position, char *out, size_t size)
{
	const struct origin *x = origins_at(p->origins, position);

	out[0] = '\0';
	if (x != NULL)
		snprintf(out, size, "%s:%u", p->files->list[x->file].name,
		    x->line);
}

static void
print_padded(FILE *f, const char *text, size_t columns_wanted)
{
	char *safe = term_safe(text, strlen(text), false);
	size_t width;

	if (safe == NULL)
		return;
	width = term_width(safe);
	fputs(safe, f);
	fprintf(f, "%*s",
	    (int)(width < columns_wanted ? columns_wanted - width : 0), "");
	free(safe);
}

/* Long values are shortened; that they are is shown. */
static void
print_value(struct plan *p, enum colour colour, const char *text)
{
	FILE *f = p->cli->out;
	char *plain = json_plain(text), *start;
	size_t fit;

	if (plain == NULL)
		return;
	fit = term_fit(plain, VALUE_COLUMNS);
	start = strndup(plain, fit);
	if (start == NULL) {
		free(plain);
		return;
	}
	if (*text == '\0')
		term_print(f, p->cli->colour_out, COLOUR_DIM, _("(nothing)"));
	else
		term_print(f, p->cli->colour_out, colour, start);
	if (plain[fit] != '\0')
		fputs("…", f);
	free(start);
	free(plain);
}

static void
print_change(struct plan *p, const Resopro__V1__FieldChange *c)
{
	FILE *f = p->cli->out;

	fputs("    ", f);
	term_print(f, p->cli->colour_out, COLOUR_BOLD, c->field);
	fputs(": ", f);
	print_value(p, COLOUR_BAD, c->before);
	fputs(" → ", f);
	print_value(p, COLOUR_GOOD, c->after);
	fputc('\n', f);
}

/* Messages of the server begin with the field's name already. */
static void
print_refusal(struct plan *p, const Resopro__V1__Refusal *r)
{
	FILE *f = p->cli->out;
	size_t n = strlen(r->field);

	fputs("    ", f);
	if (n > 0 && strncmp(r->message, r->field, n) != 0) {
		term_print(f, p->cli->colour_out, COLOUR_BOLD, r->field);
		fputs(": ", f);
	}
	term_print(f, p->cli->colour_out, COLOUR_NONE, r->message);
	fputc('\n', f);
	if (*r->remedy == '\0')
		return;
	fputs("    → ", f);
	term_print(f, p->cli->colour_out, COLOUR_NONE, r->remedy);
	fputc('\n', f);
}

static void
print_warning(struct plan *p, const char *text)
{
	fputs("    ", p->cli->out);
	term_print(p->cli->out, p->cli->colour_out, COLOUR_CHANGE, _("look: "));
	term_print(p->cli->out, p->cli->colour_out, COLOUR_NONE, text);
	fputc('\n', p->cli->out);
}

static void
print_head(struct plan *p, const Resopro__V1__SyncPlanItem *i)
{
	FILE *f = p->cli->out;
	const struct look *look = look_of(i->action);
	const struct records_kind *k = records_kind_of(i->kind);
	char where[300];

	plan_where(p, i->position, where, sizeof where);
	fprintf(f, "%s%s %-12s ", term_start(p->cli->colour_out, look->colour),
	    look->sign, k == NULL ? "?" : k->name);
	print_padded(f, *i->id != '\0' ? i->id : i->source_id, ID_COLUMNS);
	fputs(term_end(p->cli->colour_out, look->colour), f);
	if (*i->name != '\0') {
		fputs("  ", f);
		term_print(f, false, COLOUR_NONE, i->name);
	}
	if (*where != '\0' && i->action != UNCHANGED) {
		fputs("  ", f);
		term_print(f, p->cli->colour_out, COLOUR_DIM, where);
	}
	fputc('\n', f);
}

static void
print_item(struct plan *p, const Resopro__V1__SyncPlanItem *i)
{
	print_head(p, i);
	for (size_t n = 0; n < i->n_changes; n++)
		print_change(p, i->changes[n]);
	for (size_t n = 0; n < i->n_refusals; n++)
		print_refusal(p, i->refusals[n]);
	for (size_t n = 0; n < i->n_warnings; n++)
		print_warning(p, i->warnings[n]);
}

/* ---- the plan ------------------------------------------------------------ */

void
plan_open(struct plan *p, struct cli *cli, const struct origins *origins,
    const struct push_files *files, const Resopro__V1__SyncStart *start)
{
	memset(p, 0, sizeof *p);
	p->cli = cli;
	p->origins = origins;
	p->files = files;
	p->dry_run = start->dry_run;
	p->all_or_nothing = !start->accept_valid;
	p->full = start->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL;
	if (cli->format != FORMAT_TABLE)
		p->output = output_open(cli, columns, "items");
}

void
plan_again(struct plan *p)
{
	p->skip = p->shown;
	memset(p->counts, 0, sizeof p->counts);
}

static void
take_item(struct plan *p, const Resopro__V1__SyncPlanItem *i)
{
	size_t action = (size_t)i->action;

	p->counts[action < 8 ? action : 0]++;
	if (p->skip > 0) {
		p->skip--;
		return;
	}
	p->shown++;
	if (p->output != NULL)
		output_item(p->output, &i->base);
	else
		print_item(p, i);
}

void
plan_items(struct plan *p, const Resopro__V1__SyncPlan *plan)
{
	for (size_t n = 0; n < plan->n_items; n++)
		take_item(p, plan->items[n]);
}

/* ---- the end ------------------------------------------------------------- */

static void
print_count(struct plan *p, FILE *f, Resopro__V1__SyncAction action, uint32_t n,
    const char *text)
{
	bool colour =
	    f == p->cli->out ? p->cli->colour_out : p->cli->colour_err;
	enum colour c = n == 0 ? COLOUR_DIM : look_of(action)->colour;

	fprintf(f, "%s%s%s%s", term_start(colour, c), text, term_end(colour, c),
	    action == REFUSED ? "" : ", ");
}

static void
print_counts(struct plan *p, FILE *f, const Resopro__V1__SyncResult *r)
{
	char text[64];
	uint32_t n;

	n = r->created;
	snprintf(text, sizeof text, i18n_plural("%u created", "%u created", n),
	    n);
	print_count(p, f, CREATE, n, text);
	n = r->updated;
	snprintf(text, sizeof text, i18n_plural("%u updated", "%u updated", n),
	    n);
	print_count(p, f, UPDATE, n, text);
	n = r->unchanged;
	snprintf(text, sizeof text,
	    i18n_plural("%u unchanged", "%u unchanged", n), n);
	print_count(p, f, UNCHANGED, n, text);
	n = r->retired;
	snprintf(text, sizeof text, i18n_plural("%u retired", "%u retired", n),
	    n);
	print_count(p, f, RETIRE, n, text);
	n = r->refused;
	snprintf(text, sizeof text, i18n_plural("%u refused", "%u refused", n),
	    n);
	print_count(p, f, REFUSED, n, text);
}

static void
print_verdict(struct plan *p, FILE *f, const Resopro__V1__SyncResult *r)
{
	char revision[24];

	snprintf(revision, sizeof revision, "%" PRIu64, r->revision);
	if (p->dry_run)
		fputs(_("; dry run: nothing was written"), f);
	else if (r->replayed)
		fprintf(f, _("; this push was applied before, at revision %s"),
		    revision);
	else if (r->applied)
		fprintf(f, _("; revision %s"), revision);
	else
		fprintf(f, _("; nothing to write, revision %s"), revision);
	fputc('\n', f);
	if (p->dry_run && p->full && r->retired > RETIRE_FREE)
		cli_say(p->cli,
		    _("To push it, add --confirm-retire %u if so "
		      "many really end."),
		    r->retired);
}

static void
close_output(struct plan *p, const Resopro__V1__SyncResult *r, int *rc)
{
	if (r != NULL) {
		output_number(p->output, "revision", r->revision);
		output_flag(p->output, "applied", r->applied);
		output_small(p->output, "created", r->created);
		output_small(p->output, "updated", r->updated);
		output_small(p->output, "unchanged", r->unchanged);
		output_small(p->output, "retired", r->retired);
		output_small(p->output, "refused", r->refused);
	}
	*rc = output_close(p->output);
}

/* What would come of it, all or nothing: the same as of a push that is real. */
static int
would_refuse(struct plan *p, uint32_t refused)
{
	return cli_fail(p->cli, EXIT_INVALID,
	    _("Correct the records marked \"!\" above, or add --accept-valid "
	      "to apply the others."),
	    i18n_plural("%u record is refused: a push would apply nothing",
		"%u records are refused: a push would apply nothing", refused),
	    refused);
}

int
plan_close(struct plan *p, const Resopro__V1__SyncResult *r, uint32_t skipped)
{
	FILE *f = p->output == NULL ? p->cli->out : p->cli->err;
	int rc = EXIT_OK;

	if (p->output != NULL)
		close_output(p, r, &rc);
	if (r != NULL && (p->output == NULL || !p->cli->quiet)) {
		print_counts(p, f, r);
		print_verdict(p, f, r);
	}
	rc = output_done(p->cli, rc);
	if (rc != EXIT_OK || r == NULL || r->refused + skipped == 0)
		return rc;
	if (p->dry_run && p->all_or_nothing)
		return would_refuse(p, r->refused + skipped);
	return EXIT_PARTIAL;
}
