/* json_read.c - proto3 JSON to messages; see json.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "closest.h"
#include "dates.h"
#include "i18n.h"
#include "json.h"

typedef ProtobufCFieldDescriptor field_desc;
typedef ProtobufCMessageDescriptor message_desc;

struct reader {
	struct json_fault *fault;
	char path[160];   /* of the value being read */
	const char *text; /* or NULL */
	int first_line;
};

/* ---- where ------------------------------------------------------------------ */

static const char *
skip_blank(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Past a string; `p` is at its opening quote. */
static const char *
skip_string(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '"' ? p + 1 : p;
}

/* Past one value of a text that is known to be JSON. */
static const char *
skip_value(const char *p)
{
	int depth = 0;

	do {
		p = skip_blank(p);
		if (*p == '"') {
			p = skip_string(p);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
		} else {
			p += strcspn(p, ",:]} \t\r\n");
		}
		if (depth > 0)
			p = skip_blank(p);
	} while (depth > 0 && *p != '\0');
	return p;
}

/* The value of a key in the object at `p`, or NULL. */
static const char *
enter_key(const char *p, const char *key, size_t len)
{
	if (*p != '{')
		return NULL;
	for (p = skip_blank(p + 1); *p == '"';) {
		const char *name = p + 1, *end = skip_string(p);
		bool found = (size_t)(end - name) == len + 1 &&
			     strncmp(name, key, len) == 0;

		p = skip_blank(skip_blank(end) + 1);
		if (found)
			return p;
		p = skip_blank(skip_value(p));
		if (*p == ',')
			p = skip_blank(p + 1);
	}
	return NULL;
}

static const char *
enter_index(const char *p, long n)
{
	if (*p != '[')
		return NULL;
	for (p = skip_blank(p + 1); n > 0 && *p != '\0' && *p != ']'; n--) {
		p = skip_blank(skip_value(p));
		if (*p == ',')
			p = skip_blank(p + 1);
	}
	return p;
}

/* Line of the value that the reader's path names, or of what holds it. */
static int
line_of(const struct reader *r)
{
	const char *at, *step = r->path, *p;
	int line = r->first_line;

	if (r->text == NULL)
		return r->first_line;
	at = skip_blank(r->text);
	while (*step != '\0') {
		size_t len = strcspn(step, ".[");
		const char *next;

		if (*step == '[') {
			next = enter_index(at, strtol(step + 1, NULL, 10));
			step += strcspn(step, "]") + 1;
		} else {
			next = enter_key(at, step, len);
			step += len;
		}
		if (*step == '.')
			step++;
		if (next == NULL)
			break;
		at = next;
	}
	for (p = r->text; p < at; p++)
		line += *p == '\n';
	return line;
}

/* ---- faults ------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static bool
fault(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->fault->msg[0] != '\0')
		return false;
	va_start(ap, fmt);
	vsnprintf(r->fault->msg, sizeof r->fault->msg, fmt, ap);
	va_end(ap);
	snprintf(r->fault->path, sizeof r->fault->path, "%s", r->path);
	r->fault->line = line_of(r);
	return false;
}

__attribute__((format(printf, 2, 3))) static bool
remedy(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->fault->remedy, sizeof r->fault->remedy, fmt, ap);
	va_end(ap);
	return false;
}

static const char *
type_word(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return _("an object");
	case JSON_ARRAY:
		return _("a list");
	case JSON_STRING:
		return _("a text");
	case JSON_INTEGER:
	case JSON_REAL:
		return _("a number");
	case JSON_TRUE:
	case JSON_FALSE:
		return _("true or false");
	case JSON_NULL:
		return _("null");
	}
	return "?";
}

static bool
expected(struct reader *r, const char *what, const json_t *found)
{
	fault(r, _("expected %s, found %s"), what, type_word(found));
	return remedy(r, _("Write %s there."), what);
}

/* ---- values ------------------------------------------------------------------- */

static bool read_message(struct reader *, ProtobufCMessage *, json_t *);

static bool
store_text(struct reader *r, json_t *v, void *at)
{
	char *copy;

	if (!json_is_string(v))
		return expected(r, _("a text"), v);
	if ((copy = strdup(json_string_value(v))) == NULL)
		return fault(r, "%s", _("out of memory"));
	memcpy(at, &copy, sizeof copy);
	return true;
}

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	if (c == '-' || c == '_') /* the URL alphabet is read too */
		return c == '-' ? 62 : 63;
	return at != NULL ? (int)(at - digits) : -1;
}

