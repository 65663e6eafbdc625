#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "fault.h"

#define MAGIC "resopro-spool 1\n"

enum {
	SETS_MAX = 200,
	DAYS_MAX = 30, /* older sets are sent only when asked for */
	LOCK_PAUSE_MS = 200,
	HEADER_LINE = 600,
};
#define BYTES_MAX ((uint64_t)1 << 30) /* of all sets together */

/* ---- where ------------------------------------------------------------------ */

static char *
below(const char *dir, const char *rest)
{
	char *path = NULL;

	return asprintf(&path, "%s%s", dir, rest) < 0 ? NULL : path;
}

char *
spool_directory(const struct args *args)
{
	const char *dir = args_get(args, "spool");
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (dir == NULL)
		dir = getenv("RESOPRO_SPOOL");
	if (dir != NULL)
		return *dir == '\0' || strcmp(dir, "none") == 0 ? NULL
								: strdup(dir);
	if (state != NULL && *state == '/')
		return below(state, "/resopro/spool");
	if (geteuid() == 0 || home == NULL || *home != '/')
		return strdup("/var/spool/resopro");
	return below(home, "/.local/state/resopro/spool");
}

/* Each part of it, for this user only. */
static int
make_directories(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static int
cannot(struct spool *s, const char *path)
{
	return cli_fail(s->cli, EXIT_INTERNAL,
	    _("Check the directory, or name another with --spool (none: "
	      "nothing is kept)."),
	    "%s: %s", path, strerror(errno));
}

/* ---- the lock --------------------------------------------------------------- */

static int
wait_for_lock(struct spool *s)
{
	struct pollfd fd = { .fd = s->cli->interrupt_fd, .events = POLLIN };
	bool said = false;

	while (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot(s, s->dir);
		if (!said)
			cli_say(s->cli,
			    _("another run has the spool %s; waiting"), s->dir);
		said = true;
		if (poll(&fd, 1, LOCK_PAUSE_MS) > 0)
			return EXIT_INTERRUPTED;
	}
	return 0;
}

static int
take_lock(struct spool *s)
{
	char *path = below(s->dir, "/.lock");

	if (path == NULL)
		return EXIT_INTERNAL;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	return s->lock < 0 ? -1 : wait_for_lock(s);
}

int
spool_open(struct spool *s, struct cli *cli, char *dir)
{
	int rc;

	*s = (struct spool){ .cli = cli, .dir = dir, .lock = -1 };
	rc = take_lock(s);
	if (rc < 0)
		return errno == ENOENT ? 0 : cannot(s, dir);
	return rc;
}

void
spool_close(struct spool *s)
{
	if (s->dir != NULL && s->lock >= 0)
		close(s->lock); /* and with it the lock */
	free(s->dir);
	*s = (struct spool){ .lock = -1 };
}

/* ---- one file --------------------------------------------------------------- */

static uint64_t
hash_more(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 0; len--, p++)
		h = (h ^ *p) * 1099511628211U;
	return h;
}

#define HASH_START 14695981039346656037U

static void
put_be(uint8_t *out, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		out[n - 1] = (uint8_t)v;
}

static int
set_path(const struct spool *s, const char *name, const char *suffix,
    char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", s->dir, name, suffix) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static void
take_word(char *out, size_t size, const char *value)
{
	snprintf(out, size, "%s", value);
}

/* "key value": unknown keys are those of a later version. */
static void
take_line(struct spool_set *x, const char *key, const char *value)
{
	if (strcmp(key, "created") == 0)
		x->created = strtoll(value, NULL, 10);
	else if (strcmp(key, "records") == 0)
		x->records = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(key, "request_id") == 0)
		take_word(x->request_id, sizeof x->request_id, value);
	else if (strcmp(key, "owner") == 0)
		take_word(x->owner, sizeof x->owner, value);
	else if (strcmp(key, "source") == 0)
		take_word(x->source, sizeof x->source, value);
	else if (strcmp(key, "mode") == 0)
		take_word(x->mode, sizeof x->mode, value);
	else if (strcmp(key, "server") == 0)
		take_word(x->server, sizeof x->server, value);
	else if (strcmp(key, "identity") == 0)
		take_word(x->identity, sizeof x->identity, value);
}

