/* territory.h - the one commune that a text names. */
#ifndef CLI_TERRITORY_H
#define CLI_TERRITORY_H

#include "cli.h"

enum { COMMUNE_NAME = 128 };

/*
 * Resolve a code, a name, a former name or a postal code; "com:14400" is the
 * INSEE code even where a postal code could be meant.  0 and the INSEE code and
 * name; else an exit code after having told the user: EXIT_INVALID when
 * several match (the choice is shown), EXIT_NOT_FOUND when none does.
 */
int territory_pick(struct cli *, const char *text, char code[8],
    char name[COMMUNE_NAME]);

#endif
