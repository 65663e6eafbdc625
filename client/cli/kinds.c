/* kinds.c - see kinds.h. */
#include "kinds.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "freshness.h"
#include "json.h"

static const struct column organisation_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "organisation.nom" },
	{ .title = N_("KIND"), .path = "organisation.kind" },
	{ .title = N_("PHONE"), .path = "organisation.telephone" },
	{ .title = N_("VERSION"), .path = "version", .flags = COLUMN_RIGHT },
	{ .title = N_("CONFIRMED"),
	    .path = "confirmed_at",
	    .flags = COLUMN_DAY },
	{ .title = N_("FRESHNESS"),
	    .path = "freshness",
	    .flags = COLUMN_WORDS,
	    .text = freshness_of_record,
	    .colour = freshness_colour_of_record },
	{ 0 }
};
static const struct column site_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "site.nom" },
	{ .title = N_("COMMUNE"), .path = "site.commune" },
	{ .title = N_("CODE"),
	    .path = "site.code_insee",
	    .flags = COLUMN_KEEP },
	{ .title = N_("PHONE"), .path = "site.telephone" },
	{ .title = N_("ORGANISATION"), .path = "site.organisation_id" },
	{ .title = N_("VERSION"), .path = "version", .flags = COLUMN_RIGHT },
	{ .title = N_("CONFIRMED"),
	    .path = "confirmed_at",
	    .flags = COLUMN_DAY },
	{ .title = N_("FRESHNESS"),
	    .path = "freshness",
	    .flags = COLUMN_WORDS,
	    .text = freshness_of_record,
	    .colour = freshness_colour_of_record },
	{ 0 }
};
static const struct column offer_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "offer.nom" },
	{ .title = N_("TYPE"), .path = "offer.type" },
	{ .title = N_("AUDIENCE"), .path = "offer.publics" },
	{ .title = N_("ORGANISATION"), .path = "offer.organisation_id" },
	{ .title = N_("VERSION"), .path = "version", .flags = COLUMN_RIGHT },
	{ .title = N_("CONFIRMED"),
	    .path = "confirmed_at",
	    .flags = COLUMN_DAY },
	{ .title = N_("FRESHNESS"),
	    .path = "freshness",
	    .flags = COLUMN_WORDS,
	    .text = freshness_of_record,
	    .colour = freshness_colour_of_record },
	{ 0 }
};
static const struct column status_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("ORGANISATION"), .path = "status.organisation_id" },
	{ .title = N_("SITE"), .path = "status.site_id" },
	{ .title = N_("TITLE"), .path = "status.title" },
	{ .title = N_("FROM"), .path = "status.from", .flags = COLUMN_KEEP },
	{ .title = N_("TO"), .path = "status.to", .flags = COLUMN_KEEP },
	{ .title = N_("LEGAL BASIS"), .path = "status.legal_basis" }, { 0 }
};
static const struct column activity_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("KIND"),
	    .path = "activity.activity_kind",
	    .flags = COLUMN_KEEP },
	{ .title = N_("TITLE"), .path = "activity.title" },
	{ .title = N_("ORGANISATION"), .path = "activity.organisation_id" },
	{ .title = N_("START"),
	    .path = "activity.start",
	    .flags = COLUMN_KEEP },
	{ .title = N_("END"), .path = "activity.end", .flags = COLUMN_KEEP },
	{ .title = N_("PEOPLE"),
	    .path = "activity.people",
	    .flags = COLUMN_RIGHT },
	{ 0 }
};

static char *
dispute_state(const ProtobufCMessage *m)
{
	static const char *const words[] = { "", N_("open"), N_("resolved"),
		N_("withdrawn"), N_("settled") };
	const Resopro__V1__Dispute *d =
	    ((const Resopro__V1__Record *)m)->dispute;
	unsigned state = d != NULL ? d->state : 0;

	return strdup(state > 0 && state < 5 ? _(words[state]) : "");
}

static enum colour
dispute_colour(const ProtobufCMessage *m)
{
	const Resopro__V1__Dispute *d =
	    ((const Resopro__V1__Record *)m)->dispute;

	return d != NULL && d->state ==
				RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_OPEN
		   ? COLOUR_BAD
		   : COLOUR_NONE;
}

static const struct column dispute_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("SIRET"), .path = "dispute.siret", .flags = COLUMN_KEEP },
	{ .title = N_("STATE"),
	    .path = "dispute.state",
	    .flags = COLUMN_WORDS,
	    .text = dispute_state,
	    .colour = dispute_colour },
	{ .title = N_("HELD BY"), .path = "dispute.holder.owner" },
	{ .title = N_("CLAIMED BY"), .path = "dispute.claimant.owner" },
	{ .title = N_("SINCE"),
	    .path = "dispute.claimant.since",
	    .flags = COLUMN_DAY },
	{ .title = N_("DECIDED FOR"), .path = "dispute.resolved_for" }, { 0 }
};