/* The lines up to the empty one; the file stands at the messages then. */
static int
read_header(FILE *f, struct spool_set *x)
{
	char line[HEADER_LINE];

	if (fgets(line, sizeof line, f) == NULL || strcmp(line, MAGIC) != 0)
		return -1;
	while (fgets(line, sizeof line, f) != NULL) {
		char *value = strchr(line, ' ');

		if (strcmp(line, "\n") == 0)
			return 0;
		if (value == NULL)
			return -1;
		*value++ = '\0';
		value[strcspn(value, "\n")] = '\0';
		take_line(x, line, value);
	}
	return -1;
}

static int
check_sum(FILE *f)
{
	unsigned char buf[1 << 14], tail[8] = { 0 };
	uint64_t h = HASH_START, said = 0;
	size_t n, held = 0;

	/* The last eight bytes are not part of what they sum up. */
	while ((n = fread(buf + held, 1, sizeof buf - held, f)) > 0) {
		n += held;
		held = n < sizeof tail ? n : sizeof tail;
		h = hash_more(h, buf, n - held);
		memmove(buf, buf + n - held, held);
	}
	memcpy(tail, buf, held);
	for (size_t i = 0; i < sizeof tail; i++)
		said = said << 8 | tail[i];
	return !ferror(f) && held == sizeof tail && said == h ? 0 : -1;
}

FILE *
spool_read(const struct spool *s, const struct spool_set *x,
    struct rsp_error *e)
{
	struct spool_set again;
	char path[PATH_MAX];
	FILE *f = set_path(s, x->name, x->aside ? ".refused" : ".set", path) < 0
		      ? NULL
		      : fopen(path, "re");

	if (f != NULL && check_sum(f) == 0 && fseek(f, 0, SEEK_SET) == 0 &&
	    read_header(f, &again) == 0)
		return f;
	if (f != NULL)
		fclose(f);
	fault(e, RSP_ERR_CONFIG,
	    _("drop it (resopro spool drop) and push the files again"),
	    f == NULL ? _("%s: cannot be read") : _("%s: is damaged"), x->name);
	return NULL;
}

/* ---- the directory ---------------------------------------------------------- */

static int
is_set(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".set") == 0 || strcmp(dot, ".refused") == 0);
}

static void
read_why(const struct spool *s, struct spool_set *x)
{
	char path[PATH_MAX];
	FILE *f =
	    set_path(s, x->name, ".why", path) < 0 ? NULL : fopen(path, "re");

	if (f == NULL)
		return;
	if (fgets(x->why, sizeof x->why, f) == NULL)
		x->why[0] = '\0';
	x->why[strcspn(x->why, "\n")] = '\0';
	fclose(f);
}

static void
read_set(const struct spool *s, const char *file, struct spool_set *x)
{
	const char *dot = strrchr(file, '.');
	char path[PATH_MAX];
	struct stat st;
	FILE *f;

	memset(x, 0, sizeof *x);
	snprintf(x->name, sizeof x->name, "%.*s", (int)(dot - file), file);
	x->aside = strcmp(dot, ".refused") == 0;
	f = set_path(s, file, "", path) < 0 ? NULL : fopen(path, "re");
	if (f != NULL && fstat(fileno(f), &st) == 0)
		x->bytes = (uint64_t)st.st_size;
	/* A damaged one shows as what it is when it is read. */
	if (f != NULL)
		(void)read_header(f, x);
	if (f != NULL)
		fclose(f);
	if (x->aside)
		read_why(s, x);
}

