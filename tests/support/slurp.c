/* slurp.c - see slurp.h. */
#include "slurp.h"

#include <stdio.h>
#include <stdlib.h>

char *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *out = NULL;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 ||
	    fseek(f, 0, SEEK_SET) != 0 ||
	    (out = malloc((size_t)size + 1)) == NULL ||
	    fread(out, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		abort();
	}
	out[size] = '\0';
	*len = (size_t)size;
	(void)fclose(f);
	return out;
}
