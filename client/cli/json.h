/*
 * json.h - protobuf-c messages as proto3 JSON, both ways, by their descriptors.
 *
 * Names are those of the .proto files ("code_insee"); the lowerCamelCase form
 * is read too.  Timestamps are RFC 3339, 64-bit integers strings, enums their
 * names, bytes base64.  Fields that are not set are left out; unknown wire
 * fields are not shown.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- writing ------------------------------------------------------------ */

/* One message.  indent < 0: on one line; else spread out, its lines after the
 * first indented by that many spaces.  No newline at the end.  Errors are
 * those of the FILE (ferror). */
void json_write(FILE *, const ProtobufCMessage *, int indent);

/* One field's value, on one line: a list in [], a message that is not set as
 * null. */
void json_write_field(FILE *, const ProtobufCMessage *,
    const ProtobufCFieldDescriptor *);

/* Bytes as a JSON string in base64. */
void json_write_bytes(FILE *, const ProtobufCBinaryData *);

/* A JSON string with quotes.  Characters that could act on a terminal are
 * escaped.  Invalid UTF-8 becomes U+FFFD. */
void json_write_string(FILE *, const char *text);

/* One field's value as people read it: text as it is, times in RFC 3339, enums
 * in short lower case ("site" for KIND_SITE), lists apart by `separator`,
 * a Count as
 * CODE=NUMBER, other messages as JSON.  "" when not set.  free() it; NULL without memory. */
char *json_field_text(const ProtobufCMessage *,
    const ProtobufCFieldDescriptor *, const char *separator);

/* Is each value of the field a Count (CODE=NUMBER)? */
bool json_is_count(const ProtobufCFieldDescriptor *);

/* A value that the server wrote as JSON, as people read it: the entries of a
 * list apart by commas, a count as CODE=NUMBER; any other text as it is.
 * free() it; NULL without memory. */
char *json_plain(const char *text);

/* Is the field set (proto3: other than its default)? */
int json_field_is_set(const ProtobufCMessage *,
    const ProtobufCFieldDescriptor *);

/* The short name of an enum's value: "site"; a number when unknown, written
 * into `buf`. */
const char *json_enum_short(const ProtobufCEnumDescriptor *, int value,
    char buf[48]);

/* Bytes of memory that one value of the field takes. */
size_t json_value_size(const ProtobufCFieldDescriptor *);

/* ---- reading ------------------------------------------------------------ */

struct json_fault {
	int line;         /* from 1; 0 when not known */
	char path[160];   /* "site.position.latitude"; "" the whole */
	char msg[256];    /* translated */
	char remedy[640]; /* translated */
};

/*
 * A message from a parsed value.  `text`, when not NULL, is what it was parsed
 * from and `first_line` its first line: the fault then has the line.
 * Owns: the caller, json_message_free().
 * Fails: NULL, *fault says where and what is allowed.
 */
ProtobufCMessage *json_read(const ProtobufCMessageDescriptor *, json_t *,
    const char *text, int first_line, struct json_fault *);

/* Parse one JSON text and read it. */
ProtobufCMessage *json_read_text(const ProtobufCMessageDescriptor *,
    const char *text, size_t len, int first_line, struct json_fault *);

void json_message_free(ProtobufCMessage *);

#endif
