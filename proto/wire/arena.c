/* arena.c - see arena.h. */
#include "wire/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_CHUNK 0 /* every allocation its own */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_CHUNK 0
#endif
#endif
#ifndef ARENA_CHUNK
#define ARENA_CHUNK 4096
#endif

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(16) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* the newest first */
	size_t used, cap;
	unsigned others; /* that hold it */
	bool overflowed;
};

struct arena *
arena_new(size_t cap)
{
	struct arena *a = calloc(1, sizeof *a);

	if (a != NULL)
		a->cap = cap;
	return a;
}

static void
free_chunks(struct chunk *c)
{
	while (c != NULL) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL || a->others-- > 0)
		return;
	free_chunks(a->chunks);
	free(a);
}

struct arena *
arena_hold(struct arena *a)
{
	a->others++;
	return a;
}

bool
arena_is_held(const struct arena *a)
{
	return a->others > 0;
}

void
arena_reset(struct arena *a)
{
	struct chunk *keep = a->chunks;

	a->used = 0;
	a->overflowed = false;
	if (keep == NULL)
		return;
	if (ARENA_CHUNK == 0 || keep->size > 4 * (size_t)ARENA_CHUNK) {
		free_chunks(keep);
		a->chunks = NULL;
		return;
	}
	free_chunks(keep->next);
	keep->next = NULL;
	keep->used = 0;
}

static struct chunk *
grow(struct arena *a, size_t len)
{
	size_t size = len > ARENA_CHUNK ? len : ARENA_CHUNK;
	struct chunk *c = malloc(sizeof *c + size);

	if (c == NULL)
		return NULL;
	c->used = 0;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t len)
{
	struct chunk *c = a->chunks;
	size_t room = (len + 15) & ~(size_t)15;
	void *p;

	if (room < len || room > a->cap - a->used) {
		a->overflowed = true;
		return NULL;
	}
	if (ARENA_CHUNK == 0)
		room = len;
	if (c == NULL || c->size - c->used < room || ARENA_CHUNK == 0)
		c = grow(a, room);
	if (c == NULL) {
		a->overflowed = true;
		return NULL;
	}
	p = c->data + c->used;
	c->used += room;
	a->used += room;
	memset(p, 0, len);
	return p;
}

bool
arena_overflowed(const struct arena *a)
{
	return a->overflowed;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

void *
arena_memdup(struct arena *a, const void *from, size_t len)
{
	void *p = arena_alloc(a, len > 0 ? len : 1);

	if (p != NULL && len > 0)
		memcpy(p, from, len);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s) + 1);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *out;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (out = arena_alloc(a, (size_t)n + 1)) == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(out, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return out;
}
