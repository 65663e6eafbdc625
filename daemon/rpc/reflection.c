/*
 * reflection.c - grpc.reflection.v1 and v1alpha: what there is to call, out of
 * the descriptors that the build made from proto/.  Both versions have the
 * same messages on the wire, so one set of C types serves both.
 */
#include <stdio.h>
#include <string.h>

#include "descriptors.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/internal.h"
#include "wire/grpc.h"
#include "wire/pb.h"

#define FILES_MAX 64
#define SERVICES_MAX 64

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

enum { /* field numbers of google.protobuf's descriptors */
	SET_FILE = 1,
	FILE_NAME = 1,
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	MESSAGE_NESTED = 3,
	MESSAGE_ENUM = 4,
	SERVICE_METHOD = 2,
	ANY_NAME = 1,
};

struct span {
	const uint8_t *data;
	size_t len;
};

static struct pb_cursor
cursor(struct span s)
{
	return (struct pb_cursor){ s.data, s.data + s.len };
}

/* The first field of this number, or an empty span. */
static struct span
field(struct span message, uint64_t number)
{
	struct pb_cursor c = cursor(message);
	struct pb_field f;

	while (pb_next(&c, &f) == 1) {
		if (f.number == number)
			return (struct span){ f.data, f.len };
	}
	return (struct span){ NULL, 0 };
}

static bool
equals(struct span s, const char *text, size_t len)
{
	return s.len == len && (len == 0 || memcmp(s.data, text, len) == 0);
}

static struct span
file_at(size_t at)
{
	struct pb_cursor c = { descriptor_set,
		descriptor_set + descriptor_set_len };
	struct pb_field f;

	while (pb_next(&c, &f) == 1) {
		if (f.number == SET_FILE && at-- == 0)
			return (struct span){ f.data, f.len };
	}
	return (struct span){ NULL, 0 };
}

static int
file_named(const char *name, size_t len)
{
	struct span file;

	for (int i = 0; (file = file_at((size_t)i)).data != NULL; i++) {
		if (equals(field(file, FILE_NAME), name, len))
			return i;
	}
	return -1;
}

/* ---- symbols ------------------------------------------------------------ */

/* Is `symbol` this name, or does it begin with it and a dot?  What is left. */
static const char *
inside(const char *symbol, struct span name)
{
	if (symbol == NULL || name.len == 0)
		return symbol;
	if (strncmp(symbol, (const char *)name.data, name.len) != 0)
		return NULL;
	symbol += name.len;
	return *symbol == '.' ? symbol + 1 : *symbol == '\0' ? symbol : NULL;
}

static bool declares(struct span parent, const char *symbol, bool file);

static bool
declared_by(const struct pb_field *f, const char *symbol, bool file)
{
	struct span child = { f->data, f->len };
	const char *rest = inside(symbol, field(child, ANY_NAME));

	if (f->wire_type != 2 || rest == NULL)
		return false;
	if (*rest == '\0')
		return true;
	if (f->number == (file ? FILE_MESSAGE : MESSAGE_NESTED))
		return declares(child, rest, false);
	if (file && f->number == FILE_SERVICE) {
		struct pb_cursor c = cursor(child);
		struct pb_field m;

		while (pb_next(&c, &m) == 1) {
			struct span method = { m.data, m.len };

			if (m.number == SERVICE_METHOD &&
			    equals(field(method, ANY_NAME), rest, strlen(rest)))
				return true;
		}
	}
	return false;
}

/* Does a file, or a message, declare this symbol (relative to it)? */
static bool
declares(struct span parent, const char *symbol, bool file)
{
	struct pb_cursor c = cursor(parent);
	struct pb_field f;

	while (pb_next(&c, &f) == 1) {
		bool wanted =
		    file ? f.number >= FILE_MESSAGE && f.number <= FILE_SERVICE
			 : f.number == MESSAGE_NESTED ||
			       f.number == MESSAGE_ENUM;

		if (wanted && declared_by(&f, symbol, file))
			return true;
	}
	return false;
}

static int
file_of_symbol(const char *symbol)
{
	struct span file;

	if (symbol[0] == '.')
		symbol++;
	if (symbol[0] == '\0' || symbol[strlen(symbol) - 1] == '.')
		return -1;
	for (int i = 0; (file = file_at((size_t)i)).data != NULL; i++) {
		const char *rest = inside(symbol, field(file, FILE_PACKAGE));

		if (rest != NULL && *rest != '\0' && declares(file, rest, true))
			return i;
	}
	return -1;
}

