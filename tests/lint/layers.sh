#!/bin/sh
# Includes point down: what each folder may include, and which outside library
# has which homes.  A row that is missing is a refusal.
set -eu
cd "$(dirname "$0")/../.."

# folder: folders that it may include besides itself ("quoted" includes)
may_include()
{
	cat <<-'EOT'
	proto/wire
	daemon/base	wire
	daemon/domain	wire
	daemon/net	wire base
	daemon/store	wire base domain
	daemon/http2	wire base net
	daemon/rpc	wire base net http2 gen
	daemon/service	wire base domain net store rpc gen
	daemon		wire base domain net store http2 rpc service
	client/lib	wire gen
	client/cli
	EOT
}

# header prefix: the only files that may include it; "daemon/" is main's level
homes()
{
	cat <<-'EOT'
	lmdb.h		daemon/store/
	event2/		daemon/base/
	nghttp2/	daemon/http2/ client/lib/
	openssl/	daemon/net/ daemon/base/digest.c client/lib/ client/cli/pki client/cli/certfile.c
	protobuf-c/	daemon/rpc/ daemon/service/ client/
	systemd/	daemon/base/ daemon/main.c daemon/notify.c
	zlib.h		daemon/rpc/ client/lib/
	xxhash.h	daemon/store/ daemon/service/
	ini.h		daemon/config.c client/cli/config.c daemon/service/catalog.c
	csv.h		client/cli/ daemon/service/
	jansson.h	client/cli/
	sqlite3.h	client/cli/mirror
	utf8proc.h	client/cli/ daemon/service/
	EOT
}

# Pure: no clock, no file, no network, no thread.
pure_headers='<(time|sys/[a-z]*|unistd|fcntl|pthread|poll|dirent|signal)\.h>'
pure_calls='\<(fopen|open|time|clock_gettime|gettimeofday|getenv|rand)\('

failed=$(mktemp)
trap 'rm -f "$failed"' EXIT

complain()
{
	echo "$1"
	echo x >> "$failed"
}

# layer_of FOLDER HEADER: the folder that a quoted include names
layer_of()
{
	case $2 in
	*.pb-c.h | descriptors.h) echo gen ;;
	*/*) echo "${2%%/*}" ;;
	*) echo "${1##*/}" ;;
	esac
}

check_quoted()
{
	may_include | while read -r folder below; do
		[ -d "$folder" ] || continue
		grep -nE '^#include "' "$folder"/*.[ch] 2>/dev/null |
		sed -E 's/^([^:]*:[0-9]+):#include "([^"]*)".*/\1 \2/' |
		while read -r where header; do
			layer=$(layer_of "$folder" "$header")
			case " $below ${folder##*/} " in
			*" $layer "*) ;;
			*) complain "$where: $folder may not include \"$header\"" ;;
			esac
		done
	done
}

check_homes()
{
	homes | while read -r prefix allowed; do
		grep -rnE "^#include <$prefix" daemon proto client \
		    --include='*.[ch]' |
		while IFS=: read -r file line _; do
			found=
			for home in $allowed; do
				case $file in "$home"*) found=1 ;; esac
			done
			[ -n "$found" ] ||
				complain "$file:$line: <$prefix> belongs in $allowed"
		done
	done
}

check_rest()
{
	grep -nE "#include $pure_headers|$pure_calls" daemon/domain/*.[ch] &&
		complain "daemon/domain is pure: no clock, no I/O"
	# every folder with C files has its row above
	find daemon proto client -name '*.[ch]' | sed 's|/[^/]*$||' | sort -u |
	while read -r folder; do
		case $folder in client/examples*) continue ;; esac
		may_include | grep -qE "^$folder($|[[:space:]])" ||
			complain "$folder has no row in tests/lint/layers.sh"
	done
	# public headers know only themselves, libc and protobuf-c
	grep -rnE '^#include' include |
		grep -vE '<(resopro/|protobuf-c/|std[a-z]+\.h)' &&
		complain "include/ may include <resopro/...> and libc only"
	# the public prefix is the public interface's alone
	grep -rnE '^(static )?[a-z].*\<rsp_[a-z_]+\(' daemon proto --include='*.[ch]' &&
		complain "rsp_ is the prefix of libresopro"
	return 0
}

check_quoted
check_homes
check_rest
[ ! -s "$failed" ]
