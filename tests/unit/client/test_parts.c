/* Parts of libresopro that need no server: options, methods, messages. */
#include <resopro/client.h>
#include <resopro/v1/activities.pb-c.h>
#include <resopro/v1/admin.pb-c.h>
#include <resopro/v1/memberships.pb-c.h>
#include <resopro/v1/ownership.pb-c.h>
#include <resopro/v1/referrals.pb-c.h>
#include <resopro/v1/registry.pb-c.h>
#include <resopro/v1/territories.pb-c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "../../../client/lib/check.h"
#include "../../../client/lib/fail.h"
#include "../../../client/lib/gzip.h"
#include "../../support/pki.h"

/* ---- options ------------------------------------------------------------- */

static void
assert_refused(const struct rsp_client_opts *o, const char *reason,
    const char *words)
{
	struct rsp_error e = { 0 };

	assert_null(rsp_client_new(o, &e));
	assert_int_equal(e.code, RSP_ERR_CONFIG);
	assert_string_equal(e.reason, reason);
	if (strstr(e.msg, words) == NULL)
		fail_msg("%s", e.msg);
}

static void
new__server_is_malformed__config_error(void **state)
{
	static const char *const servers[] = { ":1", "a:", "a:0", "a:65536",
		"a:1x", "::1", "[::1", "[::1]x", "a b", "http://a", "a/b",
		"[]:1" };
	struct rsp_client_opts o = { .size = sizeof o };

	(void)state;
	assert_refused(&o, "SERVER", "required");
	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
		o.server = servers[i];
		assert_refused(&o, "SERVER", servers[i]);
	}
	o.server = "a";
	o.size = 8;
	assert_refused(&o, "SIZE", "sizeof");
}

static void
new__server_is_well_formed__accepted(void **state)
{
	static const char *const servers[] = { "a", "a:1", "[::1]",
		"[::1]:65535", "127.0.0.1:7443" };
	struct rsp_client_opts o = { .size = sizeof o };
	struct rsp_error e;

	(void)state;
	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
		struct rsp_client *c;

		o.server = servers[i];
		assert_non_null(c = rsp_client_new(&o, &e));
		rsp_client_free(c);
	}
	rsp_client_free(NULL);
}

static void
new__token_ends_the_header__config_error(void **state)
{
	struct rsp_client_opts o = { .size = sizeof o,
		.server = "a",
		.token = "x\r\ny: z" };

	(void)state;
	assert_refused(&o, "HEADER", "token");
	o.token = NULL;
	o.user_agent = "a\nb";
	assert_refused(&o, "HEADER", "user_agent");
}

static void
new__file_is_unusable__names_option_and_file(void **state)
{
	struct pki *pki = pki_new();
	struct pki_leaf a = { .name = "a" }, b = { .name = "b" };
	struct rsp_client_opts o = { .size = sizeof o, .server = "a" };

	(void)state;
	pki_issue(pki, &a);
	pki_issue(pki, &b);
	pki_write(pki, "empty", "");
	pki_write(pki, "text", "hello\n");
	pki_write(pki, "secret",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MIGjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAjhdPNzDVA5vwICCAAw\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n");
	o.ca_file = "/does/not/exist";
	assert_refused(&o, "CA_FILE", "ca_file: /does/not/exist: No such file");
	o.ca_file = pki_path(pki, "empty");
	assert_refused(&o, "CA_FILE", "empty: the file is empty");
	o.ca_file = pki_path(pki, "text");
	assert_refused(&o, "CA_FILE", "text: holds no certificate");
	o.ca_file = pki_path(pki, "ca.pem");
	o.cert_file = pki_path(pki, "a.pem");
	assert_refused(&o, "KEY_FILE", "key_file is missing");
	o.key_file = pki_path(pki, "b.key");
	assert_refused(&o, "KEY_FILE", "is not the key of the certificate");
	o.key_file = pki_path(pki, "text");
	assert_refused(&o, "KEY_FILE", "holds no private key");
	o.cert_file = pki_path(pki, "text");
	assert_refused(&o, "CERT_FILE", "cert_file: ");
	pki_free(pki);
}

static char warned[256];

static void
on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(warned, sizeof warned, "%s", text);
}

