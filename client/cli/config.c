/* config.c - see config.h. */
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "closest.h"
#include "cmd.h"
#include "fault.h"
#include "i18n.h"

enum {
	SECTION_MAX = 100,
	/* What libinih holds of one line; longer ones would be cut in two. */
	LINE_BYTES = 190
};

/* One setting: its name in the file, its option, its variable. */
static const struct row {
	const char *key, *option, *env;
	bool is_path;
} rows[SETTING_COUNT] = {
	[SETTING_SERVER] = { "server", "server", "RESOPRO_SERVER", false },
	[SETTING_CA] = { "ca", "ca", "RESOPRO_CA", true },
	[SETTING_CERT] = { "cert", "cert", "RESOPRO_CERT", true },
	[SETTING_KEY] = { "key", "key", "RESOPRO_KEY", true },
	[SETTING_TOKEN] = { "token", NULL, "RESOPRO_TOKEN", false },
	[SETTING_TOKEN_FILE] = { "token_file", "token-file",
	    "RESOPRO_TOKEN_FILE", true },
	[SETTING_SERVER_NAME] = { "server_name", "server-name",
	    "RESOPRO_SERVER_NAME", false },
	[SETTING_TIMEOUT] = { "timeout", "timeout", "RESOPRO_TIMEOUT", false },
};

/* The reading of one file. */
struct reading {
	struct settings *settings;
	struct rsp_error *error;
	FILE *file;
	const char *path;
	const char *wanted; /* profile; NULL: the file decides */
	int line;           /* that was read last */
	bool found;         /* the profile's section was seen */
	bool failed, too_long;
	void (*each)(const char *); /* only list the profiles */
	char listed[SECTION_MAX];   /* the last one that was */
	char chosen[SECTION_MAX];   /* `profile` of the file */
};

/* ---- the file --------------------------------------------------------------- */

/* libinih does not say on which line it is: count what it is given. */
static char *
read_line(char *line, int size, void *arg)
{
	struct reading *r = arg;
	char *got = fgets(line, size, r->file);
	size_t len = got != NULL ? strlen(got) : 0, blank;

	if (got == NULL)
		return NULL;
	r->line++;
	if (len > LINE_BYTES && got[len - 1] != '\n' && !r->failed) {
		r->too_long = true;
		return NULL;
	}
	/* libinih would take an indented setting for more of the last one. */
	blank = strspn(got, " \t");
	memmove(got, got + blank, len - blank + 1);
	return got;
}

static char *
join(const char *dir, size_t len, const char *name)
{
	char *path;

	return asprintf(&path, "%.*s/%s", (int)len, dir, name) < 0 ? NULL
								   : path;
}

/* "~/x" is the user's; another relative path is beside the file. */
static char *
resolve(const char *file, const char *value)
{
	const char *home = getenv("HOME"), *slash = strrchr(file, '/');

	if (strncmp(value, "~/", 2) == 0 && home != NULL)
		return join(home, strlen(home), value + 2);
	if (*value == '/' || slash == NULL)
		return strdup(value);
	return join(file, (size_t)(slash - file), value);
}

static int
bad(struct reading *r, const char *remedy, const char *what)
{
	r->failed = true;
	return fault(r->error, RSP_ERR_CONFIG, remedy, "%s:%d: %s", r->path,
	    r->line, what);
}

static int
unknown_key(struct reading *r, const char *key)
{
	struct closest near = { .word = key };
	char what[160], remedy[220];
	size_t i, n;

	n = (size_t)snprintf(remedy, sizeof remedy, "%s", _("Allowed: "));
	for (i = 0; i < SETTING_COUNT; i++) {
		closest_try(&near, rows[i].key);
		n += (size_t)snprintf(remedy + n, sizeof remedy - n, "%s%s",
		    rows[i].key, i + 1 < SETTING_COUNT ? ", " : ".");
	}
	if (near.best != NULL)
		snprintf(what, sizeof what,
		    _("unknown key “%.40s”; did you mean “%s”?"), key,
		    near.best);
	else
		snprintf(what, sizeof what, _("unknown key “%.40s”"), key);
	return bad(r, remedy, what);
}

/* Of [profile NAME] the name, or NULL. */
static const char *
profile_of(const char *section)
{
	return strncmp(section, "profile ", 8) == 0 && section[8] != '\0'
		   ? section + 8 + strspn(section + 8, " ")
		   : NULL;
}

static int
set_key(struct reading *r, const char *key, const char *value, bool wanted)
{
	size_t i;
	char **at;

	for (i = 0; i < SETTING_COUNT; i++)
		if (strcmp(rows[i].key, key) == 0)
			break;
	if (i == SETTING_COUNT)
		return unknown_key(r, key);
	if (!wanted)
		return 0;
	at = &r->settings->values[i];
	free(*at);
	*at = rows[i].is_path ? resolve(r->path, value) : strdup(value);
	return 0;
}

/* Every section is checked, the wanted one is kept. */
static int
on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	const char *name = profile_of(section);

	if (r->failed)
		return 1;
	if (*section == '\0' && strcmp(key, "profile") == 0) {
		snprintf(r->chosen, sizeof r->chosen, "%s", value);
		return 1;
	}
	if (name == NULL) {
		bad(r,
		    *section == '\0' ? _("Settings stand under [profile NAME]; "
					 "above it only "
					 "“profile = NAME”.")
				     : _("Sections are called [profile NAME]."),
		    *section == '\0' ? _("setting outside of a profile")
				     : _("unknown section"));
		return 1;
	}
	if (r->each != NULL) {
		if (strcmp(r->listed, name) != 0)
			r->each(name);
		snprintf(r->listed, sizeof r->listed, "%s", name);
		return 1;
	}
	if (r->wanted == NULL)
		r->wanted = *r->chosen != '\0' ? r->chosen : "default";
	if (strcmp(name, r->wanted) == 0)
		r->found = true;
	set_key(r, key, value, strcmp(name, r->wanted) == 0);
	return 1;
}

