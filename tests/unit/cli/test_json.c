/* proto3 JSON, both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <resopro/v1/admin.pb-c.h>
#include <resopro/v1/registry.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/json.h"

static ProtobufCMessage *
read(const ProtobufCMessageDescriptor *d, const char *text,
    struct json_fault *f)
{
	return json_read_text(d, text, strlen(text), 1, f);
}

static char *
written(const ProtobufCMessage *m, int indent)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	json_write(out, m, indent);
	fclose(out);
	return text;
}

/* Read and written again, the text is this one. */
static void
assert_same(const ProtobufCMessageDescriptor *d, const char *in,
    const char *out)
{
	struct json_fault f;
	ProtobufCMessage *m = read(d, in, &f);
	char *text;

	assert_string_equal(f.msg, "");
	assert_non_null(m);
	text = written(m, -1);
	assert_string_equal(text, out);
	free(text);
	json_message_free(m);
}

static void
round_trip__every_type__same_text(void **state)
{
	static const char record[] =
	    "{\"id\":\"a\",\"kind\":\"KIND_SITE\",\"version\":"
	    "\"18446744073709551615\",\"created_at\":"
	    "\"2026-01-02T03:04:05.500Z\",\"deleted\":true,\"site\":{\"nom\":"
	    "\"Caf\u00e9\",\"position\":{\"latitude\":49.18,\"longitude\":"
	    "-0.37},\"modes_accueil\":[\"x\",\"y\"],\"itinerant\":true}}";
	static const char account[] =
	    "{\"id\":\"b\",\"roles\":[\"ROLE_CREFOP\",42],\"tokens\":[{"
	    "\"hash\":\"AAH/\"},{\"id\":\"t\",\"hash\":\"AA==\"}]}";

	(void)state;
	assert_same(&resopro__v1__record__descriptor, record, record);
	assert_same(&resopro__v1__account__descriptor, account, account);
}

static void
read__lenient_forms__taken(void **state)
{
	(void)state;
	assert_same(&resopro__v1__record__descriptor,
	    "{\"sourceId\":\"x\",\"kind\":\"site\",\"version\":3,"
	    "\"owner\":null,\"site\":{}}",
	    "{\"kind\":\"KIND_SITE\",\"source_id\":\"x\",\"version\":\"3\","
	    "\"site\":{}}");
	assert_same(&resopro__v1__record__descriptor,
	    "{\"updated_at\":\"2026-07-01T02:00:00+02:00\"}",
	    "{\"updated_at\":\"2026-07-01T00:00:00Z\"}");
}

static void
write__spread__indented(void **state)
{
	struct json_fault f;
	ProtobufCMessage *m = read(&resopro__v1__batch_get_request__descriptor,
	    "{\"names\":[{\"kind\":1,\"id\":\"a\"}]}", &f);
	char *text = written(m, 0);

	(void)state;
	assert_string_equal(text, "{\n  \"names\": [\n    {\n      \"kind\": "
				  "\"KIND_ORGANISATION\",\n      \"id\": "
				  "\"a\"\n    }\n  ]\n}");
	free(text);
	json_message_free(m);
}

static void
write__text_that_acts_on_terminals__escaped(void **state)
{
	Resopro__V1__Site site;
	char nom[] = "a\033[31m\xc2\x9b\xe2\x80\xae\"\\\n\xff";
	char *text;

	(void)state;
	resopro__v1__site__init(&site);
	site.nom = nom;
	text = written(&site.base, -1);
	assert_string_equal(text, "{\"nom\":\"a\\u001b[31m\\u009b\\u202e"
				  "\\\"\\\\\\n\\ufffd\"}");
	free(text);
}

