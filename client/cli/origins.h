/*
 * origins.h - where each record that is sent came from: the server speaks of
 * positions, people of files and lines.  Also finds identifiers given twice.
 *
 * Thread: one.  Memory: about 50 bytes and the identifier, a record.
 */
#ifndef CLI_ORIGINS_H
#define CLI_ORIGINS_H

#include <stddef.h>
#include <stdint.h>

struct origin {
	unsigned file; /* the caller's number of it */
	unsigned line;
	int kind;
	size_t source_id; /* offset in the texts */
};

struct origins {
	struct origin *list; /* by position - 1 */
	size_t n, room;
	char *texts;
	size_t texts_len, texts_room;
	uint32_t *slots; /* position, 0: free */
	size_t nslots;
};

/* Zeroed: empty. */
void origins_free(struct origins *);

enum origins_added {
	ORIGINS_NO_MEMORY = -1,
	ORIGINS_ADDED,
	ORIGINS_TWICE /* the identifier was there: *first is set, not added */
};

/* The next position is that of this record. */
enum origins_added origins_add(struct origins *, unsigned file, unsigned line,
    int kind, const char *source_id, const struct origin **first);

/* By position, from 1; NULL when there is none. */
const struct origin *origins_at(const struct origins *, uint32_t position);

#endif