int
spool_list(struct spool *s, struct spool_set **list, size_t *n)
{
	struct dirent **entries = NULL;
	int found;

	*list = NULL;
	*n = 0;
	if (s->lock < 0)
		return 0;
	found = scandir(s->dir, &entries, is_set, alphasort);
	if (found < 0)
		return cannot(s, s->dir);
	*list = calloc((size_t)found + 1, sizeof **list);
	for (int i = 0; i < found; i++) {
		if (*list != NULL)
			read_set(s, entries[i]->d_name, &(*list)[(*n)++]);
		free(entries[i]);
	}
	free(entries);
	return *list != NULL ? 0
			     : cli_fail(s->cli, EXIT_INTERNAL, NULL, "%s",
				   _("out of memory"));
}

/* By what the server knows this run: its certificate or its token's file. */
static const char *
identity(const struct cli *cli)
{
	char *const *v = cli->settings->values;

	if (v[SETTING_CERT] != NULL)
		return v[SETTING_CERT];
	return v[SETTING_TOKEN_FILE] != NULL ? v[SETTING_TOKEN_FILE] : "token";
}

bool
spool_is_ours(const struct spool *s, const struct spool_set *x)
{
	char *const *v = s->cli->settings->values;

	return strcmp(x->server, v[SETTING_SERVER]) == 0 &&
	       strcmp(x->identity, identity(s->cli)) == 0;
}

bool
spool_is_stale(const struct spool_set *x)
{
	return (int64_t)time(NULL) - x->created > (int64_t)DAYS_MAX * 86400;
}

static int
sync_directory(const struct spool *s)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int
spool_remove(struct spool *s, const struct spool_set *x)
{
	char path[PATH_MAX];

	if (set_path(s, x->name, x->aside ? ".refused" : ".set", path) < 0 ||
	    unlink(path) < 0 || sync_directory(s) < 0)
		return cannot(s, x->name);
	if (x->aside && set_path(s, x->name, ".why", path) == 0)
		(void)unlink(path);
	return 0;
}

int
spool_set_aside(struct spool *s, const struct spool_set *x, const char *why)
{
	char from[PATH_MAX], to[PATH_MAX], note[PATH_MAX];
	FILE *f;

	if (set_path(s, x->name, ".set", from) < 0 ||
	    set_path(s, x->name, ".refused", to) < 0 ||
	    set_path(s, x->name, ".why", note) < 0)
		return cannot(s, x->name);
	if ((f = fopen(note, "we")) != NULL) {
		fprintf(f, "%s\n", why);
		fclose(f);
	}
	if (!x->aside && rename(from, to) < 0)
		return cannot(s, from);
	return sync_directory(s) < 0 ? cannot(s, s->dir) : 0;
}

/* ---- keeping ---------------------------------------------------------------- */

struct keeping {
	FILE *file;
	uint64_t hash;
	uint8_t *packed;
	size_t room;
};

static void
put(struct keeping *k, const void *data, size_t len)
{
	fwrite(data, 1, len, k->file);
	k->hash = hash_more(k->hash, data, len);
}

static int
put_message(struct keeping *k, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t head[4], *grown;

	if (len > k->room) {
		if ((grown = realloc(k->packed, len)) == NULL)
			return -1;
		k->packed = grown;
		k->room = len;
	}
	protobuf_c_message_pack(m, k->packed);
	put_be(head, len, sizeof head);
	put(k, head, sizeof head);
	put(k, k->packed, len);
	return 0;
}

static void
put_header(struct spool *s, struct keeping *k, const Resopro__V1__SyncStart *q,
    uint32_t records)
{
	bool full = q->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL;
	char text[2048];
	int n = snprintf(text, sizeof text,
	    MAGIC "created %" PRId64 "\nrequest_id %s\nserver %.250s\n"
		  "identity %.250s\nowner %s\nsource %s\nmode %s\n"
		  "records %u\n\n",
	    (int64_t)time(NULL), q->request_id,
	    s->cli->settings->values[SETTING_SERVER], identity(s->cli),
	    q->owner, q->source, full ? "full" : "delta", records);

	put(k, text, (size_t)n);
}

