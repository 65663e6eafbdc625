/* directory_show.c - what a line of an answer shows of a candidate: read from
 * the store, for those few that were chosen. */
#include <stdio.h>
#include <string.h>

#include "domain/date.h"
#include "resopro/v1/types.pb-c.h"
#include "service/directory_parts.h"
#include "service/record.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE

struct showing {
	struct arena *arena;
	bool failed; /* the arena is full */
};

static char *
text(struct showing *s, struct bytes from)
{
	char *out;

	if (from.len == 0)
		return (char *)(uintptr_t) "";
	out = arena_alloc(s->arena, from.len + 1);
	s->failed |= out == NULL;
	/* arena_alloc() gives zeroes: it ends with one */
	return out != NULL ? memcpy(out, from.data, from.len)
			   : (char *)(uintptr_t) "";
}

static const char *
text_or(struct showing *s, struct bytes from, const char *otherwise)
{
	return from.len > 0 ? text(s, from) : otherwise;
}

/* "12 rue X, bâtiment B, 14000 Caen". */
static const char *
one_line(struct showing *s, const struct site_facts *f)
{
	const struct {
		const char *before;
		struct bytes text;
	} parts[] = {
		{ ", ", f->adresse },
		{ ", ", f->complement_adresse },
		{ ", ", f->code_postal },
		{ f->code_postal.len > 0 ? " " : ", ", f->commune },
	};
	size_t room = 1;
	char *out, *at;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		room += 2 + parts[i].text.len;
	out = at = arena_alloc(s->arena, room);
	s->failed |= out == NULL;
	for (size_t i = 0; at != NULL && i < sizeof parts / sizeof parts[0];
	     i++) {
		if (parts[i].text.len == 0)
			continue;
		if (at > out)
			at = stpcpy(at, parts[i].before);
		at = mempcpy(at, parts[i].text.data, parts[i].text.len);
	}
	return out != NULL ? out : "";
}

static void
show_modes(struct showing *s, const struct site_facts *f,
    struct directory_place *out)
{
	struct pb_cursor c = { f->body.data, f->body.data + f->body.len };
	struct bytes mode;
	size_t n = 0;

	while (site_next_mode(&c, &mode) == 1)
		n++;
	out->modes_accueil = arena_alloc(s->arena, (n + 1) * sizeof(char *));
	if (out->modes_accueil == NULL) {
		s->failed = true;
		return;
	}
	c = (struct pb_cursor){ f->body.data, f->body.data + f->body.len };
	while (site_next_mode(&c, &mode) == 1)
		out->modes_accueil[out->n_modes_accueil++] = text(s, mode);
}

static void
show_body(const struct body *b, struct directory_place *out)
{
	*out = (struct directory_place){
		.organisation_nom = b->nom,
		.site_nom = "",
		.adresse = "",
		.commune = "",
		.code_insee = "",
		.telephone = b->telephone,
		.courriel = b->courriel,
		.site_web = b->site_web,
		.horaires_accueil = "",
		.accessibilite_lieu = "",
	};
}

static void
show_site(struct showing *s, const struct candidate *c,
    const struct site_facts *f, struct directory_place *out)
{
	out->site_nom = text(s, f->nom);
	out->adresse = one_line(s, f);
	out->commune =
	    c->commune != NULL ? c->commune->nom : text(s, f->commune);
	out->code_insee = text(s, f->code_insee);
	out->telephone = text_or(s, f->telephone, out->telephone);
	out->courriel = text_or(s, f->courriel, out->courriel);
	out->site_web = text_or(s, f->site_web, out->site_web);
	out->horaires_accueil = text(s, f->horaires_accueil);
	out->accessibilite_lieu = text(s, f->accessibilite_lieu);
	show_modes(s, f, out);
}

static int
show_confirmed(struct showing *s, struct view *v, const struct stored *now,
    struct directory_place *out, struct err *e)
{
	struct record_facts facts;
	char *day = arena_alloc(s->arena, DATE_TEXT_SIZE);

	if (record_facts(now->record, &facts, e) < 0)
		return -1;
	s->failed |= day == NULL;
	if (day != NULL)
		date_format(date_from_unix(
				record_confirmed(v, now, &facts) / 1000000000),
		    day);
	out->confirmed_on = day;
	return 0;
}

int
directory_show(struct directory *d, struct view *v, const struct candidate *c,
    struct arena *arena, struct directory_place *out, struct err *e)
{
	struct showing showing = { .arena = arena };
	bool site = c->site_id[0] != '\0';
	const struct body *b = (const struct body *)c->body;
	struct site_facts f;
	struct stored s;
	int found = view_get(v, (uint8_t)(site ? SITE : ORGANISATION),
	    site ? c->site_id : b->id, &s, e);

	(void)d;
	if (found < 0)
		return -1;
	show_body(b, out);
	if (found == 0 || s.deleted ||
	    (site && site_facts(s.record, &f, e) != 1))
		return err_set(e, ERR_INTERNAL,
		    "the directory has %s, the register has not",
		    site ? c->site_id : b->id);
	if (site)
		show_site(&showing, c, &f, out);
	if (show_confirmed(&showing, v, &s, out, e) < 0)
		return -1;
	return showing.failed ? err_set(e, ERR_LIMIT, "the answer is too large")
			      : 0;
}
