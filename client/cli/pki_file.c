#include "pki_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "i18n.h"

enum {
	NAME_SIZE = 160,
	FILE_BYTES_MAX = 1 << 20,
};

static int
io_fault(struct rsp_error *e, const struct pki_dir *d, const char *name,
    const char *doing)
{
	int error = errno;
	const char *remedy =
	    error == ENOSPC || error == EDQUOT
		? "make room on the disk, then run the same command again"
		: "check the path and its permissions, then run it again";

	return fault(e, RSP_ERR_CONFIG, remedy, _("%s/%s: cannot %s: %s"),
	    d->path, name, doing, strerror(error));
}

static int
dir_fault(struct rsp_error *e, const char *path)
{
	int error = errno;

	return fault(e, RSP_ERR_CONFIG,
	    error == ENOENT ? _("run 'resopro pki init DIR' first, or give the "
				"directory that it made")
			    : _("give a directory that you may write to"),
	    _("%s: %s"), path, strerror(error));
}

int
pki_dir_open(struct pki_dir *d, const char *path, bool create,
    struct rsp_error *e)
{
	d->path = path;
	d->fd = -1;
	if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
		return dir_fault(e, path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return dir_fault(e, path);
	if (flock(d->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	pki_dir_close(d);
	return fault(e, RSP_ERR_CONFIG, _("wait until it has ended"),
	    _("%s: another resopro pki command is at work here"), path);
}

void
pki_dir_close(struct pki_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

bool
pki_file_exists(const struct pki_dir *d, const char *name)
{
	return faccessat(d->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* A new file that nobody else can have opened; its name goes to `temp`. */
static int
write_temp(const struct pki_dir *d, char temp[NAME_SIZE], mode_t mode,
    const void *bytes, size_t len)
{
	uint64_t r;
	int fd, rc, error;

	if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
		return -1;
	snprintf(temp, NAME_SIZE, ".new-%016llx", (unsigned long long)r);
	fd = openat(d->fd, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = fchmod(fd, mode) == 0 ? write_all(fd, bytes, len) : -1;
	error = errno;
	if (close(fd) != 0 && rc == 0) {
		rc = -1;
		error = errno;
	}
	if (rc != 0)
		unlinkat(d->fd, temp, 0);
	errno = error;
	return rc;
}

static int
keep_previous(const struct pki_dir *d, const char *name)
{
	char previous[NAME_SIZE];

	if (!pki_file_exists(d, name))
		return 0;
	snprintf(previous, sizeof previous, "%s.previous", name);
	if (unlinkat(d->fd, previous, 0) != 0 && errno != ENOENT)
		return -1;
	return linkat(d->fd, name, d->fd, previous, 0);
}

/* link() refuses a name that exists: no window between look and write. */
static int
give_name(const struct pki_dir *d, const char *temp, const char *name,
    enum pki_write how)
{
	if (how == PKI_RENEW && keep_previous(d, name) != 0)
		return -1;
	if (how != PKI_NEW)
		return renameat(d->fd, temp, d->fd, name);
	if (linkat(d->fd, temp, d->fd, name, 0) != 0)
		return -1;
	return unlinkat(d->fd, temp, 0);
}

int
pki_file_write(const struct pki_dir *d, const char *name, enum pki_write how,
    mode_t mode, const void *bytes, size_t len, struct rsp_error *e)
{
	char temp[NAME_SIZE];
	int error;

	if (write_temp(d, temp, mode, bytes, len) != 0)
		return io_fault(e, d, name, _("write"));
	if (give_name(d, temp, name, how) == 0)
		return fsync(d->fd) == 0 ? 0 : io_fault(e, d, name, _("write"));
	error = errno;
	unlinkat(d->fd, temp, 0);
	if (error == EEXIST)
		return fault(e, RSP_ERR_CONFIG,
		    _("add --renew to replace it; the old one is kept as "
		      ".previous"),
		    _("%s/%s exists already"), d->path, name);
	errno = error;
	return io_fault(e, d, name, _("write"));
}

static char *
read_fd(int fd, size_t size)
{
	char *buf = malloc(size + 1);
	size_t got = 0;

	while (buf != NULL && got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			free(buf);
			return NULL;
		}
		got += (size_t)n;
	}
	if (buf != NULL)
		buf[size] = '\0';
	return buf;
}

char *
pki_file_read(const struct pki_dir *d, const char *name, size_t *len,
    struct rsp_error *e)
{
	int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *buf = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		errno = EFBIG;
		if (st.st_size <= FILE_BYTES_MAX)
			buf = read_fd(fd, (size_t)st.st_size);
	}
	if (buf == NULL)
		io_fault(e, d, name, _("read"));
	else
		*len = (size_t)st.st_size;
	if (fd >= 0)
		close(fd);
	return buf;
}
