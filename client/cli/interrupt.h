/* interrupt.h - SIGINT and SIGTERM as a readable file descriptor. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* Install the handlers; the descriptor, or -1.  The first signal makes it
 * readable, the second kills as usual. */
int interrupt_open(void);

#endif
