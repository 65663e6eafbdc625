/* The certification authority of resopro pki, judged by OpenSSL's verifier. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "../../../client/cli/pki.h"
#include "../../../client/cli/pki_file.h"

#define NOW 1800000000 /* 2027-01-15 */
#define DAY 86400

struct fx {
	char dir[128];
	struct pki_options opts, renew;
	struct pki_cert cert;
	struct rsp_error e;
};

static int
setup(void **state)
{
	struct fx *f = calloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof f->dir, "%s/resopro-pki-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(f->dir));
	f->opts.now = NOW;
	f->renew.now = NOW;
	f->renew.renew = true;
	assert_int_equal(pki_init(f->dir, &f->opts, &f->cert, &f->e), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fx *f = *state;
	DIR *d = opendir(f->dir);
	struct dirent *x;

	while ((x = readdir(d)) != NULL)
		unlinkat(dirfd(d), x->d_name, 0);
	closedir(d);
	rmdir(f->dir);
	free(f);
	return 0;
}

static const char *
in(const struct fx *f, const char *name, char out[300])
{
	snprintf(out, 300, "%s/%s", f->dir, name);
	return out;
}

static unsigned
mode_of(const struct fx *f, const char *name)
{
	char path[300];
	struct stat st;

	assert_int_equal(stat(in(f, name, path), &st), 0);
	return st.st_mode & 07777;
}

static X509 *
load(const char *path)
{
	FILE *file = fopen(path, "r");
	X509 *cert;

	assert_non_null(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	assert_non_null(cert);
	return cert;
}

/* X509_V_OK, or why not. */
static int
verify(const struct fx *f, const char *path, int purpose, bool with_crl,
    time_t at)
{
	char name[300];
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *cert = load(path);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	int rc;

	assert_int_equal(X509_STORE_load_file(store, in(f, "ca.pem", name)), 1);
	if (with_crl) {
		assert_int_equal(X509_load_crl_file(lookup,
				     in(f, "crl.pem", name), X509_FILETYPE_PEM),
		    1);
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	}
	X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_time(ctx, 0, at);
	rc = X509_verify_cert(ctx) == 1 ? X509_V_OK
					: X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(cert);
	return rc;
}

static void
init__new_directory__ca_of_ten_years_key_0600(void **state)
{
	struct fx *f = *state;

	assert_string_equal(f->cert.usage, "authority");
	assert_int_equal((f->cert.not_after - NOW) / DAY, 3650);
	assert_int_equal(mode_of(f, "ca.key"), 0600);
	assert_int_equal(mode_of(f, "ca.pem"), 0644);
	assert_int_equal(strlen(f->cert.sha256), 64);
}

static void
init__authority_exists__refused_and_untouched(void **state)
{
	struct fx *f = *state;
	char serial[48];

	strcpy(serial, f->cert.serial);
	assert_int_equal(pki_init(f->dir, &f->opts, &f->cert, &f->e), -1);
	assert_non_null(strstr(f->e.remedy, "--renew"));
	assert_int_equal(pki_show(f->cert.cert_path, &f->cert, &f->e), 0);
	assert_string_equal(f->cert.serial, serial);
}

static void
init__renewed__what_it_signed_stays_valid(void **state)
{
	struct fx *f = *state;
	struct pki_cert ca;

	assert_int_equal(pki_account(f->dir, "ml-flers", &f->opts, &f->cert,
			     &f->e),
	    0);
	f->renew.now = NOW + 100 * DAY;
	assert_int_equal(pki_init(f->dir, &f->renew, &ca, &f->e), 0);
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_CLIENT,
			     true, NOW + 101 * DAY),
	    X509_V_OK);
	assert_int_equal(mode_of(f, "ca.pem.previous"), 0644);
}

static void
server__names_given__verifies_as_server_only(void **state)
{
	struct fx *f = *state;
	const char *names[] = { "registre.example.org", "192.0.2.7",
		"localhost" };

	assert_int_equal(pki_server(f->dir, names, 3, &f->opts, &f->cert,
			     &f->e),
	    0);
	assert_string_equal(f->cert.names,
	    "DNS:registre.example.org, IP:192.0.2.7, DNS:localhost, "
	    "IP:127.0.0.1, IP:::1");
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_SERVER,
			     true, NOW),
	    X509_V_OK);
	assert_int_not_equal(verify(f, f->cert.cert_path,
				 X509_PURPOSE_SSL_CLIENT, false, NOW),
	    X509_V_OK);
	assert_int_equal(mode_of(f, "server.key"), 0600);
}

static void
server__name_begins_like_loopback__loopback_still_added(void **state)
{
	struct fx *f = *state;
	const char *names[] = { "localhost.example.org" };

	assert_int_equal(pki_server(f->dir, names, 1, &f->opts, &f->cert,
			     &f->e),
	    0);
	assert_non_null(strstr(f->cert.names, "DNS:localhost,"));
}

static void
server__name_would_inject__refused(void **state)
{
	struct fx *f = *state;
	static const char *const bad[] = { "a,URI:resopro:account:root",
		"a:443", "", "-a", "a..b", "é.fr", "https://a" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(pki_server(f->dir, &bad[i], 1, &f->opts,
				     &f->cert, &f->e),
		    -1);
		assert_int_equal(f->e.code, RSP_INVALID_ARGUMENT);
		assert_string_not_equal(f->e.remedy, "");
	}
}

