/* lock.c - see lock.h. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/tables.h"

static int
held_by(int fd, const char *dir, struct err *e)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	err_set(e, ERR_CONFLICT, "store %s is in use by process %s", dir,
	    pid[0] != '\0' ? pid : "(unknown)");
	err_reason(e, "STORE_IN_USE");
	return err_remedy(e, "stop that resoprod first, or choose another "
			     "store directory");
}

int
lock_take(const char *dir, struct err *e)
{
	char path[4096], pid[24];
	int fd, n;

	snprintf(path, sizeof path, "%s/resoprod.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return tables_err(e, errno, path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			held_by(fd, dir, e);
		else
			tables_err(e, errno, path);
		close(fd);
		return -1;
	}
	/* A full disk must not keep the register from opening: the pid is a
	 * courtesy. */
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return fd;
	return fd;
}
