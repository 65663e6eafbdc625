/*
 * pki_file.h - files that must never be half-written, lost or replaced by
 * mistake: keys and certificates in one directory.
 *
 * Thread: one at a time.  Blocks: all of them (disk, fsync).  Failures fill in
 * a struct rsp_error with code RSP_ERR_CONFIG, the path and a remedy.
 */
#ifndef CLI_PKI_FILE_H
#define CLI_PKI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <resopro/error.h>

struct pki_dir {
	int fd;           /* locked: one program works here at a time */
	const char *path; /* borrowed, for messages */
};

/*
 * Open and lock a directory; with `create`, make it (mode 0700) if absent.
 * Fails:  absent, not a directory, not ours to write, or in use (the message
 *         says so at once rather than waiting).
 */
int pki_dir_open(struct pki_dir *, const char *path, bool create,
    struct rsp_error *);
void pki_dir_close(struct pki_dir *);

enum pki_write {
	PKI_NEW,     /* fails when the name exists, even in a race */
	PKI_RENEW,   /* what exists stays as NAME.previous */
	PKI_REPLACE, /* what exists goes: for lists, never for keys */
};

/* Write, fsync, then give it its name: at no time is NAME half-written.
 * The mode holds from the first byte on. */
int pki_file_write(const struct pki_dir *, const char *name, enum pki_write,
    mode_t, const void *bytes, size_t len, struct rsp_error *);

/* The whole file, NUL added, at most 1 MiB; free() it.  NULL: failed. */
char *pki_file_read(const struct pki_dir *, const char *name, size_t *len,
    struct rsp_error *);

bool pki_file_exists(const struct pki_dir *, const char *name);

#endif