/* 0, or -1 with the error filled in. */
static int
read_file(struct reading *r)
{
	int line = ini_parse_stream(read_line, r, on_key, r);

	if (r->failed)
		return -1;
	if (r->too_long)
		return bad(r, _("Keep each line under 190 bytes."),
		    _("the line is too long"));
	if (ferror(r->file))
		return fault(r->error, RSP_ERR_CONFIG,
		    _("Check the file and its permissions."), "%s: %s", r->path,
		    strerror(errno));
	if (line != 0) {
		r->line = line;
		return bad(r, _("Write “key = value”, or “[profile NAME]”."),
		    _("neither a setting nor a section"));
	}
	return 0;
}

/* ---- which file --------------------------------------------------------------- */

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/* The file to read, or NULL; *asked when the user named it. */
static char *
find_file(const struct args *args, bool *asked)
{
	const char *named = args_get(args, "config");
	const char *dir = env("XDG_CONFIG_HOME"), *home = env("HOME");
	char *path = NULL;

	if (named == NULL)
		named = env("RESOPRO_CONFIG");
	*asked = named != NULL;
	if (named != NULL)
		return strdup(named);
	if (dir != NULL)
		path = join(dir, strlen(dir), "resopro/config");
	else if (home != NULL)
		path = join(home, strlen(home), ".config/resopro/config");
	if (path != NULL && access(path, R_OK) == 0)
		return path;
	free(path);
	return access("/etc/resopro/config", R_OK) == 0
		   ? strdup("/etc/resopro/config")
		   : NULL;
}

/* Others may read a file that holds a token: they would be us. */
static int
check_mode(struct reading *r)
{
	struct stat st;

	if (r->settings->values[SETTING_TOKEN] == NULL ||
	    fstat(fileno(r->file), &st) != 0 || (st.st_mode & 077) == 0)
		return 0;
	return fault(r->error, RSP_ERR_CONFIG,
	    _("Make it yours alone: chmod 600, then try again."),
	    _("%s holds a token and others may read it"), r->path);
}

static int
load_file(struct reading *r, const struct args *args)
{
	bool asked;
	struct settings *s = r->settings;
	int status;

	s->file = find_file(args, &asked);
	if (s->file == NULL)
		return 0;
	r->path = s->file;
	if ((r->file = fopen(s->file, "re")) == NULL)
		return fault(r->error, RSP_ERR_CONFIG,
		    _("Check the path given by --config or RESOPRO_CONFIG."),
		    "%s: %s", s->file, strerror(errno));
	status = read_file(r);
	if (status == 0)
		status = check_mode(r);
	fclose(r->file);
	return status;
}

/* ---- all together --------------------------------------------------------------- */

static int
check_profile(struct reading *r, const char *asked)
{
	struct settings *s = r->settings;

	if (r->found) {
		s->profile = strdup(r->wanted);
		return 0;
	}
	if (asked == NULL && *r->chosen == '\0')
		return 0;
	if (s->file == NULL)
		return fault(r->error, RSP_ERR_CONFIG,
		    _("Write it in ~/.config/resopro/config; resopro(1) has an "
		      "example."),
		    _("there is no configuration file with the profile “%s”"),
		    asked);
	return fault(r->error, RSP_ERR_CONFIG,
	    _("Name one that the file has, or add it."),
	    _("%s has no profile “%s”"), s->file,
	    asked != NULL ? asked : r->chosen);
}

int
settings_load(struct settings *s, const struct args *args, struct rsp_error *e)
{
	struct reading r = { .settings = s, .error = e };
	const char *asked = args_get(args, "profile"), *value;
	bool named = asked != NULL;
	size_t i;

	memset(s, 0, sizeof *s);
	if (asked == NULL)
		asked = env("RESOPRO_PROFILE");
	r.wanted = asked;
	if (load_file(&r, args) != 0 || check_profile(&r, asked) != 0)
		return -1;
	for (i = 0; i < SETTING_COUNT; i++) {
		value = rows[i].option != NULL ? args_get(args, rows[i].option)
					       : NULL;
		s->origin[i] = value != NULL ? ORIGIN_OPTION : ORIGIN_PROFILE;
		if (value == NULL && !named &&
		    (value = env(rows[i].env)) != NULL)
			s->origin[i] = ORIGIN_ENVIRONMENT;
		if (value == NULL)
			continue;
		free(s->values[i]);
		s->values[i] = strdup(value);
	}
	return 0;
}

void
settings_name(const struct settings *s, enum setting i, char *out, size_t room)
{
	switch (s->origin[i]) {
	case ORIGIN_OPTION:
		snprintf(out, room, "--%s", rows[i].option);
		break;
	case ORIGIN_ENVIRONMENT:
		snprintf(out, room, "%s", rows[i].env);
		break;
	case ORIGIN_PROFILE:
		snprintf(out, room, "%s: %s", s->file, rows[i].key);
		break;
	}
}

void
settings_free(struct settings *s)
{
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++)
		free(s->values[i]);
	free(s->profile);
	free(s->file);
	memset(s, 0, sizeof *s);
}

void
settings_profiles(const struct args *args, void (*each)(const char *))
{
	struct settings s = { 0 };
	struct rsp_error e = { 0 };
	struct reading r = { .settings = &s, .error = &e, .each = each };

	load_file(&r, args);
	settings_free(&s);
}
