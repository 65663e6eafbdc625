/* json_write.c - messages to proto3 JSON and to text; see json.h. */
#include "json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "term.h"

typedef ProtobufCFieldDescriptor field_desc;

static const char count_name[] = "resopro.v1.Count";
static const char timestamp_name[] = "google.protobuf.Timestamp";

/* ---- values ---------------------------------------------------------------- */

static const void *
member(const ProtobufCMessage *m, const field_desc *f)
{
	return (const char *)m + f->offset;
}

static size_t
quantifier(const ProtobufCMessage *m, const field_desc *f)
{
	size_t n;

	memcpy(&n, (const char *)m + f->quantifier_offset, sizeof n);
	return n;
}

size_t
json_value_size(const field_desc *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

/* Is a lone value other than the default of its type? */
static bool
value_is_set(const field_desc *f, const void *value)
{
	static const char zero[8];
	ProtobufCBinaryData bytes;
	const char *text;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		memcpy(&text, value, sizeof text);
		return text != NULL && *text != '\0';
	case PROTOBUF_C_TYPE_MESSAGE:
		memcpy(&text, value, sizeof text);
		return text != NULL;
	case PROTOBUF_C_TYPE_BYTES:
		memcpy(&bytes, value, sizeof bytes);
		return bytes.len > 0;
	default:
		return memcmp(value, zero, json_value_size(f)) != 0;
	}
}

int
json_field_is_set(const ProtobufCMessage *m, const field_desc *f)
{
	uint32_t chosen;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return quantifier(m, f) > 0;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&chosen, (const char *)m + f->quantifier_offset,
		    sizeof chosen);
		return chosen == f->id;
	}
	return value_is_set(f, member(m, f));
}

/* ---- JSON ------------------------------------------------------------------- */

static void
put_escaped(FILE *out, utf8proc_int32_t c)
{
	if (c < 0x10000) {
		fprintf(out, "\\u%04x", (unsigned)c);
		return;
	}
	c -= 0x10000;
	fprintf(out, "\\u%04x\\u%04x", 0xd800u + ((unsigned)c >> 10),
	    0xdc00u + ((unsigned)c & 0x3ff));
}

static void
put_char(FILE *out, utf8proc_int32_t c, const char *bytes, size_t len)
{
	static const char names[] = "\b\f\n\r\t\"\\";
	static const char letters[] = "bfnrt\"\\";
	const char *name;

	if (c > 0 && c < 0x80 && (name = strchr(names, c)) != NULL)
		fprintf(out, "\\%c", letters[name - names]);
	else if (c < 0x20 || term_is_unsafe(c))
		put_escaped(out, c);
	else
		fwrite(bytes, 1, len, out);
}

void
json_write_string(FILE *out, const char *text)
{
	const char *end = text + strlen(text);

	putc('"', out);
	while (text < end) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n =
		    utf8proc_iterate((const uint8_t *)text, end - text, &c);

		if (n <= 0) {
			fputs("\\ufffd", out);
			text++;
			continue;
		}
		put_char(out, c, text, (size_t)n);
		text += n;
	}
	putc('"', out);
}

void
json_write_bytes(FILE *out, const ProtobufCBinaryData *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	putc('"', out);
	for (i = 0; i < b->len; i += 3) {
		size_t left = b->len - i;
		unsigned v = (unsigned)b->data[i] << 16 |
			     (left > 1 ? (unsigned)b->data[i + 1] << 8 : 0) |
			     (left > 2 ? b->data[i + 2] : 0);

		putc(digits[v >> 18], out);
		putc(digits[v >> 12 & 63], out);
		putc(left > 1 ? digits[v >> 6 & 63] : '=', out);
		putc(left > 2 ? digits[v & 63] : '=', out);
	}
	putc('"', out);
}

