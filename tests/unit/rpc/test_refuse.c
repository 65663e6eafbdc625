/* What is refused, with which status and which details. */
#include "harness.h"

#include "google/rpc/error_details.pb-c.h"

/* ---- admission ---------------------------------------------------------- */

static struct http2_stream *
refused(const char *path, const char *const *extra)
{
	struct http2_stream *st = fake_call(path, extra);

	assert_true(st->ended);
	assert_int_equal(st->n_tail, 0); /* trailers only */
	fake_data(st, "\0\0\0\0\0", 5);
	fake_end(st);
	fake_read_all(st);
	assert_int_equal(app.messages, 0);
	assert_int_equal(app.closed, 0);
	assert_nothing_waits();
	return st;
}

static void
admission__unknown_method__is_unimplemented(void **state)
{
	struct http2_stream *st = refused("/t.Echo/Nothing", NULL);

	(void)state;
	assert_int_equal(fake_status(st), GRPC_UNIMPLEMENTED);
	assert_string_equal(fake_head(st, ":status"), "200");
	assert_non_null(
	    strstr(fake_trailer(st, "grpc-message"), "/t.Echo/Nothing"));
	assert_int_equal(fake_status(refused("", NULL)), GRPC_UNIMPLEMENTED);
	assert_int_equal(fake_status(refused("/t.Echo/Unary/", NULL)),
	    GRPC_UNIMPLEMENTED);
}

static void
admission__path_that_is_not_utf8__is_quoted_in_ascii(void **state)
{
	struct http2_stream *st = refused("/t.Echo/\xFF\xFE", NULL);

	(void)state;
	assert_null(strstr(fake_trailer(st, "grpc-message"), "%FF"));
}

static void
admission__not_post__is_405(void **state)
{
	const char *get[] = { ":method: GET", NULL };
	struct http2_stream *st = refused("/t.Echo/Unary", get);

	(void)state;
	assert_string_equal(fake_head(st, ":status"), "405");
	assert_string_equal(fake_head(st, "allow"), "POST");
	assert_null(fake_head(st, "grpc-status"));
}