static void
new__others_may_read_the_key__warned(void **state)
{
	struct pki *pki = pki_new();
	struct pki_leaf a = { .name = "a", .from = -1, .to = 90 * 86400 };
	struct rsp_client_opts o = { .size = sizeof o,
		.server = "a",
		.warn = on_warning };
	struct rsp_error e;
	struct rsp_client *c;

	(void)state;
	pki_issue(pki, &a);
	o.cert_file = pki_path(pki, "a.pem");
	o.key_file = pki_path(pki, "a.key");
	assert_int_equal(chmod(o.key_file, 0640), 0);
	assert_non_null(c = rsp_client_new(&o, &e));
	rsp_client_free(c);
	assert_non_null(strstr(warned, "others may read it (mode 0640)"));
	warned[0] = '\0';
	assert_int_equal(chmod(o.key_file, 0600), 0);
	assert_non_null(c = rsp_client_new(&o, &e));
	rsp_client_free(c);
	assert_string_equal(warned, "");
	pki_free(pki);
}

/* ---- methods ------------------------------------------------------------- */

static const ProtobufCServiceDescriptor *const services[] = {
	&resopro__v1__activities__descriptor,
	&resopro__v1__admin__descriptor,
	&resopro__v1__memberships__descriptor,
	&resopro__v1__ownership__descriptor,
	&resopro__v1__referrals__descriptor,
	&resopro__v1__registry__descriptor,
	&resopro__v1__territories__descriptor,
};

static void
methods__every_one_of_the_services__in_the_table(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
		for (unsigned j = 0; j < services[i]->n_methods; j++, n++) {
			const ProtobufCMethodDescriptor *d =
			    &services[i]->methods[j];
			const struct rsp_method *m;
			char path[128];

			(void)snprintf(path, sizeof path, "/%s/%s",
			    services[i]->name, d->name);
			m = rsp_method_find(path);
			if (m == NULL)
				fail_msg("%s is missing", path);
			assert_ptr_equal(m->input, d->input);
			assert_ptr_equal(m->output, d->output);
			assert_ptr_equal(rsp_method_find(
					     strchr(path + 1, 'v') + 3),
			    m);
		}
	}
	assert_non_null(rsp_method_at(n - 1));
	assert_null(rsp_method_at(n));
	assert_null(rsp_method_find("Registry/Absent"));
	assert_null(rsp_method_find(""));
}

/* What has a request_id changes something, and the other way round. */
static void
methods__effect__goes_with_the_request_id(void **state)
{
	const struct rsp_method *m;

	(void)state;
	for (size_t i = 0; (m = rsp_method_at(i)) != NULL; i++) {
		bool has =
		    protobuf_c_message_descriptor_get_field_by_name(m->input,
			"request_id") != NULL;

		if (m->kind == RSP_UNARY)
			assert_int_equal(m->effect == RSP_WRITE_ID, has);
	}
	assert_int_equal(rsp_registry_sync.effect, RSP_WRITE_ID);
	assert_int_equal(rsp_registry_watch.effect, RSP_READ);
}

/* ---- messages ------------------------------------------------------------ */

static void
message__packed_and_unpacked__the_same(void **state)
{
	Resopro__V1__RecordName name = RESOPRO__V1__RECORD_NAME__INIT;
	ProtobufCMessage *m;
	struct rsp_error e;
	uint8_t *bytes;
	size_t len;
	char id[] = "ml-évreux";

	(void)state;
	name.id = id;
	assert_int_equal(rsp_message_pack(&name.base, &bytes, &len, &e), 0);
	m = rsp_message_unpack(name.base.descriptor, bytes, len, &e);
	assert_non_null(m);
	assert_string_equal(((Resopro__V1__RecordName *)(void *)m)->id, id);
	rsp_message_free(m);
	free(bytes);
	m = rsp_message_unpack(name.base.descriptor, NULL, 0, &e);
	assert_non_null(m);
	rsp_message_free(m);
	rsp_message_free(NULL);
}

