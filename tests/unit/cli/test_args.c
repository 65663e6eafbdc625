/* The command line against its tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/args.h"

static const struct opt push_opts[] = {
	{ .letter = 'f', .name = "full", .help = "" },
	{ .letter = 'n', .name = "limit", .arg = "N", .help = "" },
	{ .name = "kind",
	    .arg = "KIND",
	    .flags = OPT_MANY,
	    .help = "",
	    .complete = "site offer" },
	{ 0 }
};

static int
run(struct cli *cli, const struct args *args)
{
	(void)cli;
	(void)args;
	return 0;
}

static const struct cmd push = {
	.name = "push",
	.args = "PATH",
	.min = 1,
	.max = 1,
	.help = "",
	.opts = push_opts,
	.run = run,
};
static const struct cmd create = {
	.name = "create",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = "",
	.run = run,
};
static const struct cmd *const token_subs[] = { &create, NULL };
static const struct cmd token = {
	.name = "token",
	.help = "",
	.subs = token_subs,
};
static const struct cmd *const cmds[] = { &push, &token, NULL };

/* Parse words apart by blanks; the result and the error. */
static int
parse(struct args *a, struct rsp_error *e, char *line)
{
	static char *argv[16];
	int argc = 1;
	char *word;

	memset(e, 0, sizeof *e);
	argv[0] = line;
	for (word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	return args_parse(a, cmds, argc, argv, e);
}

static void
parse__options_anywhere__values_and_operands(void **state)
{
	char line[] = "-q push --limit=5 -f --kind site a.csv --kind offer";
	struct args a;
	struct rsp_error e;

	(void)state;
	assert_int_equal(parse(&a, &e, line), 0);
	assert_ptr_equal(a.cmd, &push);
	assert_string_equal(a.path, "push");
	assert_string_equal(args_get(&a, "limit"), "5");
	assert_true(args_has(&a, "full") && args_has(&a, "quiet"));
	assert_string_equal(args_nth(&a, "kind", 1), "offer");
	assert_null(args_nth(&a, "kind", 2));
	assert_int_equal(args_count(&a), 1);
	assert_string_equal(args_operand(&a, 0), "a.csv");
	assert_null(args_operand(&a, 1));
	args_free(&a);
}

static void
parse__grouped_letters_and_double_dash__as_everywhere(void **state)
{
	char line[] = "push -fn7 -- --limit";
	struct args a;
	struct rsp_error e;

	(void)state;
	assert_int_equal(parse(&a, &e, line), 0);
	assert_string_equal(args_get(&a, "limit"), "7");
	assert_true(args_has(&a, "full"));
	assert_string_equal(args_operand(&a, 0), "--limit");
	args_free(&a);
}

static void
parse__group__verb_found_and_named(void **state)
{
	char line[] = "token create x";
	struct args a;
	struct rsp_error e;

	(void)state;
	assert_int_equal(parse(&a, &e, line), 0);
	assert_ptr_equal(a.cmd, &create);
	assert_string_equal(a.path, "token create");
	args_free(&a);
}

static void
parse__help__operands_not_wanted(void **state)
{
	char line[] = "push --help", word[] = "help push", bare[] = "--help";
	struct args a;
	struct rsp_error e;

	(void)state;
	assert_int_equal(parse(&a, &e, line), 0);
	assert_true(a.help);
	args_free(&a);
	assert_int_equal(parse(&a, &e, word), 0);
	assert_true(a.help && a.cmd == &push);
	args_free(&a);
	assert_int_equal(parse(&a, &e, bare), 0);
	assert_true(a.help && a.cmd == NULL);
	args_free(&a);
}

/* A wrong line and what is said of it. */
static const struct wrong {
	const char *line, *msg, *remedy;
} wrongs[] = {
	{ "psuh a", "unknown command “psuh”", "Did you mean “push”?" },
	{ "zebra", "unknown command “zebra”", "" },
	{ "token creat x", "unknown command “token creat”",
	    "Did you mean “create”?" },
	{ "token", "“token” wants one of its commands", "" },
	{ "", "no command is given", "" },
	{ "push", "something is missing: resopro push PATH", "" },
	{ "push a b", "“b” is too much: resopro push PATH", "" },
	{ "push --limt 5 a", "unknown option --limt", "Did you mean --limit?" },
	{ "push -z a", "unknown option -z", "" },
	{ "push a --limit", "--limit wants a value: N", "" },
	{ "push a --full=yes", "--full takes no value", "" },
	{ "push a --kind lieu", "--kind: “lieu” is not one of the values",
	    "Allowed: site offer." },
	{ "push a -n1 -n2", "--limit is given twice", "Keep one of them." },
	{ "push a -o xml", "--output: “xml” is not one of the values",
	    "Allowed: table json jsonl csv." },
};

static void
parse__wrong_line__says_what_and_what_instead(void **state)
{
	struct args a;
	struct rsp_error e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		char *line = strdup(wrongs[i].line);

		assert_int_equal(parse(&a, &e, line), -1);
		assert_string_equal(e.msg, wrongs[i].msg);
		assert_string_equal(e.remedy, wrongs[i].remedy);
		args_free(&a);
		free(line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__options_anywhere__values_and_operands),
		cmocka_unit_test(
		    parse__grouped_letters_and_double_dash__as_everywhere),
		cmocka_unit_test(parse__group__verb_found_and_named),
		cmocka_unit_test(parse__help__operands_not_wanted),
		cmocka_unit_test(parse__wrong_line__says_what_and_what_instead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
