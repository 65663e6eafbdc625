/* What every server serves: health and reflection. */
#include "harness.h"

#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

#define SERVING 1
#define NOT_SERVING 2
#define SERVICE_UNKNOWN 3

typedef Grpc__Reflection__V1__ServerReflectionRequest Ask;
typedef Grpc__Reflection__V1__ServerReflectionResponse Answer;

static void
send_message(struct http2_stream *st, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *bytes = malloc(len + 1);

	protobuf_c_message_pack(m, bytes);
	frame_bytes(&in, 0, bytes, len);
	send_in(st);
	free(bytes);
}

/* ---- health ------------------------------------------------------------- */

static struct http2_stream *
health(const char *path, const char *service)
{
	Grpc__Health__V1__HealthCheckRequest q;
	struct http2_stream *st = fake_call(path, NULL);
	char *name = strdup(service);

	grpc__health__v1__health_check_request__init(&q);
	q.service = name;
	send_message(st, &q.base);
	free(name);
	fake_end(st);
	fake_read(st, SIZE_MAX);
	return st;
}

/* The next state in the answer; -1: none. */
static int
next_state(struct http2_stream *st)
{
	Grpc__Health__V1__HealthCheckResponse *r;
	size_t len;
	int state;

	if (buf_len(&st->body) < GRPC_FRAME_LEN)
		return -1;
	len = grpc_frame_length(buf_head(&st->body));
	r = grpc__health__v1__health_check_response__unpack(NULL, len,
	    buf_head(&st->body) + GRPC_FRAME_LEN);
	state = (int)r->status;
	grpc__health__v1__health_check_response__free_unpacked(r, NULL);
	buf_take(&st->body, GRPC_FRAME_LEN + len);
	return state;
}

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

static void
health__check_without_identity__is_serving(void **state)
{
	(void)state;
	app.refuse_admit = 1;
	assert_int_equal(next_state(health(CHECK, "")), SERVING);
	assert_int_equal(next_state(health(CHECK, "t.Echo")), SERVING);
	assert_int_equal(next_state(health(CHECK, "grpc.health.v1.Health")),
	    SERVING);
	assert_int_equal(app.admitted, 0);
}

static void
health__check_of_an_unknown_service__is_not_found(void **state)
{
	(void)state;
	assert_int_equal(fake_status(health(CHECK, "t.Ech")), GRPC_NOT_FOUND);
	assert_int_equal(fake_status(health(CHECK, "t.Echo/Unary")),
	    GRPC_NOT_FOUND);
	assert_int_equal(fake_status(health(CHECK, "no.Such")), GRPC_NOT_FOUND);
}

static void
health__watch_while_the_server_drains__tells(void **state)
{
	struct http2_stream *all = health(WATCH, "");
	struct http2_stream *unknown = health(WATCH, "no.Such");
	struct http2_stream *left = health(WATCH, "");

	(void)state;
	assert_int_equal(next_state(all), SERVING);
	assert_int_equal(next_state(unknown), SERVICE_UNKNOWN);
	fake_over(left, HTTP2_CANCEL);
	rpc_server_drain(server, 10000, NULL, NULL);
	fake_read(all, SIZE_MAX);
	assert_int_equal(next_state(all), NOT_SERVING);
	assert_int_equal(next_state(health(CHECK, "")), NOT_SERVING);
	assert_int_equal(fake_status(all), GRPC_UNAVAILABLE);
}

/* ---- reflection --------------------------------------------------------- */

static const char *const versions[] = {
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

static Answer *
next_answer(struct http2_stream *st)
{
	Answer *a;
	size_t len;

	fake_read(st, SIZE_MAX);
	assert_true(buf_len(&st->body) >= GRPC_FRAME_LEN);
	len = grpc_frame_length(buf_head(&st->body));
	a = grpc__reflection__v1__server_reflection_response__unpack(NULL, len,
	    buf_head(&st->body) + GRPC_FRAME_LEN);
	assert_non_null(a);
	buf_take(&st->body, GRPC_FRAME_LEN + len);
	return a;
}

static Answer *
ask(struct http2_stream *st, int what, const char *text)
{
	char *copy = strdup(text);
	Ask q;

	grpc__reflection__v1__server_reflection_request__init(&q);
	q.message_request_case = what;
	q.list_services = copy; /* all of the union's are strings */
	send_message(st, &q.base);
	free(copy);
	return next_answer(st);
}

static void
drop(Answer *a)
{
	grpc__reflection__v1__server_reflection_response__free_unpacked(a,
	    NULL);
}

#define BY_NAME 3
#define BY_SYMBOL 4
#define EXTENSIONS 6
#define SERVICES 7

/* Files are named by the first field of a FileDescriptorProto. */
static bool
file_is(const ProtobufCBinaryData *file, const char *name)
{
	return file->len > 2 && file->data[0] == 0x0A &&
	       file->data[1] == strlen(name) &&
	       memcmp(file->data + 2, name, strlen(name)) == 0;
}

static void
reflection__list__names_each_service_once(void **state)
{
	static const char *const wanted[] = { "t.Echo", "grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection",
		"grpc.reflection.v1alpha.ServerReflection" };

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct http2_stream *st = fake_call(versions[v], NULL);
		Answer *a = ask(st, SERVICES, "");

		assert_int_equal(a->list_services_response->n_service, 4);
		for (int i = 0; i < 4; i++)
			assert_string_equal(a->list_services_response
						->service[i]
						->name,
			    wanted[i]);
		drop(a);
		fake_end(st);
		fake_read_all(st);
		assert_int_equal(fake_status(st), GRPC_OK);
	}
}

