/* commands.h - every command of resopro, in the order of its help. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cmd.h"

extern const struct cmd cmd_status, cmd_whoami, cmd_list, cmd_search, cmd_show,
    cmd_put, cmd_delete, cmd_confirm, cmd_freshness, cmd_history, cmd_watch,
    cmd_push, cmd_spool, cmd_pull, cmd_account, cmd_pki, cmd_territory,
    cmd_membership, cmd_activity, cmd_refer, cmd_explain, cmd_dispute,
    cmd_transfer, cmd_completion;

/* Ends with NULL. */
extern const struct cmd *const commands[];

#endif
