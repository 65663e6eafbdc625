/* territories.c - Territories: communes that a text names, zones. */
#include "service/territories.h"

#include <string.h>

#include "domain/territory.h"
#include "domain/value.h"
#include "resopro/v1/territories.pb-c.h"
#include "service/context.h"

#define TEXT_CHARS_MAX 100
#define MATCHES_MAX 200
#define MATCHES_DEFAULT 50

/* Texts of the catalog are constant; a packed message only reads them. */
static char *
borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- Resolve ------------------------------------------------------------ */

static Resopro__V1__Commune *
commune_message(struct arena *arena, const struct match *m)
{
	Resopro__V1__Commune *out = arena_alloc(arena, sizeof *out);
	Resopro__V1__Position *at = arena_alloc(arena, sizeof *at);
	const struct commune *c = m->commune;

	if (out == NULL || at == NULL)
		return NULL;
	resopro__v1__commune__init(out);
	resopro__v1__position__init(at);
	at->latitude = c->position.latitude;
	at->longitude = c->position.longitude;
	out->code = borrow(c->code);
	out->nom = borrow(c->nom);
	out->departement = borrow(c->departement);
	out->arrondissement = borrow(c->arrondissement);
	out->epci = borrow(c->epci);
	out->position = at;
	out->position_estimee = c->estimated;
	out->match = (Resopro__V1__ResolveMatch)m->kind;
	if (m->kind == MATCH_FORMER_CODE || m->kind == MATCH_FORMER_NAME)
		out->matched = borrow(m->matched);
	return out;
}

static int
check_resolve(const Resopro__V1__ResolveRequest *q, struct err *e)
{
	size_t len = strlen(q->text);

	if (q->limit > MATCHES_MAX) {
		err_set(e, ERR_INVALID, "limit: %u matches", q->limit);
		err_field(e, "limit");
		err_reason(e, "OUT_OF_RANGE");
		return err_remedy(e, "give 1 to %d, or 0 for %d", MATCHES_MAX,
		    MATCHES_DEFAULT);
	}
	if (value_check(VALUE_TEXT, "text", q->text, len, e) < 0)
		return -1;
	if (value_chars(q->text, len) <= TEXT_CHARS_MAX)
		return 0;
	err_set(e, ERR_INVALID, "text: is too long");
	err_field(e, "text");
	err_reason(e, "TOO_LONG");
	return err_remedy(e, "give 1 to %d characters", TEXT_CHARS_MAX);
}

static int
territories_resolve(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ResolveRequest *q =
	    (const Resopro__V1__ResolveRequest *)m;
	Resopro__V1__ResolveResponse r;
	struct service *s = call_service(c);
	const struct territory *t = catalog_territory(s->catalog);
	struct view *v = service_view(s, e);
	struct match found[MATCHES_MAX];
	size_t room = q->limit != 0 ? q->limit : MATCHES_DEFAULT, n;

	resopro__v1__resolve_response__init(&r);
	if (v == NULL || check_resolve(q, e) < 0)
		return -1;
	n = territory_resolve(t, q->text, found, room);
	r.revision = view_revision(v);
	r.total = (uint32_t)n;
	r.millesime = borrow(territory_millesime(t));
	if (n > room)
		n = room;
	r.communes = arena_alloc(call_arena(c), (n + 1) * sizeof *r.communes);
	for (size_t i = 0; r.communes != NULL && i < n; i++) {
		r.communes[i] = commune_message(call_arena(c), &found[i]);
		if (r.communes[i] == NULL)
			break;
		r.n_communes++;
	}
	if (r.n_communes < n)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	return call_reply(c, &r.base);
}

/* ---- ListZones ---------------------------------------------------------- */

static int
check_type(const struct territory *t, const char *type, struct err *e)
{
	size_t at = 0;

	if (type[0] == '\0' || territory_next_zone(t, type, &at) != NULL)
		return 0;
	err_set(e, ERR_INVALID, "type: no zone is of that type");
	err_field(e, "type");
	err_reason(e, "ZONE_TYPE");
	return err_remedy(e, "give reg, dep, arr, epci or catef, or nothing "
			     "for all; a commune is com: and its code");
}

static int
territories_list_zones(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ListZonesRequest *q =
	    (const Resopro__V1__ListZonesRequest *)m;
	Resopro__V1__ListZonesResponse r;
	struct service *s = call_service(c);
	const struct territory *t = catalog_territory(s->catalog);
	struct view *v = service_view(s, e);
	const struct zone *z;
	size_t n = 0, at;

	resopro__v1__list_zones_response__init(&r);
	if (v == NULL || check_type(t, q->type, e) < 0)
		return -1;
	for (at = 0; territory_next_zone(t, q->type, &at) != NULL;)
		n++;
	r.zones = arena_alloc(call_arena(c), (n + 1) * sizeof *r.zones);
	for (at = 0; r.zones != NULL &&
		     (z = territory_next_zone(t, q->type, &at)) != NULL;) {
		Resopro__V1__Zone *out =
		    arena_alloc(call_arena(c), sizeof *out);

		if (out == NULL)
			break;
		resopro__v1__zone__init(out);
		out->code = borrow(z->code);
		out->nom = borrow(z->nom);
		out->communes = z->communes;
		out->millesime = borrow(z->millesime);
		r.zones[r.n_zones++] = out;
	}
	if (r.n_zones < n)
		return err_set(e, ERR_LIMIT, "the answer is too large");
	r.revision = view_revision(v);
	return call_reply(c, &r.base);
}

const struct rpc_method territories_methods[] = {
	{ .path = "/resopro.v1.Territories/Resolve",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__resolve_request__descriptor,
	    .message = territories_resolve },
	{ .path = "/resopro.v1.Territories/ListZones",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__list_zones_request__descriptor,
	    .message = territories_list_zones },
	{ .path = NULL },
};
