/*
 * Any bytes as resoprod.conf: a configuration within its bounds, or mistakes
 * that are all told with file and line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_mistakes(const struct err *e, const char *said, const char *path)
{
	size_t len = strlen(path);

	if ((e->code != ERR_INVALID && e->code != ERR_IO) || e->msg[0] == '\0')
		abort();
	for (; *said != '\0'; said = strchr(said, '\n') + 1) {
		if (strncmp(said, path, len) != 0 || said[len] != ':' ||
		    strchr(said, '\n') == NULL)
			abort();
	}
}

static void
check_config(const struct config *c)
{
	if (c->address_count < 1 || c->address_count > CONFIG_ADDRESSES ||
	    c->store_quota > c->store_map_size ||
	    c->arena_bytes < c->max_request_bytes || c->handshake_ms == 0)
		abort();
	for (unsigned i = 0; i < c->address_count; i++) {
		if (c->addresses[i] == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	size_t len = 0;
	char *said = NULL, path[40];
	FILE *problems = open_memstream(&said, &len);
	struct err e = { 0 };
	struct config *c;

	if (fd < 0 || problems == NULL ||
	    write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	c = config_load(path, problems, &e);
	fclose(problems);
	if ((c == NULL) != (len > 0))
		abort();
	if (c == NULL)
		check_mistakes(&e, said, path);
	else
		check_config(c);
	config_free(c);
	free(said);
	close(fd);
	return 0;
}
