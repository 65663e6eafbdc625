/* main.c - resopro-load: which run. */
#include <string.h>

#include "cases.h"

static const struct {
	const char *name;
	int (*run)(const struct options *);
} runs[] = {
	{ "first", run_first },
	{ "handshake", run_handshakes },
	{ "idle", run_idle },
	{ "watch", run_fanout },
	{ "etcd-watch", run_fanout },
	{ "sync", run_sync },
};

int
main(int argc, char **argv)
{
	struct options o;

	options_read(&o, argc, argv);
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
		if (strcmp(runs[i].name, o.what) == 0)
			return runs[i].run(&o);
	if (case_find(o.what) == NULL)
		die("%s: no such case; see --help", o.what);
	return run_calls(&o);
}
