/*
 * schema.h - one row a field: its kind of value, bounds, owner, index.
 *
 * Validation, field ownership, differences and index keys all read these rows;
 * a new record field is a line in types.proto and a row in schema.c.
 */
#ifndef SERVICE_SCHEMA_H
#define SERVICE_SCHEMA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain/value.h"
#include "resopro/v1/types.pb-c.h"
#include "rpc/call.h"
#include "service/catalog.h"
#include "store/store.h"
#include "wire/arena.h"

enum field_flag {
	FIELD_REQUIRED = 1,
	FIELD_AGENCY = 2, /* the agency's; else the member's */
	FIELD_IMMUTABLE = 4,
	FIELD_UNIQUE = 8,   /* among live, not closed records */
	FIELD_CLAIMED = 16, /* the same, of other owners */
};

struct field_rule {
	const char *name;     /* as in types.proto */
	enum value_kind kind; /* of a string, or of each of a list */
	unsigned flags;
	unsigned max;           /* characters (VALUE_TEXT), entries of a list */
	const char *vocabulary; /* of codes */
	Resopro__V1__Kind refers; /* the field is the id of such a record */
	uint8_t index;
	double low, high; /* of a number, when high > low */
};

struct kind_schema {
	Resopro__V1__Kind kind;
	const char *name; /* "organisation", "site", ... */
	Resopro__V1__Record__BodyCase body_case;
	const ProtobufCMessageDescriptor *body;
	const struct field_rule *fields; /* ended by a NULL name */
	size_t n_fields;
};

/* Index keys are "<kind letter><value>/", so that one kind is one range. */
enum index_id {
	INDEX_OWNER = 1,
	INDEX_SOURCE = 2, /* <k>owner/source/source_id/ */
	INDEX_SIRET = 3,
	INDEX_ORGANISATION = 4, /* organisation_id */
	INDEX_SITE = 5,         /* site_id */
	INDEX_COMMUNE = 6,
	INDEX_ORGANISATION_KIND = 7,
	INDEX_PARENT = 8,
	INDEX_RECORD = 30, /* record_id of a transfer */
};

/* NULL for kinds that the Registry does not serve. */
const struct kind_schema *schema_of(Resopro__V1__Kind);
const struct kind_schema *schema_of_body(Resopro__V1__Record__BodyCase);
const struct field_rule *schema_field(const struct kind_schema *,
    const char *name);
const struct kind_schema *const *schema_all(void); /* NULL-terminated */
/* Of a row of this kind. */
const ProtobufCFieldDescriptor *schema_descriptor(const struct kind_schema *,
    const struct field_rule *);
/* The row of the field with this number, or NULL. */
const struct field_rule *schema_numbered(const struct kind_schema *,
    uint64_t number);

char schema_letter(Resopro__V1__Kind);
/* Build the key of (kind, value) for view_each_index; its length, 0 when the
 * value is too long. `out` holds STORE_INDEX_KEY_MAX. */
size_t schema_key(char *out, Resopro__V1__Kind, const char *value);
/* (below) With source_id "" it is what every key of the scope begins with. */
size_t schema_source_key(char *out, Resopro__V1__Kind, const char *owner,
    const char *source, const char *source_id);

/* Every violation of one record, in arena memory; bounded. */
struct violations {
	struct arena *arena;
	struct violation *list;
	size_t n;
	struct err first;
	const char *warnings[8];
	size_t warned;
};
#define VIOLATIONS_MAX 32

/* Shape, bounds, vocabularies, territory: what needs no other record.
 * 0 clean, -1 at least one violation. */
int schema_check(const struct catalog *, const Resopro__V1__Record *,
    struct violations *);
void violations_add(struct violations *, const struct err *);
/* `text` lives as long as the arena. */
void violations_warn(struct violations *, const char *text);

/* Field-by-field difference of two bodies (either may be NULL). */
typedef int change_fn(const struct field_rule *, const char *name,
    const char *before, const char *after, void *arg);
int schema_diff(struct arena *, const Resopro__V1__Record *before,
    const Resopro__V1__Record *after, change_fn *, void *arg);

/* The field as people read it: text, number, JSON.  In arena memory. */
const char *schema_text(struct arena *, const ProtobufCMessage *body,
    const ProtobufCFieldDescriptor *);
/* Same presence and value. */
bool schema_equal(const ProtobufCMessage *, const ProtobufCMessage *,
    const ProtobufCFieldDescriptor *);

/* The body message of a record, or NULL. */
ProtobufCMessage *schema_body(const Resopro__V1__Record *);
/* Value of a string field, by its descriptor. */
const char *schema_text_at(const ProtobufCMessage *body,
    const ProtobufCFieldDescriptor *);
/* Value of a string field of the body, "" when there is none. */
const char *schema_string(const Resopro__V1__Record *, const char *field);

/* A person-readable name: nom, title, or the id. */
const char *schema_name(const Resopro__V1__Record *);

/* For struct store_schema: the keys of a stored value (schema_index.c). */
int schema_index(uint8_t kind, const char *id, struct bytes record,
    struct index_sink *, struct err *);

#endif
