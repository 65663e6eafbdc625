/* Answers in every format; what cannot be written is an error. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <resopro/v1/types.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/args.h"
#include "../../../client/cli/completion.h"
#include "../../../client/cli/kinds.h"
#include "../../../client/cli/output.h"

/* A list of one site in a format. */
static char *
listed(enum format format, size_t n)
{
	struct args args = { 0 };
	struct cli cli = { .args = &args, .format = format };
	Resopro__V1__Record record;
	Resopro__V1__Site site;
	char id[] = "s1", nom[] = "Un, \"deux\"", code[] = "14118";
	const struct kind *kind = kinds_by_word("LIEU");
	struct output *o;
	char *text = NULL;
	size_t len, i;

	cli.out = open_memstream(&text, &len);
	cli.err = stderr;
	resopro__v1__record__init(&record);
	resopro__v1__site__init(&site);
	record.id = id;
	record.kind = RESOPRO__V1__KIND__KIND_SITE;
	record.version = 3;
	record.body_case = RESOPRO__V1__RECORD__BODY_SITE;
	record.site = &site;
	site.nom = nom;
	site.code_insee = code;
	o = output_open(&cli, kind->columns, "records");
	for (i = 0; i < n; i++)
		output_item(o, &record.base);
	output_number(o, "revision", 42);
	assert_int_equal(output_close(o), EXIT_OK);
	fclose(cli.out);
	return text;
}

static void
assert_listed(enum format format, size_t n, const char *expected)
{
	char *text = listed(format, n);

	assert_string_equal(text, expected);
	free(text);
}

static void
list__each_format__as_documented(void **state)
{
	(void)state;
	assert_listed(FORMAT_JSONL, 1,
	    "{\"id\":\"s1\",\"kind\":\"KIND_SITE\",\"version\":\"3\","
	    "\"site\":{\"nom\":\"Un, \\\"deux\\\"\",\"code_insee\":"
	    "\"14118\"}}\n");
	assert_listed(FORMAT_CSV, 1,
	    "id,nom,commune,code_insee,telephone,organisation_id,version,"
	    "confirmed_at,freshness\n"
	    "s1,\"Un, \"\"deux\"\"\",,14118,,,3,,\n");
	assert_listed(FORMAT_JSON, 0,
	    "{\n  \"records\": [],\n  \"revision\": \"42\"\n}\n");
	assert_listed(FORMAT_TABLE, 0, "");
	assert_listed(FORMAT_CSV, 0,
	    "id,nom,commune,code_insee,telephone,organisation_id,version,"
	    "confirmed_at,freshness\n");
}

static void
answer__on_a_full_disk__is_an_error(void **state)
{
	struct args args = { 0 };
	struct cli cli = { .args = &args, .format = FORMAT_JSON };
	Resopro__V1__Record record;
	char *said = NULL;
	size_t len;

	(void)state;
	resopro__v1__record__init(&record);
	cli.out = fopen("/dev/full", "w");
	cli.err = open_memstream(&said, &len);
	assert_int_equal(output_message(&cli, &record.base), EXIT_INTERNAL);
	fclose(cli.err);
	assert_non_null(strstr(said, "No space left"));
	free(said);
	fclose(cli.out);
}

/* An error of the server and what it becomes. */
static const struct outcome {
	enum rsp_code code;
	bool maybe_written;
	const char *reason;
	enum exit_code exit;
} outcomes[] = {
	{ RSP_NOT_FOUND, false, "", EXIT_NOT_FOUND },
	{ RSP_PERMISSION_DENIED, false, "", EXIT_DENIED },
	{ RSP_UNAUTHENTICATED, false, "", EXIT_DENIED },
	{ RSP_ABORTED, false, "", EXIT_CONFLICT },
	{ RSP_ALREADY_EXISTS, false, "", EXIT_CONFLICT },
	{ RSP_INVALID_ARGUMENT, false, "", EXIT_INVALID },
	{ RSP_FAILED_PRECONDITION, false, "", EXIT_INVALID },
	{ RSP_UNAVAILABLE, false, "", EXIT_UNAVAILABLE },
	{ RSP_DEADLINE_EXCEEDED, false, "", EXIT_UNAVAILABLE },
	{ RSP_DEADLINE_EXCEEDED, true, "", EXIT_UNCERTAIN },
	{ RSP_UNCERTAIN, true, "", EXIT_UNCERTAIN },
	{ RSP_CANCELLED, false, "INTERRUPTED", EXIT_INTERRUPTED },
	{ RSP_CANCELLED, true, "INTERRUPTED", EXIT_UNCERTAIN },
	{ RSP_INTERNAL, false, "", EXIT_INTERNAL },
	{ RSP_ERR_CONFIG, false, "", EXIT_USAGE },
};

static void
error__of_each_kind__its_exit_code_and_a_remedy(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
		struct args args = { 0 };
		struct cli cli = { .args = &args };
		struct rsp_error e = { .code = outcomes[i].code,
			.maybe_written = outcomes[i].maybe_written };
		char *said = NULL;
		size_t len;

		strcpy(e.reason, outcomes[i].reason);
		strcpy(e.msg, "a\033[31mb");
		cli.out = stdout;
		cli.err = open_memstream(&said, &len);
		assert_int_equal(cli_error(&cli, &e, "x"), outcomes[i].exit);
		fclose(cli.err);
		assert_null(strchr(said, '\033'));
		assert_true(outcomes[i].exit == EXIT_INTERRUPTED ||
			    strstr(said, "→") != NULL);
		free(said);
	}
}

static void
completion__printed__is_the_installed_file(void **state)
{
	char text[4096] = "";
	FILE *file = fopen("client/cli/resopro.bash", "r");

	(void)state;
	if (file == NULL)
		skip(); /* run from elsewhere than the tree */
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, completion_bash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list__each_format__as_documented),
		cmocka_unit_test(answer__on_a_full_disk__is_an_error),
		cmocka_unit_test(
		    error__of_each_kind__its_exit_code_and_a_remedy),
		cmocka_unit_test(completion__printed__is_the_installed_file),
	};

	setenv("RESOPRO_LANG", "en", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