/* The shortest decimal that reads back as the same number. */
static void
write_double(FILE *out, double v)
{
	char buf[32];
	int digits;

	if (!isfinite(v)) {
		fputs(isnan(v) ? "\"NaN\""
		      : v > 0  ? "\"Infinity\""
			       : "\"-Infinity\"",
		    out);
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof buf, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	fputs(buf, out);
}

static void
format_timestamp(char out[64], const ProtobufCMessage *m)
{
	const field_desc *f = m->descriptor->fields;
	int64_t seconds;
	int32_t nanos;
	time_t t;
	struct tm tm;
	size_t n;

	memcpy(&seconds, member(m, &f[0]), sizeof seconds);
	memcpy(&nanos, member(m, &f[1]), sizeof nanos);
	t = (time_t)seconds;
	if (gmtime_r(&t, &tm) == NULL) {
		snprintf(out, 64, "%" PRId64, seconds);
		return;
	}
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (nanos != 0) /* 3, 6 or 9 digits, as proto3 JSON wants */
		n += (size_t)(nanos % 1000000 == 0
				  ? snprintf(out + n, 24, ".%03d",
					nanos / 1000000)
			      : nanos % 1000 == 0
				  ? snprintf(out + n, 24, ".%06d", nanos / 1000)
				  : snprintf(out + n, 24, ".%09d", nanos));
	strcpy(out + n, "Z");
}

static void
write_enum(FILE *out, const field_desc *f, int value)
{
	const ProtobufCEnumValue *v =
	    protobuf_c_enum_descriptor_get_value(f->descriptor, value);

	if (v != NULL)
		json_write_string(out, v->name);
	else
		fprintf(out, "%d", value);
}

static void
write_message_value(FILE *out, const ProtobufCMessage *m, int indent)
{
	char time[64];

	if (m == NULL) {
		fputs("null", out);
	} else if (strcmp(m->descriptor->name, timestamp_name) == 0) {
		format_timestamp(time, m);
		fprintf(out, "\"%s\"", time);
	} else {
		json_write(out, m, indent);
	}
}

/* One value at `at`. */
static void
write_value(FILE *out, const field_desc *f, const void *at, int indent)
{
	union {
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;
		float f32;
		double f64;
		const char *text;
		const ProtobufCMessage *message;
		ProtobufCBinaryData bytes;
		int yes;
	} v = { 0 };

	memcpy(&v, at, json_value_size(f));
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		fprintf(out, "%" PRId32, v.i32);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		fprintf(out, "%" PRIu32, v.u32);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		fprintf(out, "\"%" PRId64 "\"", v.i64);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		fprintf(out, "\"%" PRIu64 "\"", v.u64);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		write_double(out, v.f32);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		write_double(out, v.f64);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		fputs(v.yes ? "true" : "false", out);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		write_enum(out, f, v.i32);
		break;
	case PROTOBUF_C_TYPE_STRING:
		json_write_string(out, v.text != NULL ? v.text : "");
		break;
	case PROTOBUF_C_TYPE_BYTES:
		json_write_bytes(out, &v.bytes);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		write_message_value(out, v.message, indent);
		break;
	}
}

static void
new_line(FILE *out, int indent)
{
	if (indent >= 0)
		fprintf(out, "\n%*s", indent, "");
}

static void
write_list(FILE *out, const ProtobufCMessage *m, const field_desc *f,
    int indent)
{
	size_t i, n = quantifier(m, f), size = json_value_size(f);
	bool spread = indent >= 0 && f->type == PROTOBUF_C_TYPE_MESSAGE;
	const char *values;

	memcpy(&values, member(m, f), sizeof values);
	putc('[', out);
	for (i = 0; i < n; i++) {
		if (i > 0)
			fputs(indent >= 0 && !spread ? ", " : ",", out);
		if (spread)
			new_line(out, indent + 2);
		write_value(out, f, values + i * size,
		    spread ? indent + 2 : indent);
	}
	if (spread)
		new_line(out, indent);
	putc(']', out);
}

static void
write_field(FILE *out, const ProtobufCMessage *m, const field_desc *f,
    int indent)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		write_list(out, m, f, indent);
	else
		write_value(out, f, member(m, f), indent);
}

void
json_write_field(FILE *out, const ProtobufCMessage *m, const field_desc *f)
{
	write_field(out, m, f, -1);
}

void
json_write(FILE *out, const ProtobufCMessage *m, int indent)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	int inner = indent < 0 ? -1 : indent + 2;
	bool first = true;
	unsigned i;

	putc('{', out);
	for (i = 0; i < d->n_fields; i++) {
		const field_desc *f = &d->fields[i];

		if (!json_field_is_set(m, f))
			continue;
		if (!first)
			putc(',', out);
		first = false;
		new_line(out, inner);
		fprintf(out, "\"%s\":%s", f->name, indent >= 0 ? " " : "");
		write_field(out, m, f, inner);
	}
	if (!first)
		new_line(out, indent);
	putc('}', out);
}

/* ---- text for people --------------------------------------------------------- */