static int
put_messages(struct keeping *k, struct push_feed *feed, struct rsp_error *e)
{
	static const uint8_t none[4];
	const Resopro__V1__SyncRequest *r;
	uint8_t sum[8];
	int rc;

	push_feed_rewind(feed);
	while ((rc = push_feed_next(feed, &r, e)) == 1)
		if (put_message(k, &r->base) < 0)
			return fault(e, RSP_ERR_NOMEM, "", "%s",
			    _("out of memory"));
	if (rc < 0)
		return -1;
	put(k, none, sizeof none);
	put_be(sum, k->hash, sizeof sum);
	fwrite(sum, 1, sizeof sum, k->file);
	if (fflush(k->file) == 0 && !ferror(k->file) &&
	    fsync(fileno(k->file)) == 0)
		return 0;
	return fault(e, RSP_ERR_CONFIG, "", "%s", strerror(errno));
}

/* Later than every other, whatever the clock says. */
static int
next_name(struct spool *s, const char *request_id, char out[96],
    struct rsp_error *e)
{
	struct spool_set *list;
	size_t n, waiting = 0;
	uint64_t bytes = 0, number = (uint64_t)time(NULL) * 1000;

	if (spool_list(s, &list, &n) != 0)
		return fault(e, RSP_ERR_CONFIG, "", "%s", s->dir);
	for (size_t i = 0; i < n; i++) {
		uint64_t other = strtoull(list[i].name, NULL, 10);

		number = other >= number ? other + 1 : number;
		bytes += list[i].bytes;
		waiting += !list[i].aside;
	}
	free(list);
	if (waiting >= SETS_MAX || bytes >= BYTES_MAX)
		return fault(e, RSP_ERR_CONFIG,
		    _("see resopro spool list; send or drop some"),
		    _("the spool is full: %zu sets, %ju MiB"), n,
		    (uintmax_t)(bytes >> 20));
	snprintf(out, 96, "%014" PRIu64 "-%.64s", number, request_id);
	return 0;
}

static int
write_set(struct spool *s, const char *path, struct push_feed *feed,
    const Resopro__V1__SyncStart *q, uint32_t records, struct rsp_error *e)
{
	struct keeping k = { .hash = HASH_START };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0 || (k.file = fdopen(fd, "w")) == NULL) {
		rc = fault(e, RSP_ERR_CONFIG, "", "%s: %s", path,
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	put_header(s, &k, q, records);
	rc = put_messages(&k, feed, e);
	fclose(k.file);
	free(k.packed);
	return rc;
}

int
spool_keep(struct spool *s, struct push_feed *feed,
    const Resopro__V1__SyncStart *q, uint32_t records, struct rsp_error *e)
{
	char name[96], tmp[PATH_MAX], path[PATH_MAX];

	if (s->lock < 0 && (make_directories(s->dir) < 0 || take_lock(s) != 0))
		return fault(e, RSP_ERR_CONFIG, "", "%s: %s", s->dir,
		    strerror(errno));
	if (next_name(s, q->request_id, name, e) < 0)
		return -1;
	if (set_path(s, name, ".tmp", tmp) < 0 ||
	    set_path(s, name, ".set", path) < 0)
		return fault(e, RSP_ERR_CONFIG, "", "%s", strerror(errno));
	if (write_set(s, tmp, feed, q, records, e) < 0) {
		unlink(tmp);
		return -1;
	}
	if (rename(tmp, path) == 0 && sync_directory(s) == 0)
		return 0;
	fault(e, RSP_ERR_CONFIG, "", "%s: %s", path, strerror(errno));
	unlink(tmp);
	return -1;
}