/* What is pending is expired once its time has come. */
static Resopro__V1__TransferState
transfer_now(const ProtobufCMessage *m)
{
	const Resopro__V1__Transfer *t =
	    ((const Resopro__V1__Record *)m)->transfer;

	if (t == NULL)
		return 0;
	return t->state == RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_PENDING &&
		       t->expires_at != NULL &&
		       t->expires_at->seconds <= (int64_t)time(NULL)
		   ? RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_EXPIRED
		   : t->state;
}

static char *
transfer_state(const ProtobufCMessage *m)
{
	static const char *const words[] = { "", N_("pending"), N_("approved"),
		N_("rejected"), N_("cancelled"), N_("expired") };
	unsigned state = transfer_now(m);

	return strdup(state > 0 && state < 6 ? _(words[state]) : "");
}

static enum colour
transfer_colour(const ProtobufCMessage *m)
{
	return transfer_now(m) ==
		       RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_PENDING
		   ? COLOUR_CHANGE
		   : COLOUR_NONE;
}

static const struct column transfer_columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("KIND"), .path = "transfer.kind" },
	{ .title = N_("RECORD"), .path = "transfer.record_id" },
	{ .title = N_("FROM"), .path = "owner" },
	{ .title = N_("TO"), .path = "transfer.organisation_id" },
	{ .title = N_("WAY"), .path = "transfer.way" },
	{ .title = N_("STATE"),
	    .path = "transfer.state",
	    .flags = COLUMN_WORDS,
	    .text = transfer_state,
	    .colour = transfer_colour },
	{ .title = N_("EXPIRES"),
	    .path = "transfer.expires_at",
	    .flags = COLUMN_DAY },
	{ 0 }
};

static const char *const organisation_words[] = { "organisation",
	"organisations", "organization", "org", "structure", NULL };
static const char *const site_words[] = { "site", "sites", "lieu", "lieux",
	NULL };
static const char *const offer_words[] = { "offer", "offers", "offre", "offres",
	"prestation", "prestations", "service", NULL };
static const char *const status_words[] = { "status", "statuses", "statut",
	"statuts", "titre", "titres", "title", NULL };
static const char *const activity_words[] = { "activity", "activities",
	"activite", "activites", "activité", "activités", NULL };

static const char *const dispute_words[] = { "dispute", "disputes", "litige",
	"litiges", NULL };

static const char *const transfer_words[] = { "transfer", "transfers",
	"transfert", "transferts", NULL };

static const struct kind kinds[] = {
	{ RESOPRO__V1__KIND__KIND_ORGANISATION, organisation_words,
	    "organisation.nom", organisation_columns,
	    &resopro__v1__organisation__descriptor },
	{ RESOPRO__V1__KIND__KIND_SITE, site_words, "site.nom", site_columns,
	    &resopro__v1__site__descriptor },
	{ RESOPRO__V1__KIND__KIND_OFFER, offer_words, "offer.nom",
	    offer_columns, &resopro__v1__offer__descriptor },
	{ RESOPRO__V1__KIND__KIND_STATUS, status_words, "status.title",
	    status_columns, &resopro__v1__status__descriptor },
	{ RESOPRO__V1__KIND__KIND_ACTIVITY, activity_words, "activity.title",
	    activity_columns, &resopro__v1__activity__descriptor },
	{ RESOPRO__V1__KIND__KIND_DISPUTE, dispute_words, "dispute.siret",
	    dispute_columns, &resopro__v1__dispute__descriptor },
	{ RESOPRO__V1__KIND__KIND_TRANSFER, transfer_words,
	    "transfer.record_id", transfer_columns,
	    &resopro__v1__transfer__descriptor },
};

const struct kind *
kinds_at(size_t i)
{
	return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL;
}

const struct kind *
kinds_by_word(const char *word)
{
	size_t i, w;

	if (strncasecmp(word, "kind_", 5) == 0)
		word += 5;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (w = 0; kinds[i].words[w] != NULL; w++)
			if (strcasecmp(kinds[i].words[w], word) == 0)
				return &kinds[i];
	return NULL;
}

const struct kind *
kinds_of(Resopro__V1__Kind kind)
{
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

const char *
kinds_name(Resopro__V1__Kind kind, char buf[48])
{
	return json_enum_short(&resopro__v1__kind__descriptor, (int)kind, buf);
}

const char *
kinds_record_name(const Resopro__V1__Record *r)
{
	switch (r->body_case) {
	case RESOPRO__V1__RECORD__BODY_ORGANISATION:
		return r->organisation->nom;
	case RESOPRO__V1__RECORD__BODY_SITE:
		return r->site->nom;
	case RESOPRO__V1__RECORD__BODY_OFFER:
		return r->offer->nom;
	case RESOPRO__V1__RECORD__BODY_STATUS:
		return r->status->title;
	case RESOPRO__V1__RECORD__BODY_ACTIVITY:
		return r->activity->title;
	case RESOPRO__V1__RECORD__BODY_DISPUTE:
		return r->dispute->siret;
	case RESOPRO__V1__RECORD__BODY_TRANSFER:
		return r->transfer->record_id;
	default:
		return "";
	}
}
