/* form.c - see form.h. */
#include "form.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { OPTION_MAX = 48 };

bool
form_is_used(struct cli *cli, const struct form_row *row)
{
	for (; row->option != NULL; row++)
		if (args_has(cli->args, row->option))
			return true;
	return false;
}

/* "tous=12" as {"code": "tous", "people": 12}; NULL after telling. */
static json_t *
count(struct cli *cli, const char *option, const char *text)
{
	const char *equals = strchr(text, '=');
	char name[OPTION_MAX];
	uint64_t people;

	if (equals == NULL || equals == text) {
		cli_fail(cli, EXIT_USAGE, _("Write it as CODE=NUMBER."),
		    _("--%s: “%.60s” has no code and number"), option, text);
		return NULL;
	}
	snprintf(name, sizeof name, "--%s", option);
	if (cli_number(cli, name, equals + 1, 0, 1000000, &people) != 0)
		return NULL;
	return json_pack("{s:s%,s:I}", "code", text, (size_t)(equals - text),
	    "people", (json_int_t)people);
}

static json_t *
list(struct cli *cli, const struct form_row *row)
{
	json_t *array = json_array(), *item;
	const char *text;
	size_t i;

	for (i = 0; (text = args_nth(cli->args, row->option, i)) != NULL; i++) {
		item = row->type == FORM_COUNTS ? count(cli, row->option, text)
						: json_string(text);
		if (item == NULL || json_array_append_new(array, item) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
decimal(struct cli *cli, const struct form_row *row, const char *text)
{
	char *end;
	double d = strtod(text, &end);

	if (*text != '\0' && *end == '\0' &&
	    text[strspn(text, "0123456789.")] == '\0')
		return json_real(d);
	cli_fail(cli, EXIT_USAGE, _("Write it as 12.5."),
	    _("--%s: “%.60s” is no number"), row->option, text);
	return NULL;
}

/* The option's value as JSON; NULL after telling. */
static json_t *
value_of(struct cli *cli, const struct form_row *row)
{
	const char *text = args_get(cli->args, row->option);
	char name[OPTION_MAX];
	uint64_t n;

	snprintf(name, sizeof name, "--%s", row->option);
	switch (row->type) {
	case FORM_DATE:
		return cli_date(cli, name, text) == 0 ? json_string(text)
						      : NULL;
	case FORM_ID:
		return cli_id(cli, name, text) == 0 ? json_string(text) : NULL;
	case FORM_NUMBER:
		return cli_number(cli, name, text, 0, UINT32_MAX, &n) == 0
			   ? json_integer((json_int_t)n)
			   : NULL;
	case FORM_DECIMAL:
		return decimal(cli, row, text);
	case FORM_FLAG:
		return json_true();
	case FORM_TEXTS:
	case FORM_COUNTS:
		return list(cli, row);
	case FORM_TEXT:
		break;
	}
	return json_string(text);
}

/* Every option that is missing, in one message. */
static int
check_required(struct cli *cli, const struct form_row *row)
{
	char missing[400] = "";
	size_t len = 0, n = 0;

	for (; row->option != NULL; row++) {
		if (!row->required || args_has(cli->args, row->option))
			continue;
		if (len < sizeof missing)
			len += (size_t)snprintf(missing + len,
			    sizeof missing - len, "%s--%s", n > 0 ? ", " : "",
			    row->option);
		n++;
	}
	return n == 0 ? 0
		      : cli_usage(cli,
			    i18n_plural("%s is missing", "%s are missing", n),
			    missing);
}

static int
fill(struct cli *cli, const struct form_row *row, json_t *object)
{
	json_t *value;

	if (check_required(cli, row) != 0)
		return EXIT_USAGE;
	for (; row->option != NULL; row++) {
		if (!args_has(cli->args, row->option))
			continue;
		value = value_of(cli, row);
		if (value == NULL ||
		    json_object_set_new(object, row->field, value) != 0)
			return EXIT_USAGE;
	}
	return 0;
}

ProtobufCMessage *
form_read(struct cli *cli, const struct form_row *rows,
    const ProtobufCMessageDescriptor *type)
{
	json_t *object = json_object();
	struct json_fault fault;
	ProtobufCMessage *m = NULL;

	if (fill(cli, rows, object) == 0) {
		m = json_read(type, object, NULL, 0, &fault);
		if (m == NULL)
			cli_fail(cli, EXIT_USAGE, fault.remedy, "%s: %s",
			    fault.path, fault.msg);
	}
	json_decref(object);
	return m;
}
