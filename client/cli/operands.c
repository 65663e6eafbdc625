/* operands.c - what users type, to values; see cli.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "closest.h"
#include "dates.h"
#include "kinds.h"

int
cli_kind(struct cli *cli, const char *text, Resopro__V1__Kind *kind)
{
	const struct kind *k = kinds_by_word(text);
	struct closest near = { .word = text };
	char remedy[160];
	size_t i, w;

	if (strcasecmp(text, "account") == 0 || strcasecmp(text, "compte") == 0)
		return cli_fail(cli, EXIT_USAGE,
		    _("Use “resopro account list” and “resopro account show "
		      "ID”."),
		    "%s", _("accounts are not records of the register"));
	if (k != NULL) {
		*kind = k->kind;
		return 0;
	}
	for (i = 0; (k = kinds_at(i)) != NULL; i++)
		for (w = 0; k->words[w] != NULL; w++)
			closest_try(&near, k->words[w]);
	if (near.best != NULL)
		snprintf(remedy, sizeof remedy, _("Did you mean “%s”?"),
		    near.best);
	else
		snprintf(remedy, sizeof remedy, "%s",
		    _("Kinds: organisation, site, offer, status, activity, dispute, transfer."));
	return cli_fail(cli, EXIT_USAGE, remedy,
	    _("“%.60s” is no kind of "
	      "record"),
	    text);
}

int
cli_id(struct cli *cli, const char *what, const char *text)
{
	size_t len = strlen(text);

	if (len >= 1 && len <= 80 &&
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
		return 0;
	return cli_fail(cli, EXIT_USAGE,
	    _("An id has 1 to 80 small letters, digits and hyphens: "
	      "mission-locale-caen."),
	    _("%s: “%.90s” is no id"), what, text);
}

int
cli_number(struct cli *cli, const char *what, const char *text, uint64_t min,
    uint64_t max, uint64_t *out)
{
	char remedy[120], *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    *out >= min && *out <= max)
		return 0;
	if (max == UINT64_MAX)
		snprintf(remedy, sizeof remedy,
		    _("Write a whole number, %ju or more."), (uintmax_t)min);
	else
		snprintf(remedy, sizeof remedy,
		    _("Write a whole number from %ju to %ju."), (uintmax_t)min,
		    (uintmax_t)max);
	return cli_fail(cli, EXIT_USAGE, remedy,
	    _("%s: “%.60s” is not such a "
	      "number"),
	    what, text);
}

int
cli_date(struct cli *cli, const char *what, const char *text)
{
	if (dates_is_day(text))
		return 0;
	return cli_fail(cli, EXIT_USAGE,
	    _("Write a day that exists as 2026-02-28."),
	    _("%s: “%.40s” is no date"), what, text);
}

int
cli_as_of(struct cli *cli, const char *text, Resopro__V1__AsOf *as_of,
    Google__Protobuf__Timestamp *time)
{
	int64_t seconds;
	int32_t nanos;

	resopro__v1__as_of__init(as_of);
	google__protobuf__timestamp__init(time);
	if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
		return cli_number(cli, _("revision"), text, 1, UINT64_MAX,
		    &as_of->revision);
	if (dates_is_day(text)) {
		seconds = dates_end_of_day(text);
		nanos = 999999999;
	} else if (!dates_instant(text, &seconds, &nanos)) {
		return cli_fail(cli, EXIT_USAGE,
		    _("Write a revision (8401), a day (2026-02-28, its end) or "
		      "an instant (2026-02-28T12:00:00Z)."),
		    _("“%.60s” is no point in time"), text);
	}
	time->seconds = seconds;
	time->nanos = nanos;
	as_of->time = time;
	return 0;
}

/* ---- files -------------------------------------------------------------------- */

/* Reads to the end; -1 with errno, EFBIG when over max. */
static int
read_stream(FILE *in, size_t max, char **text, size_t *len)
{
	size_t room = 4096, n;
	char *buf = malloc(room), *more;

	*len = 0;
	while (buf != NULL) {
		n = fread(buf + *len, 1, room - *len - 1, in);
		*len += n;
		if (n == 0 || *len > max)
			break;
		if (room - *len > 1)
			continue;
		if ((more = realloc(buf, room *= 2)) == NULL)
			free(buf);
		buf = more;
	}
	if (buf == NULL || ferror(in) || *len > max) {
		if (buf != NULL && !ferror(in))
			errno = EFBIG;
		free(buf);
		return -1;
	}
	buf[*len] = '\0';
	*text = buf;
	return 0;
}

int
cli_read_file(struct cli *cli, const char *path, size_t max, char **text,
    size_t *len)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	int status, why;

	status = in == NULL ? -1 : read_stream(in, max, text, len);
	why = errno;
	if (in != NULL && !is_stdin)
		fclose(in);
	if (status == 0)
		return 0;
	if (cli_interrupted(cli))
		return EXIT_INTERRUPTED;
	return cli_fail(cli, EXIT_USAGE,
	    why == EFBIG ? _("Is it the right file?")
			 : _("Check the path and the permissions."),
	    "%s: %s", is_stdin ? _("standard input") : path, strerror(why));
}
