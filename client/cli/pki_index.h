/*
 * pki_index.h - the list of what an authority has signed, one line each:
 *
 *	serial  V|R  not_after  revoked_at|-  name  sha256
 *
 * tab-separated; times in unix seconds.  `name` is the file's: "server",
 * "account-ml-flers".  Read whole, changed in memory, written whole.
 */
#ifndef CLI_PKI_INDEX_H
#define CLI_PKI_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki_file.h"

struct pki_entry {
	char serial[48];
	bool revoked;
	int64_t not_after, revoked_at;
	char name[112];
	char sha256[65];
};

struct pki_index {
	struct pki_entry *entries;
	size_t n;
};

/* An absent file is an empty index.  Fails: unreadable or damaged (names the
 * line).  Free with pki_index_free(), also after a failure. */
int pki_index_load(const struct pki_dir *, struct pki_index *,
    struct rsp_error *);
int pki_index_add(struct pki_index *, const struct pki_entry *,
    struct rsp_error *);
int pki_index_save(const struct pki_dir *, const struct pki_index *,
    struct rsp_error *);
void pki_index_free(struct pki_index *);

#endif