static bool
store_bytes(struct reader *r, json_t *v, void *at)
{
	const char *text = json_string_value(v);
	ProtobufCBinaryData b = { 0, NULL };
	unsigned bits = 0, value = 0;
	size_t len;

	if (text == NULL)
		return expected(r, _("a text in base64"), v);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '=')
		len--;
	if ((b.data = malloc(len + 1)) == NULL)
		return fault(r, "%s", _("out of memory"));
	for (; len > 0; len--, text++) {
		int digit = base64_digit(*text);

		if (digit < 0) {
			free(b.data);
			fault(r, _("“%c” is no base64"), *text);
			return remedy(r, "%s", _("Write the bytes in base64."));
		}
		value = value << 6 | (unsigned)digit;
		if ((bits += 6) >= 8)
			b.data[b.len++] = (uint8_t)(value >> (bits -= 8));
	}
	memcpy(at, &b, sizeof b);
	return true;
}

/* A number of JSON, or the text of one, as a whole number. */
static bool
whole(json_t *v, bool is_signed, uint64_t *out)
{
	const char *text;
	char *end;
	double real;

	if (json_is_integer(v)) {
		*out = (uint64_t)json_integer_value(v);
		return is_signed || json_integer_value(v) >= 0;
	}
	if (json_is_real(v)) {
		real = json_real_value(v);
		if (real < -9e15 || real > 9e15 || (real < 0 && !is_signed))
			return false;
		*out = (uint64_t)(int64_t)real;
		return (double)(int64_t)real == real;
	}
	if ((text = json_string_value(v)) == NULL || *text == '\0' ||
	    text[strspn(text, is_signed ? "-0123456789" : "0123456789")])
		return false;
	errno = 0;
	*out = is_signed ? (uint64_t)strtoll(text, &end, 10)
			 : strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
store_whole(struct reader *r, const field_desc *f, json_t *v, void *at)
{
	bool is_signed = f->type < PROTOBUF_C_TYPE_UINT32;
	bool is_64 = json_value_size(f) == 8;
	uint64_t n;
	uint32_t narrow;

	if (!json_is_number(v) && !json_is_string(v))
		return expected(r, _("a whole number"), v);
	if (!whole(v, is_signed, &n) ||
	    (!is_64 && !is_signed && n > UINT32_MAX) ||
	    (!is_64 && is_signed &&
		((int64_t)n > INT32_MAX || (int64_t)n < INT32_MIN))) {
		fault(r, "%s",
		    is_signed ? _("not a whole number, or out of range")
			      : _("not a whole number from 0, or too large"));
		return remedy(r, "%s", _("Write a whole number in digits."));
	}
	narrow = (uint32_t)n;
	if (is_64)
		memcpy(at, &n, sizeof n);
	else
		memcpy(at, &narrow, sizeof narrow);
	return true;
}

static bool
store_double(struct reader *r, const field_desc *f, json_t *v, void *at)
{
	double d = json_number_value(v);
	float narrow = (float)d;

	if (!json_is_number(v))
		return expected(r, _("a number"), v);
	if (f->type == PROTOBUF_C_TYPE_DOUBLE)
		memcpy(at, &d, sizeof d);
	else
		memcpy(at, &narrow, sizeof narrow);
	return true;
}

static bool
store_bool(struct reader *r, json_t *v, void *at)
{
	protobuf_c_boolean yes = json_is_true(v);

	if (!json_is_boolean(v))
		return expected(r, _("true or false"), v);
	memcpy(at, &yes, sizeof yes);
	return true;
}

/* The value that a name or short name means; false when none does. */
static bool
enum_value(const ProtobufCEnumDescriptor *e, const char *name, int *out)
{
	char buf[48];
	unsigned i;

	for (i = 0; i < e->n_values; i++) {
		*out = e->values[i].value;
		if (strcmp(name, e->values[i].name) == 0 ||
		    strcasecmp(name, json_enum_short(e, *out, buf)) == 0)
			return true;
	}
	return false;
}

static bool
store_enum(struct reader *r, const field_desc *f, json_t *v, void *at)
{
	const ProtobufCEnumDescriptor *e = f->descriptor;
	char list[200] = "";
	size_t n = 0;
	unsigned i;
	int value = 0;

	if (json_is_integer(v) && json_integer_value(v) >= INT32_MIN &&
	    json_integer_value(v) <= INT32_MAX) {
		value = (int)json_integer_value(v);
	} else if (!json_is_string(v)) {
		return expected(r, _("a name"), v);
	} else if (!enum_value(e, json_string_value(v), &value)) {
		for (i = 1; i < e->n_values && n < sizeof list; i++)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
			    i > 1 ? ", " : "", e->values[i].name);
		fault(r, _("“%.40s” is not known"), json_string_value(v));
		return remedy(r, _("Allowed: %s."), list);
	}
	memcpy(at, &value, sizeof value);
	return true;
}

