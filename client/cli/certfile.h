/* certfile.h - the fingerprint by which accounts know a certificate. */
#ifndef CLI_CERTFILE_H
#define CLI_CERTFILE_H

#include "cli.h"

/* SHA-256 in lower-case hex of a certificate: given as the fingerprint itself
 * (64 digits, colons allowed) or as a PEM file, whose first certificate counts.
 * 0, or an exit code after having told the user. */
int certfile_sha256(struct cli *, const char *text, char out[65]);

#endif
