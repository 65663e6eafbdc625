/* write.c - see write.h. */
#include "service/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/log.h"
#include "service/disputes.h"

#define WRITE_ARENA_BYTES ((size_t)64 << 20)

static bool
request_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static int
check_request_id(const char *id, struct err *e)
{
	size_t i, len = strlen(id);
	bool bad = len != 0 &&
		   (len < STORE_REQUEST_ID_MIN || len > STORE_REQUEST_ID_MAX);

	for (i = 0; i < len && !bad; i++)
		bad = !request_id_char(id[i]);
	if (!bad)
		return 0;
	err_set(e, ERR_INVALID, "request_id: not a request id");
	err_field(e, "request_id");
	err_reason(e, "REQUEST_ID");
	return err_remedy(e,
	    "give %d to %d characters of [A-Za-z0-9._-], "
	    "or none",
	    STORE_REQUEST_ID_MIN, STORE_REQUEST_ID_MAX);
}

static void
bind_request_id(struct write *w, struct call *c, const char *request_id)
{
	const uint8_t *body;
	size_t len = strlen(request_id), body_len;
	char *copy = arena_strdup(w->arena, request_id);

	w->proposal.request_id = (struct bytes){ (const uint8_t *)copy, len };
	call_request_bytes(c, &body, &body_len);
	digest_sha256(body, body_len, w->proposal.body_hash);
}

struct write *
write_new(struct call *c, size_t size, const char *request_id, struct err *e)
{
	return write_new_large(c, size, WRITE_ARENA_BYTES, request_id, e);
}

struct write *
write_new_large(struct call *c, size_t size, size_t arena_bytes,
    const char *request_id, struct err *e)
{
	const struct principal *who = call_principal(c);
	struct service *s = call_service(c);
	struct write *w;

	if (check_request_id(request_id, e) < 0)
		return NULL;
	w = calloc(1, size);
	if (w == NULL || (w->arena = arena_new(arena_bytes)) == NULL) {
		free(w);
		err_set(e, ERR_NOMEM, "no memory for a write");
		return NULL;
	}
	w->service = s;
	w->catalog = catalog_ref(s->catalog);
	w->who = *who;
	w->user.call = c;
	w->violations.arena = w->arena;
	w->proposal.origin = s->loop;
	w->proposal.actor = w->who.account;
	w->proposal.method = call_method(c)->path;
	bind_request_id(w, c, request_id);
	return w;
}

void
write_free(struct write *w)
{
	if (w == NULL)
		return;
	if (w->user.call != NULL)
		call_set_user(w->user.call, NULL);
	if (w->cleanup != NULL)
		w->cleanup(w);
	catalog_unref(w->catalog);
	arena_free(w->arena);
	arena_free(w->kept);
	free(w);
}

static struct write *
write_of(struct call_user *u)
{
	return (struct write *)((char *)u - offsetof(struct write, user));
}

void
write_closed(struct call *c)
{
	struct call_user *u = call_user(c);

	if (u == NULL)
		return;
	write_of(u)->user.call = NULL;
	store_cancel(&write_of(u)->proposal);
}

void
write_journal(const struct write *w, const char *record, const char *field,
    const char *reason)
{
	if (strcmp(reason, "FIELD_OF_AGENCY") == 0)
		log_warning("agency_field_refused",
		    "account=%s method=%s record=%s field=%s", w->who.account,
		    w->proposal.method, record, field);
}

static void
refuse(struct write *w)
{
	struct call *c = w->user.call;
	char version[24];

	if (w->proposal.err.code == ERR_CONFLICT) {
		(void)snprintf(version, sizeof version, "%" PRIu64,
		    w->current_version);
		call_error_fact(c, "current_version", version);
	}
	if (w->proposal.err.code == ERR_LIMIT)
		call_retry_after(c, 5000);
	if (w->claims.named[0] != '\0')
		call_error_fact(c, "dispute", w->claims.named);
	if (w->violations.n > 0)
		call_fail_violations(c, &w->proposal.err, w->violations.list,
		    w->violations.n);
	else
		call_fail(c, &w->proposal.err);
}

static void
finish(struct write *w)
{
	struct proposal *p = &w->proposal;
	struct call *c = w->user.call;

	if (c != NULL) {
		/* Answering ends the call: nothing may find us by it. */
		call_set_user(c, NULL);
		if (w->outcome != NULL) {
			w->outcome(w);
			return;
		}
		if (p->err.code == ERR_NONE)
			w->answer(w);
		else
			refuse(w);
		w->user.call = NULL;
	}
	write_free(w);
}

/* ---- the disputes that a refusal opens ------------------------------------ */

static int
open_disputes(struct proposal *p, struct decision *d, struct err *e)
{
	return disputes_open((struct write *)p, d, e);
}

static void
disputes_opened(struct proposal *p)
{
	struct write *w = (struct write *)p;
	struct err failed = p->err;

	service_came_back(w->service);
	p->err = w->verdict.err;
	p->revision = w->verdict.revision;
	p->time_ns = w->verdict.time_ns;
	/* A refusal that promises a dispute must not lie; what was accepted
	 * beside it stands. */
	if (failed.code != ERR_NONE && p->err.code != ERR_NONE) {
		w->violations.n = 0;
		p->err = failed;
	}
	finish(w);
}

static void
done(struct proposal *p)
{
	struct write *w = (struct write *)p;

	if (w->claims.n == 0 || p->replayed ||
	    (p->err.code != ERR_NONE && p->err.code != ERR_PRECONDITION)) {
		service_came_back(w->service);
		finish(w);
		return;
	}
	w->verdict = (struct write_verdict){ p->err, p->revision, p->time_ns };
	p->request_id.len = 0;
	p->decide = open_disputes;
	p->done = disputes_opened;
	store_propose(w->service->store, p);
}

int
write_submit(struct write *w,
    int (*decide)(struct proposal *, struct decision *, struct err *),
    void (*answer)(struct write *))
{
	w->answer = answer;
	w->proposal.decide = decide;
	w->proposal.done = done;
	call_set_user(w->user.call, &w->user);
	service_sends_away(w->service);
	store_propose(w->service->store, &w->proposal);
	return 0;
}

char **
write_warnings(struct write *w, size_t *n)
{
	char **list =
	    arena_alloc(w->arena, (w->violations.warned + 1) * sizeof(*list));

	*n = 0;
	for (size_t i = 0; list != NULL && i < w->violations.warned; i++) {
		list[*n] = arena_strdup(w->arena, w->violations.warnings[i]);
		*n += list[*n] != NULL;
	}
	return list;
}

static void
format_id(char *out, size_t cap, const char *prefix, const uint8_t *bytes)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	size_t len = (size_t)snprintf(out, cap, "%s-", prefix);

	for (size_t i = 0; i < 16 && len + 1 < cap; i++)
		out[len++] = alphabet[bytes[i] & 31];
	out[len] = '\0';
}

void
write_derived_id(const struct write *w, char *out, size_t cap,
    const char *prefix)
{
	char text[STORE_ID_MAX + STORE_REQUEST_ID_MAX + 2];
	uint8_t hash[DIGEST_LEN];
	int n = snprintf(text, sizeof text, "%s %.*s", w->who.account,
	    (int)w->proposal.request_id.len,
	    (const char *)w->proposal.request_id.data);

	digest_sha256(text, (size_t)n, hash);
	format_id(out, cap, prefix, hash);
}

void
write_random_id(char *out, size_t cap, const char *prefix)
{
	uint8_t random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		abort(); /* the kernel has no entropy: nothing is safe */
	format_id(out, cap, prefix, random);
}
