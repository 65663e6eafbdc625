/*
 * input.h - messages that users write as JSON, in a file or on stdin.
 *
 * One JSON value after another, spread over lines or not.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stddef.h>

#include "cli.h"

struct input {
	const char *path;
	char *text;     /* the whole file */
	const char *at; /* what follows */
	size_t left;
	int line; /* of `at`, from 1 */
};

/* Read the file ("-": stdin).  0, or an exit code after having told the user.
 * input_close() in any case. */
int input_open(struct cli *, struct input *, const char *path);
void input_close(struct input *);

enum input_got {
	INPUT_END,
	INPUT_ITEM,  /* *message: json_message_free() */
	INPUT_BAD,   /* told; go on with the next */
	INPUT_BROKEN /* told; nothing more can be read */
};

/* One form in which a message may be written. */
struct input_form {
	const ProtobufCMessageDescriptor *type;
	/* The form applies when the object has this member; NULL: always. */
	const char *member;
};

/* The next value, by the first form that applies; the last has no member.
 * *form is which.  *line: where it starts. */
enum input_got input_next(struct cli *, struct input *,
    const struct input_form *forms, size_t *form, int *line,
    ProtobufCMessage **);

#endif
