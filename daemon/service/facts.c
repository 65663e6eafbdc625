/* facts.c - see facts.h. */
#include "service/facts.h"

#include <stddef.h>
#include <string.h>

enum { /* field numbers in types.proto */
	RECORD_SITE = 21,
	RECORD_STATUS = 23,
	ORGANISATION_ID = 1, /* of Site and Status */
	SITE_MODES = 16,
	SITE_FIELDS = 21, /* those looked at have smaller numbers */
};

static const size_t site_texts[SITE_FIELDS] = { /* 0: not looked at */
	[ORGANISATION_ID] = 1 + offsetof(struct site_facts, organisation_id),
	[2] = 1 + offsetof(struct site_facts, nom),
	[5] = 1 + offsetof(struct site_facts, adresse),
	[6] = 1 + offsetof(struct site_facts, complement_adresse),
	[7] = 1 + offsetof(struct site_facts, code_postal),
	[8] = 1 + offsetof(struct site_facts, commune),
	[9] = 1 + offsetof(struct site_facts, code_insee),
	[11] = 1 + offsetof(struct site_facts, telephone),
	[12] = 1 + offsetof(struct site_facts, courriel),
	[13] = 1 + offsetof(struct site_facts, site_web),
	[14] = 1 + offsetof(struct site_facts, horaires_accueil),
	[15] = 1 + offsetof(struct site_facts, accessibilite_lieu),
	[20] = 1 + offsetof(struct site_facts, date_fermeture)
};

static int
malformed(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "stored record is malformed");
}

/* Both bodies that are looked for; the other is left empty. */
static int
find_body(struct bytes record, struct bytes *site, struct bytes *status,
    struct err *e)
{
	struct pb_cursor c = { record.data, record.data + record.len };
	struct pb_field f;
	int rc;

	while ((rc = pb_next(&c, &f)) == 1) {
		if (f.wire_type != 2)
			continue;
		if (f.number == RECORD_SITE)
			*site = (struct bytes){ f.data, f.len };
		else if (f.number == RECORD_STATUS)
			*status = (struct bytes){ f.data, f.len };
	}
	return rc < 0 ? malformed(e) : 0;
}

int
site_facts(struct bytes record, struct site_facts *facts, struct err *e)
{
	struct bytes status = { 0 };
	struct pb_cursor c;
	struct pb_field f;
	int rc;

	memset(facts, 0, sizeof *facts);
	if (find_body(record, &facts->body, &status, e) < 0)
		return -1;
	if (facts->body.data == NULL)
		return 0;
	c = (struct pb_cursor){ facts->body.data,
		facts->body.data + facts->body.len };
	while ((rc = pb_next(&c, &f)) == 1) {
		size_t at = f.number < SITE_FIELDS ? site_texts[f.number] : 0;
		struct bytes text = { f.data, f.len };

		if (at != 0 && f.wire_type == 2)
			memcpy((char *)facts + at - 1, &text, sizeof text);
	}
	return rc < 0 ? malformed(e) : 1;
}

int
site_next_mode(struct pb_cursor *c, struct bytes *mode)
{
	struct pb_field f;

	while (pb_next(c, &f) == 1) {
		if (f.number != SITE_MODES || f.wire_type != 2)
			continue;
		*mode = (struct bytes){ f.data, f.len };
		return 1;
	}
	return 0;
}

int
facts_organisation(struct bytes record, struct bytes *id, struct err *e)
{
	struct bytes site = { 0 }, status = { 0 }, body;
	struct pb_cursor c;
	struct pb_field f;
	int rc;

	*id = (struct bytes){ NULL, 0 };
	if (find_body(record, &site, &status, e) < 0)
		return -1;
	body = site.data != NULL ? site : status;
	if (body.data == NULL)
		return 0;
	c = (struct pb_cursor){ body.data, body.data + body.len };
	while ((rc = pb_next(&c, &f)) == 1)
		if (f.number == ORGANISATION_ID && f.wire_type == 2)
			*id = (struct bytes){ f.data, f.len };
	return rc < 0 ? malformed(e) : 1;
}
