/* page.c - see page.h. */
#include "service/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpc/call.h"

int
page_bad_token(struct err *e)
{
	err_set(e, ERR_INVALID, "page_token: not a token of this listing");
	err_field(e, "page_token");
	err_reason(e, "PAGE_TOKEN");
	return err_remedy(e, "send the next_page_token of the page before with "
			     "the same filters, or start again without one");
}

int
page_size(uint32_t asked, uint32_t *size, struct err *e)
{
	*size = asked != 0 ? asked : PAGE_DEFAULT;
	if (asked <= PAGE_MAX)
		return 0;
	err_set(e, ERR_INVALID, "page_size: %u", asked);
	err_field(e, "page_size");
	err_reason(e, "OUT_OF_RANGE");
	return err_remedy(e, "give 1 to %d, or 0 for %d", PAGE_MAX,
	    PAGE_DEFAULT);
}

/* "<revision>.<filters>.<last id>", numbers in hexadecimal. */
static int
read_token(struct page *p, const char *token, struct err *e)
{
	uint64_t revision, filters;
	int at = 0;

	if (sscanf(token, "%16" SCNx64 ".%16" SCNx64 ".%n", &revision, &filters,
		&at) == 2 &&
	    at > 0 && revision > 0 && revision <= view_revision(p->view) &&
	    filters == p->filters && strlen(token + at) <= STORE_ID_MAX) {
		p->revision = revision;
		(void)snprintf(p->after, sizeof p->after, "%s", token + at);
		return 0;
	}
	return page_bad_token(e);
}

int
page_open(struct page *p, struct arena *arena, struct view *v, uint64_t first,
    uint32_t size, const char *token, uint64_t filters, unsigned work,
    struct err *e)
{
	memset(p, 0, sizeof *p);
	p->arena = arena;
	p->view = v;
	p->revision = first;
	p->filters = filters;
	p->work = work;
	if (page_size(size, &p->size, e) < 0)
		return -1;
	if (token[0] != '\0' && read_token(p, token, e) < 0)
		return -1;
	p->records = arena_alloc(arena, p->size * sizeof *p->records);
	p->leases = arena_alloc(arena, p->size * sizeof *p->leases);
	if (p->records == NULL || p->leases == NULL)
		return err_set(e, ERR_NOMEM, "page");
	return 0;
}

bool
page_looks(struct page *p, const char *id)
{
	if (p->n == p->size || p->bytes >= PAGE_BYTES || p->work == 0) {
		p->more = true;
		return false;
	}
	p->work--;
	(void)snprintf(p->last, sizeof p->last, "%s", id);
	return true;
}

int
page_lease(struct page *p, const struct stored *s, struct lease *out,
    struct err *e)
{
	struct record_facts facts;

	if (record_facts(s->record, &facts, e) < 0)
		return -1;
	*out = lease_of(p->clock, p->view, s, &facts);
	return 0;
}

int
page_take(struct page *p, const struct stored *s, struct err *e)
{
	struct lease *l = &p->leases[p->n];

	if (page_lease(p, s, l, e) < 0)
		return -1;
	p->records[p->n++] = *s;
	p->bytes += record_field_size(s, l);
	return 0;
}

int
page_reply(struct call *c, struct page *p, struct err *e)
{
	char token[PAGE_TOKEN_MAX];
	size_t token_len = 0, len = 1 + varint_size(p->revision) + p->bytes;
	uint8_t *out;

	if (p->more) {
		token_len = (size_t)snprintf(token, sizeof token,
		    "%" PRIx64 ".%" PRIx64 ".%s", p->revision, p->filters,
		    p->last);
		len += 1 + varint_size(token_len) + token_len;
	}
	if ((out = call_reply_room(c, len, e)) == NULL)
		return -1;
	*out++ = 1 << 3;
	out = varint_write(out, p->revision);
	for (uint32_t i = 0; i < p->n; i++)
		out = record_field_write(out, 2, &p->records[i], &p->leases[i]);
	if (token_len > 0) {
		*out++ = 3 << 3 | 2;
		out = varint_write(out, token_len);
		memcpy(out, token, token_len);
	}
	return call_reply_sent(c);
}
