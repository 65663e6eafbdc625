/* resoprod.conf: what is read, refused with file and line, and documented. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../daemon/config.h"
#include "../../support/slurp.h"

struct fx {
	char path[64];
	struct config *config;
	char *problems;
	size_t problems_len;
	struct err e;
};

static int
setup(void **state)
{
	struct fx *f = calloc(1, sizeof *f);
	int fd;

	snprintf(f->path, sizeof f->path, "/tmp/resoprod-conf-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fx *f = *state;

	config_free(f->config);
	free(f->problems);
	unlink(f->path);
	free(f);
	return 0;
}

static void
load(struct fx *f, const char *text)
{
	FILE *file = fopen(f->path, "w");
	FILE *problems = open_memstream(&f->problems, &f->problems_len);

	assert_non_null(file);
	assert_int_not_equal(fputs(text, file), EOF);
	assert_int_equal(fclose(file), 0);
	f->config = config_load(f->path, problems, &f->e);
	assert_int_equal(fclose(problems), 0);
}

static void
assert_problem(struct fx *f, const char *text)
{
	assert_null(f->config);
	assert_int_equal(f->e.code, ERR_INVALID);
	if (strstr(f->problems, text) == NULL)
		fail_msg("no \"%s\" in: %s", text, f->problems);
}

static void
config__file_is_empty__defaults(void **state)
{
	struct fx *f = *state;

	load(f, "");
	assert_non_null(f->config);
	assert_int_equal(f->config->address_count, 1);
	assert_string_equal(f->config->addresses[0], "127.0.0.1:7443");
	assert_int_equal(f->config->store_map_size, UINT64_C(64) << 30);
	assert_int_equal(f->config->request_ms, 60000);
	assert_int_equal(f->config->tls_client_cert, CONFIG_CERT_REQUESTED);
	assert_int_equal(f->config->log_level, 2);
	assert_true(f->config->store_prefault);
	assert_string_equal(f->config->tls_crl_file, "");
}

static void
config__values_with_units__read(void **state)
{
	struct fx *f = *state;

	load(f, "# comment\n[store]\nmap_size = 2 GiB\nquota=1500MiB\n"
		"prefault = no\n\n[limits]\nidle = 90min ; inline\n"
		"max_streams = 7\n[tls]\nclient_cert = required\n"
		"allow_tls12=yes\n[log]\nlevel = debug\n"
		"[freshness]\nsite = 45d\noffer = 0d\nwarn_percent = 0\n");
	assert_non_null(f->config);
	assert_int_equal(f->config->store_map_size, UINT64_C(2) << 30);
	assert_int_equal(f->config->store_quota, UINT64_C(1500) << 20);
	assert_false(f->config->store_prefault);
	assert_int_equal(f->config->idle_ms, 90 * 60000);
	assert_int_equal(f->config->max_streams, 7);
	assert_int_equal(f->config->tls_client_cert, CONFIG_CERT_REQUIRED);
	assert_true(f->config->tls_allow_tls12);
	assert_int_equal(f->config->log_level, 3);
	assert_int_equal(f->config->fresh_organisation, 180);
	assert_int_equal(f->config->fresh_site, 45);
	assert_int_equal(f->config->fresh_offer, 0);
	assert_int_equal(f->config->fresh_warn_percent, 0);
}

static void
config__several_addresses__replace_the_default(void **state)
{
	struct fx *f = *state;

	load(f, "[listen]\naddress = 192.0.2.1:7443\naddress = [::1]:0\n");
	assert_non_null(f->config);
	assert_int_equal(f->config->address_count, 2);
	assert_string_equal(f->config->addresses[0], "192.0.2.1:7443");
	assert_string_equal(f->config->addresses[1], "[::1]:0");
}

static void
config__too_many_addresses__refused(void **state)
{
	struct fx *f = *state;
	char text[512] = "[listen]\n";

	for (int i = 0; i <= CONFIG_ADDRESSES; i++)
		strcat(text, "address = *:1\n");
	load(f, text);
	assert_problem(f, ":10: [listen] address: 8 at most");
}

static void
config__unknown_key__named_with_line_and_what_is_allowed(void **state)
{
	struct fx *f = *state;
	char where[160];

	load(f, "[store]\n\nmapsize = 1GiB\n");
	snprintf(where, sizeof where,
	    "%s:3: [store] has no option \"mapsize\"; allowed: dir, map_size",
	    f->path);
	assert_problem(f, where);
	assert_non_null(strstr(f->e.msg, ":3: [store] has no option"));
	assert_non_null(strstr(f->e.remedy, "dir, map_size, quota"));
}

static void
config__unknown_section__sections_are_told(void **state)
{
	struct fx *f = *state;

	load(f, "[storage]\ndir = /x\n");
	assert_problem(f, ":2: there is no section [storage]; allowed: listen, "
			  "tls, store, workers, data, limits, freshness, "
			  "log");
}

static void
config__several_mistakes__each_is_told_and_the_first_returned(void **state)
{
	struct fx *f = *state;

	load(f, "[limits]\nidle = soon\nmax_streams = -1\nsyncs = 0\n"
		"[store]\ndir = here\ndir = /a\ndir = /b\n"
		"[log]\nengine = etcd\n[freshness]\nsite = 36h\n"
		"offer = 3651d\n");
	assert_problem(f, ":2: [limits] idle: \"soon\" is not a number and ms");
	assert_problem(f, ":3: [limits] max_streams: \"-1\" is not a whole");
	assert_problem(f, ":4: [limits] syncs: 0 is not from 1 to 100000");
	assert_problem(f, ":6: [store] dir: \"here\" is not an absolute path");
	assert_problem(f, ":7: [store] dir was given on line 6 already");
	assert_problem(f, ":8: [store] dir was given on line 6 already");
	assert_problem(f, ":10: [log] engine: \"etcd\" is not one of local");
	assert_problem(f,
	    ":12: [freshness] site: \"36h\" is not a number and d");
	assert_problem(f,
	    ":13: [freshness] offer: 3651d is not from 0d to 3650d");
	assert_non_null(strstr(f->e.msg, ":2: "));
}

static void
config__number_out_of_bounds__bounds_in_its_unit(void **state)
{
	struct fx *f = *state;

	load(f, "[store]\nmap_size = 1MiB\n[limits]\n"
		"arena_bytes = 99999999999999999999\n"
		"list_work = 18446744073709551615\nidle=99999999999999999d\n");
	assert_problem(f, ":2: [store] map_size: 1MiB is not from 16MiB to "
			  "64TiB");
	assert_problem(f, ":4: [limits] arena_bytes: \"999");
	assert_problem(f, ":5: [limits] list_work: 18446744073709551615 is "
			  "not from 100");
	assert_problem(f, ":6: [limits] idle: \"9999");
}

static void
config__line_without_equals__told(void **state)
{
	struct fx *f = *state;

	load(f, "[log]\nlevel info\n");
	assert_problem(f, ":2: this is neither [section]");
}

static void
config__line_too_long__told_and_not_cut(void **state)
{
	struct fx *f = *state;
	char text[1024] = "[store]\ndir = /";

	memset(text + strlen(text), 'a', 900);
	load(f, text);
	assert_problem(f, ":2: the line is longer than");
}

static void
config__values_contradict__told(void **state)
{
	struct fx *f = *state;

	load(f, "[store]\nmap_size = 1GiB\nquota = 2GiB\n");
	assert_problem(f, "[store] quota is more than map_size");
}

static void
config__file_is_absent__io_error_names_it(void **state)
{
	struct fx *f = *state;

	f->config = config_load("/nonexistent/resoprod.conf", NULL, &f->e);
	assert_null(f->config);
	assert_int_equal(f->e.code, ERR_IO);
	assert_non_null(strstr(f->e.msg, "/nonexistent/resoprod.conf"));
}

typedef void writer(FILE *);

static char *
written(writer *w)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	w(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Keep what the table says, for whoever changes it to copy. */
static void
keep(const char *name, const char *text)
{
	const char *dir = getenv("RESOPRO_BUILD");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "build", name);
	f = fopen(path, "w");
	if (f == NULL)
		return;
	fputs(text, f);
	fclose(f);
	print_message("what the table says is now in %s\n", path);
}

