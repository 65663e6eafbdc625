/*
 * disk.c - preloaded into resoprod: the disk under the register, as a test
 * wants it.  Only descriptors of a file named data.mdb are meant.
 *
 * TEST_DISK names a file.  Its first byte, looked at by each sync:
 *	h	hold: the sync waits for another state; NAME.held is there meanwhile
 *	e	the sync fails with EIO
 *	else	as usual
 * TEST_DISK_UNDO names a file of UNDO_BYTES: what each write since the last
 * sync has overwritten, so that a test can take back what a power cut might.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define UNDO_BYTES (256u << 20)

struct undo {
	_Atomic uint64_t used; /* bytes of `records` that count */
	uint8_t records[];     /* offset, length: 64 bits each; old bytes */
};

static struct undo *undo;

static void *
real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("TEST_DISK_UNDO");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT, 0600);
	void *map;

	if (fd < 0)
		return;
	if (ftruncate(fd, UNDO_BYTES) < 0)
		abort();
	map = mmap(NULL, UNDO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		abort();
	close(fd);
	undo = map;
}

static int
is_register(int fd)
{
	static const char wanted[] = "/data.mdb";
	char link[32], path[512];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path);
	return n >= (ssize_t)sizeof wanted &&
	       memcmp(path + n - (sizeof wanted - 1), wanted,
		   sizeof wanted - 1) == 0;
}

/* ---- what a power cut may take back -------------------------------------- */

/* Before it is overwritten.  A write that is on disk once it returns (O_DSYNC)
 * cannot be lost. */
static void
remember(int fd, off_t at, uint64_t len)
{
	uint64_t used, head[2] = { (uint64_t)at, len };
	uint8_t *to;
	ssize_t had;

	if (undo == NULL || !is_register(fd) ||
	    (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
		return;
	used = undo->used;
	if (sizeof *undo + used + sizeof head + len > UNDO_BYTES)
		abort();
	to = undo->records + used;
	memcpy(to, head, sizeof head);
	had = pread(fd, to + sizeof head, len, at);
	if (had < 0)
		had = 0;
	memset(to + sizeof head + had, 0, len - (uint64_t)had);
	undo->used = used + sizeof head + len;
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);

	if (next == NULL)
		*(void **)&next = real("pwrite");
	remember(fd, at, len);
	return next(fd, bytes, len, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	static ssize_t (*next)(int, const struct iovec *, int);
	uint64_t len = 0;

	if (next == NULL)
		*(void **)&next = real("writev");
	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	if (undo != NULL)
		remember(fd, lseek(fd, 0, SEEK_CUR), len);
	return next(fd, v, n);
}

/* ---- syncs --------------------------------------------------------------- */

static int
state(const char *path)
{
	char c = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &c, 1) < 0)
		c = 0;
	if (fd >= 0)
		close(fd);
	return c;
}

static void
hold(const char *path)
{
	struct timespec nap = { 0, 2000000 };
	char held[512];
	int fd;

	snprintf(held, sizeof held, "%s.held", path);
	fd = open(held, O_CREAT | O_WRONLY, 0600);
	if (fd >= 0)
		close(fd);
	while (state(path) == 'h')
		nanosleep(&nap, NULL);
	unlink(held);
}

int
fdatasync(int fd)
{
	static int (*next)(int);
	const char *path = getenv("TEST_DISK");
	int rc;

	if (next == NULL)
		*(void **)&next = real("fdatasync");
	if (path != NULL && is_register(fd)) {
		if (state(path) == 'h')
			hold(path);
		if (state(path) == 'e') {
			errno = EIO;
			return -1;
		}
	}
	rc = next(fd);
	if (rc == 0 && undo != NULL && is_register(fd))
		undo->used = 0;
	return rc;
}