/* ---- answers ------------------------------------------------------------ */

struct files { /* a file and all that it imports, each once */
	ProtobufCBinaryData list[FILES_MAX];
	bool taken[FILES_MAX];
	size_t n;
};

static void
take_file(struct files *fs, int at)
{
	struct span file;
	struct pb_cursor c;
	struct pb_field f;

	if (at < 0 || at >= FILES_MAX || fs->taken[at])
		return;
	fs->taken[at] = true;
	file = file_at((size_t)at);
	fs->list[fs->n].data = (uint8_t *)(uintptr_t)file.data;
	fs->list[fs->n++].len = file.len;
	c = cursor(file);
	while (pb_next(&c, &f) == 1) {
		if (f.number == FILE_DEPENDENCY)
			take_file(fs, file_named((const char *)f.data, f.len));
	}
}

static int
send_error(struct call *c, Response *r, const char *text, struct err *e)
{
	Grpc__Reflection__V1__ErrorResponse error;

	grpc__reflection__v1__error_response__init(&error);
	error.error_code = GRPC_NOT_FOUND;
	error.error_message = (char *)(uintptr_t)text;
	r->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	r->error_response = &error;
	return call_send(c, &r->base, e);
}

static int
send_files(struct call *c, Response *r, int at, struct err *e)
{
	Grpc__Reflection__V1__FileDescriptorResponse out =
	    GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	struct files fs = { .n = 0 };

	if (at < 0)
		return send_error(c, r, "there is no such file or symbol", e);
	take_file(&fs, at);
	out.n_file_descriptor_proto = fs.n;
	out.file_descriptor_proto = fs.list;
	r->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	r->file_descriptor_response = &out;
	return call_send(c, &r->base, e);
}

static int
send_services(struct call *c, Response *r, struct err *e)
{
	Grpc__Reflection__V1__ListServiceResponse out =
	    GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	Grpc__Reflection__V1__ServiceResponse each[SERVICES_MAX];
	Grpc__Reflection__V1__ServiceResponse *list[SERVICES_MAX];
	char names[SERVICES_MAX][128];
	const struct rpc_method *m;
	size_t n = 0;

	for (size_t i = 0;
	     n < SERVICES_MAX && (m = server_method_at(c->server, i)) != NULL;
	     i++) {
		const char *end = strchr(m->path + 1, '/');

		(void)snprintf(names[n], sizeof names[n], "%.*s",
		    (int)(end - m->path - 1), m->path + 1);
		if (n > 0 && strcmp(names[n], names[n - 1]) == 0)
			continue; /* methods stand together */
		grpc__reflection__v1__service_response__init(&each[n]);
		each[n].name = names[n];
		list[n] = &each[n];
		n++;
	}
	out.n_service = n;
	out.service = list;
	r->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	r->list_services_response = &out;
	return call_send(c, &r->base, e);
}

static int
answer(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	Request *q = (Request *)(uintptr_t)m; /* quoted, never changed */
	Response r;

	grpc__reflection__v1__server_reflection_response__init(&r);
	r.valid_host = q->host;
	r.original_request = q;
	switch (q->message_request_case) {
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		return send_files(c, &r,
		    file_named(q->file_by_filename,
			strlen(q->file_by_filename)),
		    e);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		return send_files(c, &r,
		    file_of_symbol(q->file_containing_symbol), e);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		return send_services(c, &r, e);
	default:
		return send_error(c, &r, "proto3 has no extensions", e);
	}
}

/* Who does not read the answers is not asked for more questions. */
static int
info(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	if (answer(c, m, e) < 0)
		return -1;
	if (!call_writable(c))
		call_pause(c);
	return 0;
}

static int
half_close(struct call *c, struct err *e)
{
	(void)e;
	call_finish(c);
	return 0;
}

const struct rpc_method reflection_methods[] = {
	{ .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	    .kind = RPC_BIDI,
	    .input =
		&grpc__reflection__v1__server_reflection_request__descriptor,
	    .message = info,
	    .half_close = half_close,
	    .writable = call_resume },
	{ .path =
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	    .kind = RPC_BIDI,
	    .input =
		&grpc__reflection__v1__server_reflection_request__descriptor,
	    .message = info,
	    .half_close = half_close,
	    .writable = call_resume },
	{ .path = NULL },
};
