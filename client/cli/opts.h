/* opts.h - rows that several commands have in their table of options. */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include "cmd.h"
#include "i18n.h"

#define OPT_ROW_REQUEST_ID                                                     \
	{                                                                      \
		.name = "request-id", .arg = "ID",                             \
		.help = N_("repeat with the same id: it is done once")         \
	}
#define OPT_ROW_IF_VERSION                                                     \
	{                                                                      \
		.name = "if-version", .arg = "N",                              \
		.help = N_("only if the record still has this version")        \
	}
#define OPT_ROW_AS_OF                                                          \
	{                                                                      \
		.name = "as-of", .arg = "WHEN",                                \
		.help = N_("as it stood: revision, day (its end) or instant")  \
	}
#define OPT_ROW_ALL                                                            \
	{                                                                      \
		.name = "all", .help = N_("every page")                        \
	}
#define OPT_ROW_LIMIT                                                          \
	{                                                                      \
		.letter = 'n', .name = "limit", .arg = "N",                    \
		.help = N_("at most so many (100)")                            \
	}

#endif
