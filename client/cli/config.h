/*
 * config.h - where the server is and who we are: options override the
 * environment, the environment overrides the profile of a configuration file;
 * a profile that --profile names is taken whole, whatever the environment says.
 *
 *	# ~/.config/resopro/config
 *	profile = agence		; used when none is asked for
 *	[profile agence]
 *	server = registre.normandie.example:7443
 *	ca = ca.pem			; relative to this file
 *	cert = agence.pem
 *	key = agence.key
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include <resopro/error.h>
#include <stddef.h>

struct args;

enum setting {
	SETTING_SERVER,
	SETTING_CA,
	SETTING_CERT,
	SETTING_KEY,
	SETTING_TOKEN,
	SETTING_TOKEN_FILE,
	SETTING_SERVER_NAME,
	SETTING_TIMEOUT, /* seconds, as text */
	SETTING_COUNT
};

enum setting_origin { ORIGIN_PROFILE, ORIGIN_ENVIRONMENT, ORIGIN_OPTION };

struct settings {
	char *values[SETTING_COUNT]; /* NULL: not set */
	enum setting_origin origin[SETTING_COUNT];
	char *profile; /* its name, or NULL */
	char *file;    /* configuration file read, or NULL */
};

/*
 * Fill in.  settings_free() in any case.
 * The file: --config, RESOPRO_CONFIG, $XDG_CONFIG_HOME/resopro/config or
 * ~/.config/resopro/config, /etc/resopro/config; only one that was asked for
 * must exist.  The profile: --profile, RESOPRO_PROFILE, `profile` of the file,
 * [profile default].
 * Fails: -1 with RSP_ERR_CONFIG: file, line and what is allowed.
 */
int settings_load(struct settings *, const struct args *, struct rsp_error *);
void settings_free(struct settings *);

/* What the user calls a setting where he set it: "--timeout",
 * "RESOPRO_TIMEOUT" or "FILE: timeout". */
void settings_name(const struct settings *, enum setting, char *, size_t room);

/* Names of the profiles of the configuration file, for completion; `each` is
 * called with one name. */
void settings_profiles(const struct args *, void (*each)(const char *));

#endif