/* Every cut of a message is read or refused, and nothing else. */
static void
message__cut_anywhere__read_or_refused(void **state)
{
	static const uint8_t whole[] = { 0x0A, 4, 0x12, 2, 'a', 'b', 0x10, 7,
		0x22, 3, 0x80, 1, 1, 0x3A, 0, 0x1D, 1, 2, 3, 4 };
	struct rsp_error e;

	(void)state;
	for (size_t len = 0; len <= sizeof whole; len++) {
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, whole, len);
		rsp_message_free(
		    rsp_message_unpack(&resopro__v1__list_response__descriptor,
			copy, len, &e));
		free(copy);
	}
}

static void
check__small_bytes_that_grow__bounded_memory(void **state)
{
	uint8_t bytes[4000];
	struct rsp_error e;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i += 2) {
		bytes[i] = 2 << 3 | 2; /* records = 2, each empty */
		bytes[i + 1] = 0;
	}
	assert_int_equal(rsp_check(&resopro__v1__list_response__descriptor,
			     bytes, sizeof bytes, 1 << 20, &e),
	    0);
	assert_int_equal(rsp_check(&resopro__v1__list_response__descriptor,
			     bytes, sizeof bytes, 1 << 17, &e),
	    -1);
	assert_int_equal(e.code, RSP_RESOURCE_EXHAUSTED);
	assert_string_equal(e.reason, "MESSAGE_MEMORY");
}

static void
gunzip__bomb__ends_at_the_limit(void **state)
{
	size_t len = 8 << 20;
	uint8_t *zeros = calloc(1, len);
	struct buf small = { 0 }, out = { 0 };
	struct rsp_error e;

	(void)state;
	assert_int_equal(rsp_gzip(zeros, len, &small, &e), 0);
	assert_true(buf_len(&small) < 100000);
	assert_int_equal(rsp_gunzip(buf_head(&small), buf_len(&small), 1000,
			     &out, &e),
	    -1);
	assert_int_equal(e.code, RSP_RESOURCE_EXHAUSTED);
	assert_true(out.cap <= 65536);
	buf_reset(&out, 0);
	assert_int_equal(rsp_gunzip(buf_head(&small), buf_len(&small) - 9, len,
			     &out, &e),
	    -1);
	assert_int_equal(e.code, RSP_INTERNAL);
	buf_free(&small);
	buf_free(&out);
	free(zeros);
}

static void
request_id__two__differ_and_fit(void **state)
{
	char a[33], b[33];
	struct rsp_error e;

	(void)state;
	assert_int_equal(rsp_request_id(a, &e), 0);
	assert_int_equal(rsp_request_id(b, &e), 0);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
}

/* ---- errors -------------------------------------------------------------- */

static void
fail__text_too_long__cut_between_characters(void **state)
{
	struct rsp_error e;
	char text[2001], *at = text;

	(void)state;
	while (at < text + 2000)
		at = stpcpy(at, "é");
	assert_int_equal(rsp_fail(&e, RSP_INTERNAL, "R", text, "x%s", text),
	    -1);
	assert_int_equal(strlen(e.msg), 511);
	assert_int_equal(strlen(e.remedy), 254);
	assert_int_equal(rsp_fail(NULL, RSP_INTERNAL, "R", NULL, "x"), -1);
}

static void
code_name__every_code__its_name(void **state)
{
	(void)state;
	assert_string_equal(rsp_code_name(RSP_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(rsp_code_name(RSP_UNCERTAIN), "UNCERTAIN");
	assert_string_equal(rsp_code_name(RSP_ERR_TLS), "ERR_TLS");
	assert_string_equal(rsp_code_name((enum rsp_code)77), "UNKNOWN");
	assert_string_equal(rsp_version(), RSP_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T cmocka_unit_test
		T(new__server_is_malformed__config_error),
		T(new__server_is_well_formed__accepted),
		T(new__token_ends_the_header__config_error),
		T(new__file_is_unusable__names_option_and_file),
		T(new__others_may_read_the_key__warned),
		T(methods__every_one_of_the_services__in_the_table),
		T(methods__effect__goes_with_the_request_id),
		T(message__packed_and_unpacked__the_same),
		T(message__cut_anywhere__read_or_refused),
		T(check__small_bytes_that_grow__bounded_memory),
		T(gunzip__bomb__ends_at_the_limit),
		T(request_id__two__differ_and_fit),
		T(fail__text_too_long__cut_between_characters),
		T(code_name__every_code__its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