static bool
store_timestamp(struct reader *r, ProtobufCMessage *m, json_t *v)
{
	const field_desc *f = m->descriptor->fields;
	int64_t seconds;
	int32_t nanos;

	if (!json_is_string(v))
		return expected(r, _("a time as text"), v);
	if (!dates_instant(json_string_value(v), &seconds, &nanos)) {
		fault(r, _("“%.40s” is no time"), json_string_value(v));
		return remedy(r, "%s",
		    _("Write it as 2026-02-28T12:00:00Z (RFC 3339)."));
	}
	memcpy((char *)m + f[0].offset, &seconds, sizeof seconds);
	memcpy((char *)m + f[1].offset, &nanos, sizeof nanos);
	return true;
}

static bool
store_message(struct reader *r, const field_desc *f, json_t *v, void *at)
{
	const message_desc *d = f->descriptor;
	ProtobufCMessage *m = malloc(d->sizeof_message);

	if (m == NULL)
		return fault(r, "%s", _("out of memory"));
	protobuf_c_message_init(d, m);
	memcpy(at, &m, sizeof m);
	if (strcmp(d->name, "google.protobuf.Timestamp") == 0)
		return store_timestamp(r, m, v);
	return read_message(r, m, v);
}

static bool
store_value(struct reader *r, const field_desc *f, json_t *v, void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return store_text(r, v, at);
	case PROTOBUF_C_TYPE_BYTES:
		return store_bytes(r, v, at);
	case PROTOBUF_C_TYPE_BOOL:
		return store_bool(r, v, at);
	case PROTOBUF_C_TYPE_ENUM:
		return store_enum(r, f, v, at);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return store_double(r, f, v, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return store_message(r, f, v, at);
	default:
		return store_whole(r, f, v, at);
	}
}

/* ---- fields -------------------------------------------------------------------- */

/* A list: its count grows with each value, so that a half-read message can be
 * freed as a whole one. */
static bool
read_list(struct reader *r, ProtobufCMessage *m, const field_desc *f, json_t *v)
{
	size_t i, n = json_array_size(v), size = json_value_size(f);
	size_t end = strlen(r->path);
	char *values;

	if (!json_is_array(v))
		return expected(r, _("a list"), v);
	if (n == 0)
		return true;
	if ((values = calloc(n, size)) == NULL)
		return fault(r, "%s", _("out of memory"));
	memcpy((char *)m + f->offset, &values, sizeof values);
	for (i = 0; i < n; i++) {
		size_t count = i + 1;
		bool ok;

		snprintf(r->path + end, sizeof r->path - end, "[%zu]", i);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			memcpy((char *)m + f->quantifier_offset, &count,
			    sizeof count);
		ok = store_value(r, f, json_array_get(v, i), values + i * size);
		if (!ok)
			return false;
		memcpy((char *)m + f->quantifier_offset, &count, sizeof count);
	}
	r->path[end] = '\0';
	return true;
}

