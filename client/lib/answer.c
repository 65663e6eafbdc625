/* answer.c - how a call ended, from headers, trailers and resets. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "fail.h"
#include "wire/grpc.h"

/* ---- headers ------------------------------------------------------------- */

static int
number(const char *value, size_t len)
{
	int n = 0;

	if (len == 0 || len > 4)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		n = n * 10 + (value[i] - '0');
	}
	return n;
}

static void
on_http_status(struct rsp_answer *a, const char *value, size_t len)
{
	a->http_status = number(value, len);
}

static void
on_content_type(struct rsp_answer *a, const char *value, size_t len)
{
	static const char grpc[] = "application/grpc";
	size_t n = sizeof grpc - 1;

	a->is_grpc = len >= n && memcmp(value, grpc, n) == 0 &&
		     (len == n || value[n] == '+' || value[n] == ';');
	if (len >= sizeof a->content_type)
		len = sizeof a->content_type - 1;
	memcpy(a->content_type, value, len);
	a->content_type[len] = '\0';
}

static void
on_encoding(struct rsp_answer *a, const char *value, size_t len)
{
	a->gzip = len == 4 && memcmp(value, "gzip", 4) == 0;
}

static void
on_grpc_status(struct rsp_answer *a, const char *value, size_t len)
{
	a->grpc_status = number(value, len);
	if (a->grpc_status < 0 || a->grpc_status >= GRPC_STATUS_COUNT)
		a->grpc_status = GRPC_UNKNOWN;
}

static void
on_grpc_message(struct rsp_answer *a, const char *value, size_t len)
{
	(void)grpc_message_decode(value, len, a->message, sizeof a->message);
}

static void
on_details(struct rsp_answer *a, const char *value, size_t len)
{
	if (a->details == NULL && len <= CALL_DETAILS_MAX)
		a->details = strndup(value, len);
}

static const struct header {
	const char *name;
	void (*take)(struct rsp_answer *, const char *, size_t);
} headers[] = {
	{ ":status", on_http_status },
	{ "content-type", on_content_type },
	{ "grpc-encoding", on_encoding },
	{ "grpc-status", on_grpc_status },
	{ "grpc-message", on_grpc_message },
	{ "grpc-status-details-bin", on_details },
};

void
rsp_answer_header(struct rsp_answer *a, const char *name, size_t name_len,
    const char *value, size_t len)
{
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		if (strlen(headers[i].name) == name_len &&
		    memcmp(headers[i].name, name, name_len) == 0)
			headers[i].take(a, value, len);
}

void
rsp_answer_free(struct rsp_answer *a)
{
	free(a->details);
	a->details = NULL;
}

/* ---- the end ------------------------------------------------------------- */

/* Of the gRPC description, "HTTP to gRPC status code mapping". */
static const struct http_code {
	int status;
	enum rsp_code code;
} http_codes[] = {
	{ 400, RSP_INTERNAL },
	{ 401, RSP_UNAUTHENTICATED },
	{ 403, RSP_PERMISSION_DENIED },
	{ 404, RSP_UNIMPLEMENTED },
	{ 429, RSP_UNAVAILABLE },
	{ 502, RSP_UNAVAILABLE },
	{ 503, RSP_UNAVAILABLE },
	{ 504, RSP_UNAVAILABLE },
};

static void
end_of_http(const struct rsp_answer *a, struct rsp_error *e)
{
	enum rsp_code code = RSP_UNKNOWN;

	for (size_t i = 0; i < sizeof http_codes / sizeof http_codes[0]; i++)
		if (http_codes[i].status == a->http_status)
			code = http_codes[i].code;
	rsp_fail(e, code, "NOT_GRPC",
	    "check host and port: a proxy or another service answers there",
	    "the answer is not gRPC: HTTP status %d, %s", a->http_status,
	    a->content_type[0] != '\0' ? a->content_type : "no content type");
}

/* resoprod ends its message with the remedy, for clients that read no details:
 * here it has a place of its own. */
static void
drop_remedy(const char *message, struct rsp_error *e)
{
	char text[CALL_MESSAGE_MAX];
	size_t len = strlen(message), tail = strlen(e->remedy);

	if (tail == 0 || len < tail + 2 ||
	    memcmp(message + len - tail - 2, "; ", 2) != 0 ||
	    strcmp(message + len - tail, e->remedy) != 0)
		return;
	memcpy(text, message, len - tail - 2);
	text[len - tail - 2] = '\0';
	rsp_text_copy(e->msg, sizeof e->msg, text);
}

static void
end_of_grpc(const struct rsp_answer *a, struct rsp_error *e)
{
	if (a->grpc_status == GRPC_OK)
		return;
	rsp_fail(e, (enum rsp_code)a->grpc_status, NULL, NULL, "%s",
	    a->message[0] != '\0' ? a->message
				  : grpc_status_name((unsigned)a->grpc_status));
	if (a->details == NULL)
		return;
	rsp_details_read(a->details, e);
	drop_remedy(a->message, e);
}

void
rsp_answer_end(const struct rsp_answer *a, struct rsp_error *e)
{
	rsp_error_clear(e);
	if (a->grpc_status >= 0)
		end_of_grpc(a, e);
	else if (a->http_status != 200 || !a->is_grpc)
		end_of_http(a, e);
	else
		rsp_fail(e, RSP_INTERNAL, "NO_STATUS", NULL,
		    "the server ended the call without saying how");
	e->from_server = true;
}

/* ---- resets -------------------------------------------------------------- */

/* Of the gRPC description, "HTTP2 error codes to gRPC status". */
static const struct reset_code {
	uint32_t h2;
	enum rsp_code code;
	const char *reason;
} reset_codes[] = {
	{ NGHTTP2_REFUSED_STREAM, RSP_UNAVAILABLE, "REFUSED" },
	{ NGHTTP2_CANCEL, RSP_CANCELLED, "CANCELLED_BY_SERVER" },
	{ NGHTTP2_ENHANCE_YOUR_CALM, RSP_RESOURCE_EXHAUSTED, "TOO_MUCH" },
	{ NGHTTP2_INADEQUATE_SECURITY, RSP_PERMISSION_DENIED, "SECURITY" },
};

void
rsp_reset_end(uint32_t h2_error, bool past_deadline, struct rsp_error *e)
{
	const struct reset_code *found = NULL;

	/* Servers cut a call off at the deadline that they were told. */
	if (past_deadline && h2_error == NGHTTP2_CANCEL) {
		rsp_fail(e, RSP_DEADLINE_EXCEEDED, NULL, NULL,
		    "the deadline has passed");
		e->from_server = true;
		return;
	}
	for (size_t i = 0; i < sizeof reset_codes / sizeof reset_codes[0]; i++)
		if (reset_codes[i].h2 == h2_error)
			found = &reset_codes[i];
	rsp_fail(e, found != NULL ? found->code : RSP_INTERNAL,
	    found != NULL ? found->reason : "RESET", NULL,
	    "the server cut the call off (%s)",
	    nghttp2_http2_strerror(h2_error));
	e->from_server = true;
}