static void
reflection__file_by_name__comes_with_its_imports(void **state)
{
	struct http2_stream *st = fake_call(versions[0], NULL);
	Answer *a = ask(st, BY_NAME, "google/rpc/status.proto");

	(void)state;
	assert_int_equal(a->file_descriptor_response->n_file_descriptor_proto,
	    2);
	assert_true(
	    file_is(&a->file_descriptor_response->file_descriptor_proto[0],
		"google/rpc/status.proto"));
	assert_true(
	    file_is(&a->file_descriptor_response->file_descriptor_proto[1],
		"google/protobuf/any.proto"));
	assert_string_equal(a->original_request->file_by_filename,
	    "google/rpc/status.proto");
	drop(a);
}

static void
reflection__symbols__are_found_in_their_file(void **state)
{
	static const struct {
		const char *symbol, *file;
	} rows[] = {
		{ "google.rpc.Status", "google/rpc/status.proto" },
		{ "google.rpc.BadRequest.FieldViolation",
		    "google/rpc/error_details.proto" },
		{ "grpc.health.v1.Health", "grpc/health/v1/health.proto" },
		{ "grpc.health.v1.Health.Watch",
		    "grpc/health/v1/health.proto" },
		{ "grpc.health.v1.HealthCheckResponse.ServingStatus",
		    "grpc/health/v1/health.proto" },
		{ "grpc.reflection.v1alpha.ServerReflection",
		    "grpc/reflection/v1alpha/reflection.proto" },
		{ "resopro.v1.Registry", "resopro/v1/registry.proto" },
		{ "google.rpc.Stat", NULL },
		{ "google.rpc", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ "grpc.health.v1.Health.Nothing", NULL },
		{ "google.rpc.Status.", NULL },
	};
	struct http2_stream *st = fake_call(versions[1], NULL);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		Answer *a = ask(st, BY_SYMBOL, rows[i].symbol);

		if (rows[i].file == NULL)
			assert_int_equal(a->error_response->error_code,
			    GRPC_NOT_FOUND);
		else
			assert_true(file_is(&a->file_descriptor_response
						 ->file_descriptor_proto[0],
			    rows[i].file));
		drop(a);
	}
}

static void
reflection__what_there_is_not__is_an_error_within_the_stream(void **state)
{
	struct http2_stream *st = fake_call(versions[0], NULL);
	Answer *a = ask(st, BY_NAME, "no/such.proto");

	(void)state;
	assert_int_equal(a->error_response->error_code, GRPC_NOT_FOUND);
	drop(a);
	a = ask(st, EXTENSIONS, "google.rpc.Status");
	assert_non_null(a->error_response);
	drop(a);
	assert_int_equal(fake_status(st), -1);
}

static void
reflection__without_identity__is_refused(void **state)
{
	(void)state;
	app.refuse_admit = 1;
	assert_int_equal(fake_status(fake_call(versions[0], NULL)),
	    GRPC_UNAUTHENTICATED);
}

static void
reflection__client_that_does_not_read__is_not_read_either(void **state)
{
	struct rpc_limits limits = { .send_high_water = 5000 };
	struct http2_stream *st;
	unsigned answers = 0;
	Ask q;

	(void)state;
	restart(&limits);
	st = fake_call(versions[0], NULL);
	grpc__reflection__v1__server_reflection_request__init(&q);
	q.message_request_case = SERVICES;
	q.list_services = q.host;
	for (int i = 0; i < 1000; i++)
		send_message(st, &q.base);
	fake_end(st);
	assert_true(buf_len(&st->queue) < 6000);
	fake_read_all(st);
	for (; buf_len(&st->body) > 0; answers++)
		drop(next_answer(st));
	assert_int_equal(answers, 1000);
	assert_int_equal(fake_status(st), GRPC_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(health__check_without_identity__is_serving),
		T(health__check_of_an_unknown_service__is_not_found),
		T(health__watch_while_the_server_drains__tells),
		T(reflection__list__names_each_service_once),
		T(reflection__file_by_name__comes_with_its_imports),
		T(reflection__symbols__are_found_in_their_file),
		T(reflection__what_there_is_not__is_an_error_within_the_stream),
		T(reflection__without_identity__is_refused),
		T(reflection__client_that_does_not_read__is_not_read_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
