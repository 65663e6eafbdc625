/* report.c - what a run cost and gave. */
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

void
die(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("resopro-load: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(2);
}

void
report_init(struct report *r, const struct options *o)
{
	memset(r, 0, sizeof *r);
	r->o = o;
}

void
report_error(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r->errors++ > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->first_error, sizeof r->first_error, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "resopro-load: first error: %s\n",
	    r->first_error);
}

/* ---- what was used ------------------------------------------------------- */

/* Nanoseconds that the threads of a process have run; /proc/PID/stat would
 * count in hundredths of a second. */
static int64_t
server_cpu(long pid)
{
	char path[300];
	struct dirent *d;
	int64_t sum = 0, ns;
	DIR *tasks;

	(void)snprintf(path, sizeof path, "/proc/%ld/task", pid);
	if ((tasks = opendir(path)) == NULL)
		return 0;
	while ((d = readdir(tasks)) != NULL) {
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat",
		    pid, d->d_name);
		if ((f = fopen(path, "re")) == NULL)
			continue;
		if (fscanf(f, "%" SCNd64, &ns) == 1)
			sum += ns;
		(void)fclose(f);
	}
	(void)closedir(tasks);
	return sum;
}

static void
server_memory(long pid, struct usage *u)
{
	char path[64], line[200];
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			u->rss = strtol(line + 6, NULL, 10);
		if (strncmp(line, "RssAnon:", 8) == 0)
			u->rss_anon = strtol(line + 8, NULL, 10);
	}
	(void)fclose(f);
}

void
usage_take(const struct options *o, struct usage *u)
{
	struct timespec t;

	memset(u, 0, sizeof *u);
	u->at = now_ns();
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	u->own = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
	if (o->pid == 0)
		return;
	u->server = server_cpu(o->pid);
	server_memory(o->pid, u);
}

/* ---- one line ------------------------------------------------------------ */

static void
print_text(const char *name, const char *text)
{
	(void)printf(",\"%s\":\"", name);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)putchar('\\');
		(void)putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	(void)putchar('"');
}

static double
us(const struct hist *h, double share)
{
	return (double)hist_at(h, share) / (double)NS_PER_US;
}

static void
print_server(const struct report *r, double of)
{
	if (r->o->pid == 0)
		return;
	(void)printf(",\"server_cpu\":%.4f,\"server_cpu_us\":%.3f",
	    (double)(r->end.server - r->begin.server) / (double)NS_PER_S,
	    of > 0 ? (double)(r->end.server - r->begin.server) /
			 (double)NS_PER_US / of
		   : 0);
	(void)printf(",\"rss_kb\":%ld,\"rss_anon_kb\":%ld,"
		     "\"rss_anon_kb_before\":%ld",
	    r->end.rss, r->end.rss_anon, r->begin.rss_anon);
}

int
report_print(const struct report *r)
{
	double seconds = (double)(r->end.at - r->begin.at) / (double)NS_PER_S;
	double of = (double)(r->units != 0 ? r->units : r->n);
	double own = (double)(r->end.own - r->begin.own);

	(void)printf("{\"case\":\"%s\"", r->o->what);
	if (r->o->label != NULL)
		print_text("label", r->o->label);
	(void)printf(",\"shape\":\"%ux%u\",\"rate\":%.1f", r->o->connections,
	    r->o->streams, seconds > 0 ? of / seconds : 0);
	(void)printf(",\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
		     "\"max_us\":%.1f,\"mean_us\":%.1f",
	    us(&r->latency, .5), us(&r->latency, .99), us(&r->latency, .999),
	    (double)r->latency.max / (double)NS_PER_US,
	    r->latency.n > 0
		? r->latency.sum / (double)r->latency.n / (double)NS_PER_US
		: 0);
	(void)printf(",\"n\":%" PRIu64 ",\"errors\":%" PRIu64
		     ",\"seconds\":%.4f",
	    r->n, r->errors, seconds);
	if (r->units != 0)
		(void)printf(",\"units\":%" PRIu64, r->units);
	if (r->o->resume)
		(void)printf(",\"resumed\":%" PRIu64, r->resumed);
	(void)printf(",\"client_cpu\":%.4f,\"client_cpu_us\":%.3f",
	    own / (double)NS_PER_S, of > 0 ? own / (double)NS_PER_US / of : 0);
	print_server(r, of);
	(void)fputs(r->extra, stdout);
	if (r->errors > 0)
		print_text("first_error", r->first_error);
	(void)puts("}");
	(void)fflush(stdout);
	return r->errors > 0;
}