static bool
read_field(struct reader *r, ProtobufCMessage *m, const field_desc *f,
    json_t *v)
{
	uint32_t chosen;

	if (json_is_null(v))
		return true; /* proto3: as if absent */
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return read_list(r, m, f, v);
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&chosen, (char *)m + f->quantifier_offset,
		    sizeof chosen);
		if (chosen != 0) {
			fault(r, _("“%s” excludes another field that is given"),
			    f->name);
			return remedy(r, "%s", _("Keep one of them."));
		}
		memset((char *)m + f->offset, 0, json_value_size(f));
		memcpy((char *)m + f->quantifier_offset, &f->id, sizeof f->id);
	}
	return store_value(r, f, v, (char *)m + f->offset);
}

/* "code_insee" and "codeInsee" are the same name. */
static bool
same_name(const char *name, const char *key)
{
	for (; *name != '\0' && *key != '\0'; name++, key++) {
		char c = *name;

		if (c == '_' && *key != '_' && name[1] != '\0')
			c = (char)toupper((unsigned char)*++name);
		if (c != *key)
			return false;
	}
	return *name == *key;
}

static const field_desc *
find_field(const message_desc *d, const char *key)
{
	unsigned i;

	for (i = 0; i < d->n_fields; i++)
		if (same_name(d->fields[i].name, key))
			return &d->fields[i];
	return NULL;
}

static bool
unknown_field(struct reader *r, const message_desc *d, const char *key)
{
	struct closest near = { .word = key };
	char list[560] = "";
	size_t n = 0;
	unsigned i;

	fault(r, _("unknown field “%.60s”"), key);
	for (i = 0; i < d->n_fields; i++) {
		closest_try(&near, d->fields[i].name);
		if (n < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
			    i > 0 ? ", " : "", d->fields[i].name);
	}
	if (near.best != NULL)
		return remedy(r, _("Did you mean “%s”?"), near.best);
	if (n >= sizeof list)
		memcpy(list + sizeof list - 4, "...", 4);
	return remedy(r, _("Known: %s."), list);
}

static bool
read_message(struct reader *r, ProtobufCMessage *m, json_t *v)
{
	const message_desc *d = m->descriptor;
	size_t end = strlen(r->path);
	bool ok = true;
	void *i;

	if (!json_is_object(v))
		return expected(r, _("an object"), v);
	for (i = json_object_iter(v); ok && i != NULL;
	     i = json_object_iter_next(v, i)) {
		const char *key = json_object_iter_key(i);
		const field_desc *f = find_field(d, key);

		snprintf(r->path + end, sizeof r->path - end, "%s%.60s",
		    end > 0 ? "." : "", key);
		ok = f != NULL ? read_field(r, m, f, json_object_iter_value(i))
			       : unknown_field(r, d, key);
		if (ok)
			r->path[end] = '\0';
	}
	return ok;
}

ProtobufCMessage *
json_read(const message_desc *d, json_t *v, const char *text, int first_line,
    struct json_fault *f)
{
	struct reader r = { .fault = f,
		.text = text,
		.first_line = first_line };
	ProtobufCMessage *m = malloc(d->sizeof_message);

	memset(f, 0, sizeof *f);
	if (m == NULL) {
		fault(&r, "%s", _("out of memory"));
		return NULL;
	}
	protobuf_c_message_init(d, m);
	if (read_message(&r, m, v))
		return m;
	json_message_free(m);
	return NULL;
}

ProtobufCMessage *
json_read_text(const message_desc *d, const char *text, size_t len,
    int first_line, struct json_fault *f)
{
	json_error_t e;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	ProtobufCMessage *m;

	if (v == NULL) {
		memset(f, 0, sizeof *f);
		f->line = first_line + (e.line > 0 ? e.line - 1 : 0);
		snprintf(f->msg, sizeof f->msg, _("no JSON: %s (column %d)"),
		    e.text, e.column);
		snprintf(f->remedy, sizeof f->remedy, "%s",
		    _("Check quotes, commas and brackets there."));
		return NULL;
	}
	m = json_read(d, v, text, first_line, f);
	json_decref(v);
	return m;
}

void
json_message_free(ProtobufCMessage *m)
{
	if (m != NULL)
		protobuf_c_message_free_unpacked(m, NULL);
}