/* Length of what all names of an enum begin with, to the last '_'. */
static size_t
common_prefix(const ProtobufCEnumDescriptor *e)
{
	const char *first = e->values[0].name, *end;
	size_t len = strlen(first);
	unsigned i;

	for (i = 1; i < e->n_values; i++)
		while (strncmp(first, e->values[i].name, len) != 0)
			len--;
	for (end = first + len; end > first && end[-1] != '_';)
		end--;
	return (size_t)(end - first);
}

const char *
json_enum_short(const ProtobufCEnumDescriptor *e, int value, char buf[48])
{
	const ProtobufCEnumValue *v =
	    protobuf_c_enum_descriptor_get_value(e, value);
	const char *name;
	size_t i;

	if (v == NULL) {
		snprintf(buf, 48, "%d", value);
		return buf;
	}
	name = v->name + common_prefix(e);
	for (i = 0; i < 47 && name[i] != '\0'; i++)
		buf[i] = (char)tolower((unsigned char)name[i]);
	buf[i] = '\0';
	return buf;
}

bool
json_is_count(const field_desc *f)
{
	const ProtobufCMessageDescriptor *d = f->descriptor;

	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       strcmp(d->name, count_name) == 0;
}

static void text_value(FILE *, const field_desc *, const void *at);

/* A resopro.v1.Count: its code and its number. */
static void
text_count(FILE *out, const ProtobufCMessage *m)
{
	const field_desc *f = m->descriptor->fields;

	text_value(out, &f[0], member(m, &f[0]));
	putc('=', out);
	text_value(out, &f[1], member(m, &f[1]));
}

static void
text_value(FILE *out, const field_desc *f, const void *at)
{
	const ProtobufCMessage *m;
	const char *text;
	char buf[64];
	int64_t number;
	int value;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		memcpy(&text, at, sizeof text);
		fputs(text != NULL ? text : "", out);
		return;
	case PROTOBUF_C_TYPE_ENUM:
		memcpy(&value, at, sizeof value);
		fputs(json_enum_short(f->descriptor, value, buf), out);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		memcpy(&m, at, sizeof m);
		if (m != NULL &&
		    strcmp(m->descriptor->name, timestamp_name) == 0) {
			format_timestamp(buf, m);
			fputs(buf, out);
			return;
		}
		if (m != NULL && strcmp(m->descriptor->name, count_name) == 0) {
			text_count(out, m);
			return;
		}
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		memcpy(&number, at, sizeof number);
		if (f->type == PROTOBUF_C_TYPE_INT64)
			fprintf(out, "%" PRId64, number);
		else
			fprintf(out, "%" PRIu64, (uint64_t)number);
		return;
	default:
		break;
	}
	write_value(out, f, at, -1);
}

char *
json_field_text(const ProtobufCMessage *m, const field_desc *f,
    const char *separator)
{
	size_t size = json_value_size(f), len, i, n;
	const char *values;
	char *text = NULL;
	FILE *out;

	if (!json_field_is_set(m, f))
		return strdup("");
	if ((out = open_memstream(&text, &len)) == NULL)
		return NULL;
	if (f->label != PROTOBUF_C_LABEL_REPEATED) {
		text_value(out, f, member(m, f));
	} else {
		memcpy(&values, member(m, f), sizeof values);
		for (i = 0, n = quantifier(m, f); i < n; i++) {
			fputs(i > 0 ? separator : "", out);
			text_value(out, f, values + i * size);
		}
	}
	return fclose(out) == 0 ? text : (free(text), NULL);
}

static void
plain_entry(FILE *out, json_t *entry)
{
	const char *code = json_string_value(json_object_get(entry, "code"));
	json_t *people = json_object_get(entry, "people");
	char *text;

	if (json_is_string(entry)) {
		fputs(json_string_value(entry), out);
	} else if (code != NULL && json_object_size(entry) <= 2) {
		fprintf(out, "%s=%lld", code,
		    (long long)json_integer_value(people));
	} else if ((text = json_dumps(entry, JSON_ENCODE_ANY)) != NULL) {
		fputs(text, out);
		free(text);
	}
}

char *
json_plain(const char *text)
{
	json_t *list = *text == '[' ? json_loads(text, 0, NULL) : NULL;
	char *plain = NULL;
	size_t i, len;
	FILE *out;

	if (!json_is_array(list) ||
	    (out = open_memstream(&plain, &len)) == NULL) {
		json_decref(list);
		return strdup(text);
	}
	for (i = 0; i < json_array_size(list); i++) {
		fputs(i > 0 ? ", " : "", out);
		plain_entry(out, json_array_get(list, i));
	}
	json_decref(list);
	return fclose(out) == 0 ? plain : (free(plain), NULL);
}
