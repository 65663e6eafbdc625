#!/bin/sh
# What `make install` puts where: complete, with names that follow PREFIX, a
# unit that systemd accepts and hardens, accounts and directories that it can
# make, and a library that a member's program can be built with.
set -eu
cd "$(dirname "$0")/../.."
build=$(cd "${RESOPRO_BUILD:-build}" && pwd)
if ! [ -x "$build/resoprod" ] || ! [ -x "$build/resopro" ]; then
	echo "no programs in $build yet"
	exit 77
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail()
{
	echo "FAILED: $*"
	exit 1
}

make --no-print-directory B="$build" DESTDIR="$root" PREFIX=/usr install \
	> "$root/log" 2>&1 || { cat "$root/log"; fail "make install"; }

for file in usr/sbin/resoprod usr/bin/resopro usr/lib/libresopro.a \
    usr/lib/libresopro.so.0 usr/lib/libresopro.so \
    usr/lib/pkgconfig/resopro.pc usr/include/resopro/client.h \
    usr/include/resopro/loop.h \
    usr/include/resopro/v1/registry.pb-c.h \
    usr/share/resopro/proto/resopro/v1/registry.proto \
    usr/share/resopro/territories/communes.csv \
    usr/share/resopro/referral-rules.conf \
    usr/share/resopro/search-words.conf \
    usr/share/man/man8/resoprod.8 usr/share/man/man5/resoprod.conf.5 \
    usr/share/man/man1/resopro.1 usr/share/man/man3/libresopro.3 \
    etc/resopro/resoprod.conf usr/lib/systemd/system/resoprod.service \
    usr/lib/systemd/system/resopro-push.service \
    usr/lib/systemd/system/resopro-push.timer usr/share/resopro/push.conf \
    usr/lib/sysusers.d/resoprod.conf usr/lib/tmpfiles.d/resoprod.conf; do
	[ -s "$root/$file" ] || fail "not installed: $file"
done
! grep -rlE "@[A-Z]+@|/usr/local" "$root/etc" "$root/usr/lib/systemd" \
    "$root/usr/lib/tmpfiles.d" ||
	fail "places not filled in"
grep -q '^#dir = /usr/share/resopro$' "$root/etc/resopro/resoprod.conf" ||
	fail "resoprod.conf does not follow PREFIX"
# What the nightly push is given stands in its example.
for name in $(grep -o '[$]{*[A-Z_]*' \
    "$root/usr/lib/systemd/system/resopro-push.service" | tr -d '${' |
    sort -u) RESOPRO_SERVER; do
	grep -q "^$name=" "$root/usr/share/resopro/push.conf" ||
		fail "push.conf has no $name"
done
"$root/usr/sbin/resoprod" -t -c "$root/etc/resopro/resoprod.conf" ||
	fail "the installed configuration"
readelf -d "$root/usr/lib/libresopro.so" | grep -q 'SONAME.*libresopro.so.0' ||
	fail "soname"

echo '; of the administrator' >> "$root/etc/resopro/resoprod.conf"
make --no-print-directory B="$build" DESTDIR="$root" PREFIX=/usr install \
	> "$root/log" 2>&1 || { cat "$root/log"; fail "a second make install"; }
grep -q administrator "$root/etc/resopro/resoprod.conf" ||
	fail "the administrator's configuration is lost"
[ -s "$root/etc/resopro/resoprod.conf.new" ] || fail "no resoprod.conf.new"

# A member's program, with pkg-config and nothing else.
cat > "$root/member.c" <<'END'
#include <resopro/client.h>
#include <resopro/version.h>
#include <stdio.h>
int
main(void)
{
	puts(rsp_version());
	return 0;
}
END
# shellcheck disable=SC2046 # words
PKG_CONFIG_PATH=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
	cc -o "$root/member" "$root/member.c" \
	$(PKG_CONFIG_PATH=$root/usr/lib/pkgconfig \
	    PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs resopro) ||
	fail "building with pkg-config"
LD_LIBRARY_PATH=$root/usr/lib "$root/member" | grep -q '^0\.' ||
	fail "running with the shared library"
if command -v systemd-analyze > /dev/null; then
	for name in resoprod resopro-push; do
		unit=$root/$name.service
		sed "s|/usr/s*bin|$root&|" \
			"$root/usr/lib/systemd/system/$name.service" > "$unit"
		systemd-analyze verify --man=no "$unit" > "$root/verify" 2>&1 ||
			{ cat "$root/verify"; fail "systemd-analyze verify"; }
		! grep -F "$unit" "$root/verify" || fail "systemd-analyze warns"
		systemd-analyze security --offline=yes --threshold=20 "$unit" \
			> "$root/security" 2>&1 ||
			{ cat "$root/security"; fail "$name is not hardened"; }
	done
	cp "$root/usr/lib/systemd/system/resopro-push.timer" "$root/"
	systemd-analyze verify --man=no "$root/resopro-push.timer" \
		> "$root/verify" 2>&1 ||
		{ cat "$root/verify"; fail "systemd-analyze verify, timer"; }
fi
if command -v systemd-sysusers > /dev/null; then
	systemd-sysusers --root="$root" resoprod.conf ||
		fail sysusers
	grep -q '^resopro:' "$root/etc/passwd" || fail "no user resopro"
	systemd-tmpfiles --root="$root" --create \
		resoprod.conf || fail tmpfiles
	[ "$(stat -c %a "$root/var/lib/resopro")" = 700 ] ||
		fail "mode of the register's directory"
fi
echo "install: complete"
