/* help.h - what --help prints, from the tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli.h"

/* The help of the command found in cli->args, or of resopro itself. */
void help_print(struct cli *);

#endif