static void
account__id_given__san_uri_and_one_year(void **state)
{
	struct fx *f = *state;

	assert_int_equal(pki_account(f->dir, "ml-flers", &f->opts, &f->cert,
			     &f->e),
	    0);
	assert_string_equal(f->cert.names, "URI:resopro:account:ml-flers");
	assert_int_equal((f->cert.not_after - NOW) / DAY, 365);
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_CLIENT,
			     true, NOW),
	    X509_V_OK);
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_CLIENT,
			     false, NOW + 366 * DAY),
	    X509_V_ERR_CERT_HAS_EXPIRED);
}

static void
account__id_is_no_id__refused(void **state)
{
	struct fx *f = *state;
	static const char *const bad[] = { "", "A", "a/b", "../ca", "a b",
		"é" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(pki_account(f->dir, bad[i], &f->opts, &f->cert,
				     &f->e),
		    -1);
}

static void
account__made_twice__second_refused_unless_renewed(void **state)
{
	struct fx *f = *state;
	struct pki_cert first;
	char path[300];

	assert_int_equal(pki_account(f->dir, "a", &f->opts, &first, &f->e), 0);
	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    -1);
	assert_int_equal(pki_account(f->dir, "a", &f->renew, &f->cert, &f->e),
	    0);
	assert_string_not_equal(f->cert.serial, first.serial);
	assert_int_equal(pki_show(in(f, "account-a.pem.previous", path),
			     &f->cert, &f->e),
	    0);
	assert_string_equal(f->cert.serial, first.serial);
	assert_int_equal(mode_of(f, "account-a.key.previous"), 0600);
}

static void
revoke__account__crl_names_it_and_no_other(void **state)
{
	struct fx *f = *state;
	struct pki_cert other;
	unsigned n;

	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    0);
	assert_int_equal(pki_account(f->dir, "b", &f->opts, &other, &f->e), 0);
	assert_int_equal(pki_revoke(f->dir, "a", &f->opts, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_CLIENT,
			     true, NOW),
	    X509_V_ERR_CERT_REVOKED);
	assert_int_equal(verify(f, other.cert_path, X509_PURPOSE_SSL_CLIENT,
			     true, NOW),
	    X509_V_OK);
	assert_int_equal(pki_revoke(f->dir, "a", &f->opts, &n, &f->e), -1);
	assert_int_equal(f->e.code, RSP_NOT_FOUND);
}

static void
revoke__by_serial_after_renewal__new_one_stays(void **state)
{
	struct fx *f = *state;
	struct pki_cert old;
	unsigned n;

	assert_int_equal(pki_account(f->dir, "a", &f->opts, &old, &f->e), 0);
	assert_int_equal(pki_account(f->dir, "a", &f->renew, &f->cert, &f->e),
	    0);
	assert_int_equal(pki_revoke(f->dir, old.serial, &f->opts, &n, &f->e),
	    0);
	assert_int_equal(n, 1);
	assert_int_equal(verify(f, f->cert.cert_path, X509_PURPOSE_SSL_CLIENT,
			     true, NOW),
	    X509_V_OK);
}

static void
leaf__longer_than_authority__ends_with_it(void **state)
{
	struct fx *f = *state;

	f->opts.now = NOW + 3600 * (int64_t)DAY;
	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    0);
	assert_int_equal(f->cert.not_after, NOW + 3650 * (int64_t)DAY);
	f->opts.days = 399;
	assert_int_equal(pki_account(f->dir, "b", &f->opts, &f->cert, &f->e),
	    -1);
}

static void
directory__locked_by_another__refused_at_once(void **state)
{
	struct fx *f = *state;
	struct pki_dir d;

	assert_int_equal(pki_dir_open(&d, f->dir, false, &f->e), 0);
	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    -1);
	assert_non_null(strstr(f->e.msg, "another"));
	pki_dir_close(&d);
	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    0);
}

static void
index__damaged__names_the_line(void **state)
{
	struct fx *f = *state;
	char path[300];
	FILE *file = fopen(in(f, "index", path), "w");

	fputs("01AB\tV\t1\t-\ta\tx\nrubbish\n", file);
	fclose(file);
	assert_int_equal(pki_account(f->dir, "a", &f->opts, &f->cert, &f->e),
	    -1);
	assert_non_null(strstr(f->e.msg, "line 2"));
}

static void
show__file_without_certificate__refused(void **state)
{
	struct fx *f = *state;
	char path[300];

	assert_int_equal(pki_show(in(f, "ca.key", path), &f->cert, &f->e), -1);
	assert_int_equal(pki_show(in(f, "absent.pem", path), &f->cert, &f->e),
	    -1);
	assert_string_not_equal(f->e.remedy, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init__new_directory__ca_of_ten_years_key_0600),
		TEST(init__authority_exists__refused_and_untouched),
		TEST(init__renewed__what_it_signed_stays_valid),
		TEST(server__names_given__verifies_as_server_only),
		TEST(server__name_begins_like_loopback__loopback_still_added),
		TEST(server__name_would_inject__refused),
		TEST(account__id_given__san_uri_and_one_year),
		TEST(account__id_is_no_id__refused),
		TEST(account__made_twice__second_refused_unless_renewed),
		TEST(revoke__account__crl_names_it_and_no_other),
		TEST(revoke__by_serial_after_renewal__new_one_stays),
		TEST(leaf__longer_than_authority__ends_with_it),
		TEST(directory__locked_by_another__refused_at_once),
		TEST(index__damaged__names_the_line),
		TEST(show__file_without_certificate__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
