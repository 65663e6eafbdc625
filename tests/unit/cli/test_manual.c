/* resopro(1) and the tables of the commands say the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/args.h"
#include "../../../client/cli/commands.h"

static char manual[1 << 16];

static void
assert_in_manual(const char *what)
{
	if (strstr(manual, what) == NULL)
		fail_msg("resopro.1 does not have \"%s\"", what);
}

static void
check_options(const struct opt *o)
{
	char text[80];

	for (; o != NULL && o->name != NULL; o++) {
		snprintf(text, sizeof text, "Fl -%s", o->name);
		assert_in_manual(text);
		assert_true(o->help != NULL && *o->help != '\0');
	}
}

static void
check_commands(const struct cmd *const *cmds)
{
	for (; *cmds != NULL; cmds++) {
		const struct cmd *c = *cmds;

		assert_in_manual(c->name);
		assert_non_null(c->help);
		check_options(c->opts);
		if (c->subs != NULL)
			check_commands(c->subs);
		else
			assert_non_null(c->run);
		assert_true(c->min == 0 || c->args != NULL);
	}
}

static void
manual__every_command_and_option__described(void **state)
{
	FILE *file = fopen("client/cli/resopro.1", "r");

	(void)state;
	if (file == NULL)
		skip(); /* run from elsewhere than the tree */
	manual[fread(manual, 1, sizeof manual - 1, file)] = '\0';
	fclose(file);
	check_options(general_options);
	check_commands(commands);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual__every_command_and_option__described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