static void
config_file__in_the_tree__is_what_the_table_says(void **state)
{
	char *said = written(config_write_file);
	size_t len;
	char *file = slurp("config/resoprod.conf", &len);
	bool same = strcmp(said, file) == 0;

	(void)state;
	if (!same)
		keep("resoprod.conf", said);
	free(said);
	free(file);
	assert_true(same);
}

static void
config_manual__in_the_tree__holds_what_the_table_says(void **state)
{
	char *said = written(config_write_manual);
	size_t len;
	char *page = slurp("daemon/resoprod.conf.5", &len);
	bool held = strstr(page, said) != NULL;

	(void)state;
	if (!held)
		keep("resoprod.conf.5.options", said);
	free(said);
	free(page);
	assert_true(held);
}

static void
config_file__every_option_uncommented__gives_the_defaults(void **state)
{
	struct fx *f = *state;
	size_t len;
	char *file = slurp("config/resoprod.conf", &len);

	for (char *p = file; (p = strchr(p, '#')) != NULL; p++)
		if (p[1] != ' ')
			*p = ' ';
	for (char *p = file; (p = strstr(p, "\n ")) != NULL;)
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	load(f, file);
	free(file);
	assert_string_equal(f->problems, "");
	assert_non_null(f->config);
	assert_int_equal(f->config->list_work, 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config__file_is_empty__defaults),
		TEST(config__values_with_units__read),
		TEST(config__several_addresses__replace_the_default),
		TEST(config__too_many_addresses__refused),
		TEST(config__unknown_key__named_with_line_and_what_is_allowed),
		TEST(config__unknown_section__sections_are_told),
		TEST(
		    config__several_mistakes__each_is_told_and_the_first_returned),
		TEST(config__number_out_of_bounds__bounds_in_its_unit),
		TEST(config__line_without_equals__told),
		TEST(config__line_too_long__told_and_not_cut),
		TEST(config__values_contradict__told),
		TEST(config__file_is_absent__io_error_names_it),
		TEST(config_file__in_the_tree__is_what_the_table_says),
		TEST(config_manual__in_the_tree__holds_what_the_table_says),
		TEST(config_file__every_option_uncommented__gives_the_defaults),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
