/*
 * form.h - a message filled in from options, by a table.
 *
 * An option "--legal-basis" sets the field legal_basis unless its row says
 * another; values are converted as JSON is, with the same faults.
 */
#ifndef CLI_FORM_H
#define CLI_FORM_H

#include "cli.h"

enum form_type {
	FORM_TEXT,
	FORM_DATE,
	FORM_ID,
	FORM_NUMBER,
	FORM_DECIMAL,
	FORM_FLAG,
	FORM_TEXTS, /* an OPT_MANY option: a list */
	FORM_COUNTS /* an OPT_MANY option "CODE=N": a list of Count */
};

/* Ends with a NULL option. */
struct form_row {
	const char *option, *field;
	enum form_type type;
	bool required;
};

/* Is any of the options given? */
bool form_is_used(struct cli *, const struct form_row *);

/* The message, json_message_free(); NULL after having told the user. */
ProtobufCMessage *form_read(struct cli *, const struct form_row *,
    const ProtobufCMessageDescriptor *);

#endif