static void
admission__content_types__are_grpc_or_415(void **state)
{
	static const struct {
		const char *type;
		bool good;
	} rows[] = {
		{ "content-type: application/grpc", true },
		{ "content-type: application/grpc+proto", true },
		{ "content-type: application/grpc;charset=utf-8", true },
		{ "content-type: application/grpc+proto; v=1", true },
		{ "content-type: application/grpc+json", false },
		{ "content-type: application/grpc-web", false },
		{ "content-type: application/json", false },
		{ "-content-type", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *extra[] = { rows[i].type, NULL };
		struct http2_stream *st = fake_call("/t.Echo/Unary", extra);

		assert_int_equal(st->ended, !rows[i].good);
		if (!rows[i].good)
			assert_string_equal(fake_head(st, ":status"), "415");
	}
}

static void
admission__no_te_trailers__is_invalid(void **state)
{
	const char *none[] = { "-te", NULL };
	const char *other[] = { "te: gzip", NULL };

	(void)state;
	assert_int_equal(fake_status(refused("/t.Echo/Unary", none)),
	    GRPC_INVALID_ARGUMENT);
	assert_int_equal(fake_status(refused("/t.Echo/Unary", other)),
	    GRPC_INVALID_ARGUMENT);
}

/* HTTP/2 hands on a list that is too long without its headers. */
static void
admission__headers_too_long__are_exhausted(void **state)
{
	struct http2_stream *st = fake_open(fake_server, NULL, 0, false);

	(void)state;
	assert_true(st->ended);
	assert_int_equal(fake_status(st), GRPC_RESOURCE_EXHAUSTED);
	assert_string_equal(fake_head(st, ":status"), "200");
	assert_non_null(fake_trailer(st, "grpc-status-details-bin"));
	fake_end(st);
	fake_read_all(st);
	assert_nothing_waits();
}

static void
admission__unknown_encoding__is_unimplemented_and_lists_ours(void **state)
{
	const char *extra[] = { "grpc-encoding: snappy", NULL };
	struct http2_stream *st = refused("/t.Echo/Unary", extra);

	(void)state;
	assert_int_equal(fake_status(st), GRPC_UNIMPLEMENTED);
	assert_string_equal(fake_head(st, "grpc-accept-encoding"),
	    "identity,gzip");
}

static void
admission__malformed_timeout__is_invalid(void **state)
{
	static const char *const rows[] = { "grpc-timeout: 5",
		"grpc-timeout: m", "grpc-timeout: 123456789S",
		"grpc-timeout: -1S", "grpc-timeout: 1s" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *extra[] = { rows[i], NULL };

		assert_int_equal(fake_status(refused("/t.Echo/Unary", extra)),
		    GRPC_INVALID_ARGUMENT);
	}
}

static void
admission__timeout_of_ages__is_none(void **state)
{
	const char *extra[] = { "grpc-timeout: 99999999H", NULL };

	(void)state;
	assert_int_equal(fake_status(unary("x", extra)), GRPC_OK);
}

static void
admission__account_that_is_refused__is_unauthenticated(void **state)
{
	const char *extra[] = { "authorization: nobody", NULL };
	struct http2_stream *st = refused("/t.Echo/Unary", extra);

	(void)state;
	assert_int_equal(fake_status(st), GRPC_UNAUTHENTICATED);
	assert_int_equal(app.done, 1); /* it is counted */
}

/* ---- bytes -------------------------------------------------------------- */

/* Send these bytes to a method, end; the status that comes. */
static int
status_for(const char *path, const void *bytes, size_t len)
{
	struct http2_stream *st = fake_call(path, NULL);

	fake_data(st, bytes, len);
	fake_end(st);
	fake_read_all(st);
	assert_nothing_waits();
	return fake_status(st);
}

static void
bytes__no_message__is_invalid(void **state)
{
	(void)state;
	assert_int_equal(status_for("/t.Echo/Unary", "", 0),
	    GRPC_INVALID_ARGUMENT);
	assert_int_equal(app.messages, 0);
}

static void
bytes__cut_anywhere__never_reach_the_handler(void **state)
{
	struct buf one = { 0 };

	(void)state;
	frame_status(&one, 12, "a message");
	for (size_t n = 1; n < buf_len(&one); n++) {
		assert_int_equal(status_for("/t.Echo/Unary", buf_head(&one), n),
		    GRPC_INVALID_ARGUMENT);
		assert_int_equal(status_for("/t.Echo/Collect", buf_head(&one),
				     n),
		    GRPC_INVALID_ARGUMENT);
	}
	assert_int_equal(app.messages, 0);
	assert_int_equal(app.half_closes, 0);
	buf_free(&one);
}

static void
bytes__two_messages_to_a_unary_method__are_invalid(void **state)
{
	struct buf two = { 0 };

	(void)state;
	frame_status(&two, 1, "a");
	frame_status(&two, 2, "b");
	assert_int_equal(status_for("/t.Echo/Unary", buf_head(&two),
			     buf_len(&two)),
	    GRPC_INVALID_ARGUMENT);
	assert_int_equal(app.messages, 0);
	buf_free(&two);
}

static void
bytes__announced_beyond_the_limit__are_refused_at_once(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", NULL);

	(void)state;
	fake_data(st, "\0\xFF\xFF\xFF\xFF", 5);
	assert_int_equal(fake_status(st), GRPC_RESOURCE_EXHAUSTED);
	fake_read_all(st);
	assert_int_equal(status_for("/t.Echo/Unary", "\0\0\x40\0\1", 5),
	    GRPC_RESOURCE_EXHAUSTED); /* 4 MiB + 1 */
}

static void
bytes__announced_and_not_sent__take_no_memory(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", NULL);

	(void)state;
	fake_data(st, "\0\0\x40\0\0x", 6);
	assert_true(((struct call *)st->user)->reader.body.cap <= 4096);
}

static void
bytes__flag_byte_unknown__is_internal(void **state)
{
	(void)state;
	assert_int_equal(status_for("/t.Echo/Unary", "\2\0\0\0\0", 5),
	    GRPC_INTERNAL);
	assert_int_equal(status_for("/t.Echo/Unary", "\1\0\0\0\1x", 6),
	    GRPC_INTERNAL); /* compressed, and no grpc-encoding */
}

static void
bytes__not_protobuf__are_invalid_and_name_the_field(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", NULL);

	(void)state;
	frame_bytes(&in, 0, "\x12\2\xC3(", 4);
	send_in(st);
	fake_end(st);
	assert_int_equal(fake_status(st), GRPC_INVALID_ARGUMENT);
	assert_string_equal(fake_trailer(st, "grpc-message"),
	    "message: is not UTF-8");
	fake_read_all(st);
	assert_int_equal(status_for("/t.Echo/Unary", "\0\0\0\0\1\xFF", 6),
	    GRPC_INVALID_ARGUMENT);
}

static void
bytes__a_million_tiny_fields__are_refused(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", NULL);
	uint8_t *fields = malloc(2000000);

	(void)state;
	for (size_t i = 0; i < 2000000; i += 2)
		memcpy(fields + i, "\x78\1", 2); /* unknown field 15 */
	frame_bytes(&in, 0, fields, 2000000);
	send_in(st);
	fake_end(st);
	assert_int_equal(fake_status(st), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(app.messages, 0);
	free(fields);
}

static void
bytes__bad_message_in_a_stream__ends_it_after_what_was_sent(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Chat", NULL);

	(void)state;
	frame_status(&in, 1, "good");
	frame_bytes(&in, 0, "\x12\1\0", 3); /* a NUL */
	frame_status(&in, 1, "never seen");
	send_in(st);
	fake_read_all(st);
	assert_message(st, 1, "good");
	assert_int_equal(buf_len(&st->body), 0);
	assert_int_equal(fake_status(st), GRPC_INVALID_ARGUMENT);
	assert_int_equal(app.messages, 1);
	assert_int_equal(app.closed, 1);
	assert_int_equal(st->consumed, st->given);
}

static void
bytes__open_method__takes_no_long_request(void **state)
{
	(void)state;
	assert_int_equal(status_for("/grpc.health.v1.Health/Check",
			     "\0\0\0\x10\1", 5),
	    GRPC_RESOURCE_EXHAUSTED);
}

static void
bytes__of_all_calls_together__are_bounded(void **state)
{
	struct rpc_limits limits = { .max_waiting_bytes = 100000 };
	struct http2_stream *st[20];
	unsigned refusals = 0;
	char part[20000] = "";

	(void)state;
	restart(&limits);
	for (int i = 0; i < 20; i++) {
		st[i] = fake_call("/t.Echo/Unary", NULL);
		fake_data(st[i], "\0\0\x10\0\0", 5);
		fake_data(st[i], part, sizeof part);
		if (!st[i]->ended)
			continue;
		refusals++;
		assert_int_equal(fake_status(st[i]), GRPC_RESOURCE_EXHAUSTED);
		fake_read_all(st[i]);
	}
	assert_in_range(refusals, 10, 19);
	for (int i = 0; i < 20; i++)
		fake_over(st[i], HTTP2_CANCEL);
	assert_nothing_waits();
	assert_int_equal(fake_status(unary("room again", NULL)), GRPC_OK);
}

/* ---- answers ------------------------------------------------------------ */

static void
answer__beyond_the_limit__is_resource_exhausted(void **state)
{
	struct rpc_limits limits = { .max_response_bytes = 1000 };
	struct http2_stream *st;

	(void)state;
	restart(&limits);
	st = unary("big:2000", NULL);
	assert_int_equal(fake_status(st), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(buf_len(&st->body), 0);
}

static void
answer__minus_one_without_an_error__is_internal(void **state)
{
	(void)state;
	assert_int_equal(fake_status(unary("refuse:silently", NULL)),
	    GRPC_INTERNAL);
}

static Google__Rpc__Status *
details_of(struct http2_stream *st)
{
	const char *v = fake_trailer(st, "grpc-status-details-bin");
	uint8_t bytes[8192];
	Google__Rpc__Status *s;
	size_t len;

	assert_non_null(v);
	assert_int_equal(base64_decode(v, strlen(v), bytes, &len), 0);
	s = google__rpc__status__unpack(NULL, len, bytes);
	assert_non_null(s);
	assert_int_equal(s->code, fake_status(st));
	return s;
}

/* The detail of this type, unpacked. */
static ProtobufCMessage *
detail(const Google__Rpc__Status *s, const ProtobufCMessageDescriptor *d)
{
	char url[128];

	(void)snprintf(url, sizeof url, "type.googleapis.com/%s", d->name);
	for (size_t i = 0; i < s->n_details; i++) {
		if (strcmp(s->details[i]->type_url, url) == 0)
			return protobuf_c_message_unpack(d, NULL,
			    s->details[i]->value.len,
			    s->details[i]->value.data);
	}
	return NULL;
}

static void
details__of_a_conflict__hold_reason_facts_and_retry(void **state)
{
	Google__Rpc__Status *s = details_of(unary("refuse:conflict", NULL));
	Google__Rpc__ErrorInfo *info = (Google__Rpc__ErrorInfo *)detail(s,
	    &google__rpc__error_info__descriptor);
	Google__Rpc__RetryInfo *retry = (Google__Rpc__RetryInfo *)detail(s,
	    &google__rpc__retry_info__descriptor);

	(void)state;
	assert_string_equal(s->message, "the version is 4");
	assert_string_equal(info->reason, "VERSION");
	assert_string_equal(info->domain, "resopro");
	assert_int_equal(info->n_metadata, 1);
	assert_string_equal(info->metadata[0]->key, "current_version");
	assert_string_equal(info->metadata[0]->value, "4");
	assert_int_equal(retry->retry_delay->seconds, 1);
	assert_int_equal(retry->retry_delay->nanos, 500000000);
	protobuf_c_message_free_unpacked(&info->base, NULL);
	protobuf_c_message_free_unpacked(&retry->base, NULL);
	frame_drop(s);
}

static void
details__of_a_rule__say_what_would_satisfy_it(void **state)
{
	struct http2_stream *st = unary("refuse:rule", NULL);
	Google__Rpc__Status *s = details_of(st);
	Google__Rpc__PreconditionFailure *f =
	    (Google__Rpc__PreconditionFailure *)detail(s,
		&google__rpc__precondition_failure__descriptor);

	(void)state;
	assert_string_equal(fake_trailer(st, "grpc-message"),
	    "the list is published; d%C3%A9passer 100 %25");
	assert_int_equal(f->n_violations, 1);
	assert_string_equal(f->violations[0]->type, "PUBLISHED");
	assert_string_equal(f->violations[0]->subject, "list");
	protobuf_c_message_free_unpacked(&f->base, NULL);
	frame_drop(s);
}

static void
details__of_two_fields__name_both(void **state)
{
	Google__Rpc__Status *s = details_of(unary("refuse:violations", NULL));
	Google__Rpc__BadRequest *b = (Google__Rpc__BadRequest *)detail(s,
	    &google__rpc__bad_request__descriptor);

	(void)state;
	assert_int_equal(b->n_field_violations, 2);
	assert_string_equal(b->field_violations[0]->field, "record.nom");
	assert_string_equal(b->field_violations[1]->reason, "LUHN");
	protobuf_c_message_free_unpacked(&b->base, NULL);
	frame_drop(s);
}

static void
details__of_a_thousand_fields__stay_below_7_kib(void **state)
{
	struct http2_stream *st = unary("later", NULL);
	struct violation v[1000];
	struct err e = { 0 };
	Google__Rpc__BadRequest *b;
	Google__Rpc__Status *s;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		v[i] = (struct violation){
			.field = "records.organisation.nom",
			.description = "is longer than it may be; make it "
				       "shorter so that it fits into the page",
			.reason = "LONG",
		};
	err_set(&e, ERR_INVALID, "many fields");
	call_fail_violations(app.kept, &e, v, 1000);
	assert_in_range(strlen(fake_trailer(st, "grpc-status-details-bin")),
	    3000, 7168);
	s = details_of(st);
	b = (Google__Rpc__BadRequest *)detail(s,
	    &google__rpc__bad_request__descriptor);
	assert_in_range(b->n_field_violations, 20, 64);
	protobuf_c_message_free_unpacked(&b->base, NULL);
	frame_drop(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(admission__unknown_method__is_unimplemented),
		T(admission__path_that_is_not_utf8__is_quoted_in_ascii),
		T(admission__not_post__is_405),
		T(admission__content_types__are_grpc_or_415),
		T(admission__no_te_trailers__is_invalid),
		T(admission__headers_too_long__are_exhausted),
		T(admission__unknown_encoding__is_unimplemented_and_lists_ours),
		T(admission__malformed_timeout__is_invalid),
		T(admission__timeout_of_ages__is_none),
		T(admission__account_that_is_refused__is_unauthenticated),
		T(bytes__no_message__is_invalid),
		T(bytes__cut_anywhere__never_reach_the_handler),
		T(bytes__two_messages_to_a_unary_method__are_invalid),
		T(bytes__announced_beyond_the_limit__are_refused_at_once),
		T(bytes__announced_and_not_sent__take_no_memory),
		T(bytes__flag_byte_unknown__is_internal),
		T(bytes__not_protobuf__are_invalid_and_name_the_field),
		T(bytes__a_million_tiny_fields__are_refused),
		T(bytes__bad_message_in_a_stream__ends_it_after_what_was_sent),
		T(bytes__open_method__takes_no_long_request),
		T(bytes__of_all_calls_together__are_bounded),
		T(answer__beyond_the_limit__is_resource_exhausted),
		T(answer__minus_one_without_an_error__is_internal),
		T(details__of_a_conflict__hold_reason_facts_and_retry),
		T(details__of_a_rule__say_what_would_satisfy_it),
		T(details__of_two_fields__name_both),
		T(details__of_a_thousand_fields__stay_below_7_kib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
