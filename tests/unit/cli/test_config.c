/* Options over environment over profile; faults with file and line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../client/cli/args.h"
#include "../../../client/cli/config.h"

static const struct cmd none = { .name = "none", .help = "" };
static const struct cmd *const cmds[] = { &none, NULL };

struct fixture {
	char path[64];
	struct args args;
	struct settings settings;
	struct rsp_error error;
};

static int
setup(void **state)
{
	static const char *const names[] = { "RESOPRO_SERVER", "RESOPRO_CA",
		"RESOPRO_CERT", "RESOPRO_KEY", "RESOPRO_TOKEN",
		"RESOPRO_TOKEN_FILE", "RESOPRO_PROFILE", "RESOPRO_CONFIG",
		"RESOPRO_SERVER_NAME", "RESOPRO_TIMEOUT" };
	struct fixture *f = calloc(1, sizeof *f);
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	strcpy(f->path, "/tmp/test_config_XXXXXX");
	close(mkstemp(f->path));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	settings_free(&f->settings);
	args_free(&f->args);
	unlink(f->path);
	free(f);
	return 0;
}

/* Load a file of this text with a command line of options. */
static int
load(struct fixture *f, const char *text, const char *option, const char *value)
{
	static char program[] = "resopro", command[] = "none";
	static char opt[64], val[64], config[128];
	char *argv[] = { program, config, command, opt, val, NULL };
	FILE *file = fopen(f->path, "w");

	settings_free(&f->settings);
	args_free(&f->args);
	memset(&f->error, 0, sizeof f->error);
	fputs(text, file);
	fclose(file);
	snprintf(config, sizeof config, "--config=%s", f->path);
	snprintf(opt, sizeof opt, "%s", option != NULL ? option : "-q");
	snprintf(val, sizeof val, "%s", value != NULL ? value : "-y");
	assert_int_equal(args_parse(&f->args, cmds, 5, argv, &f->error), 0);
	return settings_load(&f->settings, &f->args, &f->error);
}

static const char two[] = "# a comment\n"
			  "profile = agence\n"
			  "[profile agence]\n"
			  "server = a.example:1\n"
			  "  ca = certs/ca.pem\n"
			  "cert = /abs/cert.pem\n"
			  "[profile ml]\n"
			  "server = b.example\n";

static void
settings__of_a_file__chosen_profile(void **state)
{
	struct fixture *f = *state;
	char **v = f->settings.values;

	assert_int_equal(load(f, two, NULL, NULL), 0);
	assert_string_equal(f->settings.profile, "agence");
	assert_string_equal(v[SETTING_SERVER], "a.example:1");
	assert_string_equal(v[SETTING_CA], "/tmp/certs/ca.pem");
	assert_string_equal(v[SETTING_CERT], "/abs/cert.pem");
	assert_null(v[SETTING_KEY]);
	assert_int_equal(load(f, two, "--profile", "ml"), 0);
	assert_string_equal(v[SETTING_SERVER], "b.example");
	assert_null(v[SETTING_CA]);
}

static void
settings__option_environment_profile__in_that_order(void **state)
{
	struct fixture *f = *state;
	char **v = f->settings.values;

	setenv("RESOPRO_SERVER", "env.example", 1);
	assert_int_equal(load(f, two, NULL, NULL), 0);
	assert_string_equal(v[SETTING_SERVER], "env.example");
	assert_int_equal(load(f, two, "--server", "opt.example"), 0);
	assert_string_equal(v[SETTING_SERVER], "opt.example");
	setenv("RESOPRO_PROFILE", "ml", 1);
	unsetenv("RESOPRO_SERVER");
	assert_int_equal(load(f, two, NULL, NULL), 0);
	assert_string_equal(v[SETTING_SERVER], "b.example");
}

static void
settings__profile_named_by_option__taken_whole(void **state)
{
	struct fixture *f = *state;
	char **v = f->settings.values;
	char name[64];

	setenv("RESOPRO_SERVER", "env.example", 1);
	setenv("RESOPRO_CERT", "/env/cert.pem", 1);
	assert_int_equal(load(f, two, "--profile", "ml"), 0);
	assert_string_equal(v[SETTING_SERVER], "b.example");
	assert_null(v[SETTING_CERT]);
	assert_int_equal(load(f, two, NULL, NULL), 0);
	assert_string_equal(v[SETTING_CERT], "/env/cert.pem");
	settings_name(&f->settings, SETTING_CERT, name, sizeof name);
	assert_string_equal(name, "RESOPRO_CERT");
	assert_int_equal(load(f, two, "--server", "opt.example"), 0);
	settings_name(&f->settings, SETTING_SERVER, name, sizeof name);
	assert_string_equal(name, "--server");
	settings_name(&f->settings, SETTING_CA, name, sizeof name);
	assert_non_null(strstr(name, ": ca"));
	unsetenv("RESOPRO_SERVER");
	unsetenv("RESOPRO_CERT");
}

/* A wrong file, the line, and words of the message. */
static const struct wrong {
	const char *text;
	int line;
	const char *msg;
} wrongs[] = {
	{ "[profile a]\nservr = x\n", 2,
	    "unknown key “servr”; did you mean “server”?" },
	{ "server = x\n", 1, "setting outside of a profile" },
	{ "[profil a]\nserver = x\n", 2, "unknown section" },
	{ "[profile a]\n\nserver\n", 3, "neither a setting nor a section" },
	{ "profile = b\n[profile a]\nserver = x\n", 0, "has no profile “b”" },
};

static void
settings__wrong_file__line_and_reason(void **state)
{
	struct fixture *f = *state;
	char where[96];
	size_t i;

	for (i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		assert_int_equal(load(f, wrongs[i].text, NULL, NULL), -1);
		assert_int_equal(f->error.code, RSP_ERR_CONFIG);
		assert_non_null(strstr(f->error.msg, wrongs[i].msg));
		assert_true(*f->error.remedy != '\0');
		snprintf(where, sizeof where, "%s:%d: ", f->path,
		    wrongs[i].line);
		if (wrongs[i].line > 0)
			assert_ptr_equal(strstr(f->error.msg, where),
			    f->error.msg);
	}
}

static void
settings__line_too_long__refused_not_cut(void **state)
{
	struct fixture *f = *state;
	char text[400];

	memset(text, 'x', sizeof text);
	memcpy(text, "[profile a]\nserver = ", 21);
	text[sizeof text - 1] = '\0';
	assert_int_equal(load(f, text, NULL, NULL), -1);
	assert_non_null(strstr(f->error.msg, "too long"));
}

static void
settings__token_that_others_may_read__refused(void **state)
{
	struct fixture *f = *state;

	chmod(f->path, 0644);
	assert_int_equal(load(f, "[profile default]\ntoken = t\n", NULL, NULL),
	    -1);
	assert_non_null(strstr(f->error.remedy, "chmod 600"));
	chmod(f->path, 0600);
	assert_int_equal(load(f, "[profile default]\ntoken = t\n", NULL, NULL),
	    0);
}

static void
settings__unknown_profile__refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, two, "--profile", "x"), -1);
	assert_non_null(strstr(f->error.msg, "has no profile “x”"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    settings__of_a_file__chosen_profile, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    settings__option_environment_profile__in_that_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    settings__profile_named_by_option__taken_whole, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    settings__wrong_file__line_and_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    settings__line_too_long__refused_not_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    settings__token_that_others_may_read__refused, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    settings__unknown_profile__refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
