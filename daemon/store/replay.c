/* replay.c - see replay.h: a ring of entries with hash chains through it. */
#include "store/replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define NONE UINT32_MAX

struct entry {
	XXH128_hash_t key;
	uint64_t revision;
	uint32_t next; /* in its chain, or NONE */
};

struct replay_map {
	uint64_t seed;         /* so that no client can choose a long chain */
	struct entry *entries; /* ring: oldest at `first`, `n` of them */
	uint32_t *chains;      /* heads, or NONE */
	uint32_t capacity, first, n, mask;
};

static XXH128_hash_t
hash(const struct replay_map *m, struct bytes actor, struct bytes request_id)
{
	/* Seeded by the actor too: two accounts may choose the same id. */
	return XXH3_128bits_withSeed(request_id.data, request_id.len,
	    XXH3_64bits_withSeed(actor.data, actor.len, m->seed));
}

struct replay_map *
replay_new(size_t capacity, struct err *e)
{
	struct replay_map *m = calloc(1, sizeof *m);
	uint32_t chains = 16;

	if (capacity > UINT32_MAX / 4)
		capacity = UINT32_MAX / 4;
	while (chains < capacity)
		chains *= 2;
	if (m != NULL) {
		m->capacity = (uint32_t)capacity;
		if (getrandom(&m->seed, sizeof m->seed, 0) < 0)
			m->seed = (uintptr_t)m;
		m->mask = chains - 1;
		m->entries = calloc(capacity, sizeof *m->entries);
		m->chains = malloc(chains * sizeof *m->chains);
	}
	if (m == NULL || m->entries == NULL || m->chains == NULL) {
		replay_free(m);
		err_set(e, ERR_NOMEM, "request ids");
		return NULL;
	}
	memset(m->chains, 0xff, chains * sizeof *m->chains);
	return m;
}

void
replay_free(struct replay_map *m)
{
	if (m == NULL)
		return;
	free(m->entries);
	free(m->chains);
	free(m);
}

uint64_t
replay_find(const struct replay_map *m, struct bytes actor,
    struct bytes request_id)
{
	XXH128_hash_t key = hash(m, actor, request_id);

	for (uint32_t i = m->chains[key.low64 & m->mask]; i != NONE;
	     i = m->entries[i].next) {
		if (XXH128_isEqual(m->entries[i].key, key))
			return m->entries[i].revision;
	}
	return 0;
}

static void
unlink_entry(struct replay_map *m, uint32_t at)
{
	uint32_t *link = &m->chains[m->entries[at].key.low64 & m->mask];

	while (*link != at)
		link = &m->entries[*link].next;
	*link = m->entries[at].next;
}

static void
link_entry(struct replay_map *m, uint32_t at, XXH128_hash_t key,
    uint64_t revision)
{
	uint32_t *chain = &m->chains[key.low64 & m->mask];

	m->entries[at] = (struct entry){ key, revision, *chain };
	*chain = at;
}

void
replay_add(struct replay_map *m, struct bytes actor, struct bytes request_id,
    uint64_t revision)
{
	if (m->n == m->capacity) {
		unlink_entry(m, m->first);
		m->first = (m->first + 1) % m->capacity;
		m->n--;
	}
	link_entry(m, (m->first + m->n) % m->capacity,
	    hash(m, actor, request_id), revision);
	m->n++;
}

bool
replay_add_older(struct replay_map *m, struct bytes actor,
    struct bytes request_id, uint64_t revision)
{
	if (m->n == m->capacity)
		return false;
	/* Forgotten and used again: the newest answer counts. */
	if (replay_find(m, actor, request_id) != 0)
		return true;
	m->first = (m->first + m->capacity - 1) % m->capacity;
	link_entry(m, m->first, hash(m, actor, request_id), revision);
	m->n++;
	return true;
}

void
replay_forget_above(struct replay_map *m, uint64_t revision)
{
	while (m->n > 0) {
		uint32_t last = (m->first + m->n - 1) % m->capacity;

		if (m->entries[last].revision <= revision)
			break;
		unlink_entry(m, last);
		m->n--;
	}
}