/* One wrong text and what is said of it. */
static const struct wrong {
	const char *text;
	int line;
	const char *path, *msg, *remedy;
} wrongs[] = {
	{ "{\n \"site\": {\n  \"telefone\": 1}}", 3, "site.telefone",
	    "unknown field “telefone”", "Did you mean “telephone”?" },
	{ "{\n \"site\": {\n  \"nom\":\n   12}}", 4, "site.nom",
	    "expected a text, found a number", "Write a text there." },
	{ "{\"site\": {\"modes_accueil\": [\"a\",\n{}]}}", 2,
	    "site.modes_accueil[1]", "expected a text, found an object",
	    "Write a text there." },
	{ "{\"kind\": \"KIND_CITE\"}", 1, "kind", "“KIND_CITE” is not known",
	    "Allowed: KIND_ORGANISATION, KIND_SITE, KIND_OFFER, KIND_STATUS, "
	    "KIND_ACTIVITY, KIND_ACCOUNT, KIND_DISPUTE, "
	    "KIND_TRANSFER, KIND_SECRET." },
	{ "{\"version\": -1}", 1, "version",
	    "not a whole number from 0, or too large",
	    "Write a whole number in digits." },
	{ "{\"version\": \"18446744073709551616\"}", 1, "version",
	    "not a whole number from 0, or too large",
	    "Write a whole number in digits." },
	{ "{\"site\": {},\n\"offer\": {}}", 2, "offer",
	    "“offer” excludes another field that is given",
	    "Keep one of them." },
	{ "{\"created_at\": \"hier\"}", 1, "created_at", "“hier” is no time",
	    "Write it as 2026-02-28T12:00:00Z (RFC 3339)." },
	{ "[]", 1, "", "expected an object, found a list",
	    "Write an object there." },
};

static void
read__wrong_text__line_path_and_remedy(void **state)
{
	struct json_fault f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		assert_null(
		    read(&resopro__v1__record__descriptor, wrongs[i].text, &f));
		assert_string_equal(f.path, wrongs[i].path);
		assert_string_equal(f.msg, wrongs[i].msg);
		assert_string_equal(f.remedy, wrongs[i].remedy);
		assert_int_equal(f.line, wrongs[i].line);
	}
}

static void
read__no_json__line(void **state)
{
	struct json_fault f;

	(void)state;
	assert_null(json_read_text(&resopro__v1__record__descriptor,
	    "{\n\"id\": }", 9, 10, &f));
	assert_int_equal(f.line, 11);
	assert_null(read(&resopro__v1__record__descriptor,
	    "{\"id\":\"a\",\"id\":\"b\"}", &f));
	assert_non_null(strstr(f.msg, "duplicate"));
}

static void
text__of_fields__as_people_read_them(void **state)
{
	const ProtobufCMessageDescriptor *d = &resopro__v1__record__descriptor;
	struct json_fault f;
	ProtobufCMessage *m =
	    read(d, "{\"kind\":\"KIND_SITE\",\"version\":7}", &f);
	char *text;

	(void)state;
	text = json_field_text(m,
	    protobuf_c_message_descriptor_get_field_by_name(d, "kind"), "|");
	assert_string_equal(text, "site");
	free(text);
	text = json_field_text(m,
	    protobuf_c_message_descriptor_get_field_by_name(d, "version"), "|");
	assert_string_equal(text, "7");
	free(text);
	json_message_free(m);
}

static void
plain__lists_and_counts__without_json(void **state)
{
	static const struct {
		const char *json, *plain;
	} rows[] = {
		{ "", "" },
		{ "Caen", "Caen" },
		{ "[à vérifier", "[à vérifier" },
		{ "[]", "" },
		{ "[\"en-presentiel\",\"a-distance\"]",
		    "en-presentiel, a-distance" },
		{ "[{\"code\":\"f\",\"people\":3},{\"code\":\"nr\"}]",
		    "f=3, nr=0" },
		{ "[{\"id\":\"x\",\"date\":\"2026-01-01\"}]",
		    "{\"id\": \"x\", \"date\": \"2026-01-01\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *plain = json_plain(rows[i].json);

		assert_string_equal(plain, rows[i].plain);
		free(plain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain__lists_and_counts__without_json),
		cmocka_unit_test(round_trip__every_type__same_text),
		cmocka_unit_test(read__lenient_forms__taken),
		cmocka_unit_test(write__spread__indented),
		cmocka_unit_test(write__text_that_acts_on_terminals__escaped),
		cmocka_unit_test(read__wrong_text__line_path_and_remedy),
		cmocka_unit_test(read__no_json__line),
		cmocka_unit_test(text__of_fields__as_people_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
