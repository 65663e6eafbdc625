/* cli.c - one run: its connection and its calls; see cli.h. */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

enum { TOKEN_BYTES_MAX = 512, TIMEOUT_MAX_S = 86400 };

/* What libresopro finds worth saying. */
static void
on_warning(void *arg, const char *text)
{
	cli_warn(arg, "%s", text);
}

/* The token of token_file, in place of a token; 0 or an exit code. */
static int
read_token(struct cli *cli)
{
	char **values = cli->settings->values, *text;
	size_t len;
	int status;

	if (values[SETTING_TOKEN] != NULL || values[SETTING_TOKEN_FILE] == NULL)
		return 0;
	status = cli_read_file(cli, values[SETTING_TOKEN_FILE], TOKEN_BYTES_MAX,
	    &text, &len);
	if (status != 0)
		return status;
	text[strcspn(text, " \t\r\n")] = '\0';
	values[SETTING_TOKEN] = text;
	if (*text == '\0')
		return cli_fail(cli, EXIT_USAGE,
		    _("Put the token that “resopro account token create” "
		      "showed into it."),
		    _("%s is empty"), values[SETTING_TOKEN_FILE]);
	return 0;
}

static int
read_timeout(struct cli *cli)
{
	const char *text = cli->settings->values[SETTING_TIMEOUT];
	char name[300];
	uint64_t seconds;

	if (text == NULL)
		return 0;
	settings_name(cli->settings, SETTING_TIMEOUT, name, sizeof name);
	if (cli_number(cli, name, text, 1, TIMEOUT_MAX_S, &seconds) != 0)
		return EXIT_USAGE;
	cli->deadline_ms = (int64_t)seconds * 1000;
	return 0;
}

static int
load_settings(struct cli *cli)
{
	struct rsp_error e = { 0 };

	if (cli->settings != NULL)
		return 0;
	if ((cli->settings = calloc(1, sizeof *cli->settings)) == NULL)
		return EXIT_INTERNAL;
	if (settings_load(cli->settings, cli->args, &e) != 0)
		return cli_error(cli, &e, NULL);
	return read_token(cli) != 0 || read_timeout(cli) != 0 ? EXIT_USAGE : 0;
}

struct rsp_client *
cli_client(struct cli *cli)
{
	struct rsp_client_opts o = { .size = sizeof o };
	struct rsp_error e = { 0 };
	char **values;

	if (cli->client != NULL)
		return cli->client;
	if (load_settings(cli) != 0)
		return NULL;
	values = cli->settings->values;
	if (values[SETTING_SERVER] == NULL || *values[SETTING_SERVER] == '\0') {
		cli_fail(cli, EXIT_USAGE,
		    _("Give --server HOST:PORT, or RESOPRO_SERVER, or write "
		      "“server = HOST:PORT” in a profile (see resopro(1))."),
		    "%s", _("no server is named"));
		return NULL;
	}
	o.server = values[SETTING_SERVER];
	o.ca_file = values[SETTING_CA];
	o.cert_file = values[SETTING_CERT];
	o.key_file = values[SETTING_KEY];
	o.token = values[SETTING_TOKEN];
	o.server_name = values[SETTING_SERVER_NAME];
	o.user_agent = "resopro/" RESOPRO_VERSION;
	o.warn = on_warning;
	o.warn_arg = cli;
	if ((cli->client = rsp_client_new(&o, &e)) == NULL)
		cli_error(cli, &e, NULL);
	else
		rsp_client_set_interrupt_fd(cli->client, cli->interrupt_fd);
	return cli->client;
}

int
cli_call(struct cli *cli, const struct rsp_method *method,
    const ProtobufCMessage *request, ProtobufCMessage **response)
{
	struct rsp_client *client = cli_client(cli);
	struct rsp_error e = { 0 };

	*response = NULL;
	if (client == NULL)
		return EXIT_USAGE;
	if (rsp_call(client, method, request, response, cli->deadline_ms, &e) ==
	    0)
		return 0;
	return cli_error(cli, &e, NULL);
}

static bool
is_request_id(const char *text)
{
	size_t len = strlen(text);

	return len >= 16 && len <= 64 &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
		   '\0';
}

int
cli_request_id(struct cli *cli, char out[65])
{
	const char *given = args_nth(cli->args, "request-id", 0);
	struct rsp_error e = { 0 };
	char made[33];

	if (given != NULL && !is_request_id(given))
		return cli_fail(cli, EXIT_USAGE,
		    _("Use 16 to 64 letters, digits, dots, hyphens or "
		      "underscores; the same again to repeat."),
		    _("“%.70s” is no request id"), given);
	if (given == NULL && rsp_request_id(made, &e) != 0)
		return cli_error(cli, &e, NULL);
	snprintf(cli->request_id, sizeof cli->request_id, "%s",
	    given != NULL ? given : made);
	memcpy(out, cli->request_id, sizeof cli->request_id);
	return 0;
}

bool
cli_interrupted(const struct cli *cli)
{
	struct pollfd p = { .fd = cli->interrupt_fd, .events = POLLIN };

	return cli->interrupt_fd >= 0 && poll(&p, 1, 0) == 1;
}

char *
cli_field(const char *text)
{
	static char none[] = "";

	return text != NULL ? (char *)(uintptr_t)text : none;
}
