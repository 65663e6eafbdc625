/* completion.h - the completion script, for the test that compares it. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

/* What `resopro completion bash` prints. */
extern const char completion_bash[];

#endif
