/* cases.h - what a call asks, and what its answer must hold. */
#ifndef LOAD_CASES_H
#define LOAD_CASES_H

#include "link.h"
#include "sample.h"

struct slot { /* one stream's worth of calls, one after the other */
	struct stream stream; /* first */
	struct slot *next;    /* among the free */
	int64_t due;        /* when it should be sent: latency counts from it */
	uint64_t number;    /* of the key it asks for */
	uint64_t edition;   /* Put: what it writes */
	struct buf request; /* with its gRPC frame */
	char path[SAMPLE_KEY_SIZE + 1];
	char expect[128]; /* must be in the answer; "": nothing said */
	char token[200];  /* list: of the page before */
};

struct caller { /* what all slots draw on */
	const struct options *o;
	struct samples *samples;
	uint64_t random, next; /* state; number of calls made */
	uint64_t edition;      /* first of this run */
	uint64_t *versions;    /* put --check-version: of each key */
	struct buf file;       /* --body */
	char run[40];          /* begins the request ids of this run */
};

struct load_case {
	const char *name;
	struct target target; /* path NULL: --path */
	/* Write the message into slot->request, what to expect into expect. */
	void (*make)(struct caller *, struct slot *);
	/* NULL, or what is wrong with the answer's message.  May be NULL. */
	const char *(
	    *check)(struct caller *, struct slot *, const uint8_t *, size_t);
};

const struct load_case *case_find(const char *name); /* NULL: none */
void caller_init(struct caller *, const struct options *);
void caller_free(struct caller *);

/* Choose a key, write the request with its frame. */
void case_make(const struct load_case *, struct caller *, struct slot *);
/* NULL, or what is wrong with the whole answer. */
const char *case_check(const struct load_case *, struct caller *,
    struct slot *);

#endif
