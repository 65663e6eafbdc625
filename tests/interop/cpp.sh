#!/bin/sh
# C++ with Debian's libgrpc++, which knows nothing of our code generator.
set -u
. "$(dirname "$0")/clients/setup.sh"
command -v grpc_cpp_plugin > /dev/null || { echo "no grpc_cpp_plugin"; exit 77; }
mkdir -p "$T/cpp"
# shellcheck disable=SC2046 # words
(cd proto && protoc -I . -I /usr/include --cpp_out="$T/cpp" \
    --grpc_out="$T/cpp" \
    --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
    $(find . -name '*.proto' | sed 's,^\./,,')) || exit 1

# all FILE...: one source of many generated ones, a third of the time to
# compile; two of their names are the same in each.
all()
{
	n=0
	for file; do
		n=$((n + 1))
		echo "#define schemas schemas_$n"
		echo "#define file_default_instances instances_$n"
		echo "#include \"$file\""
		echo "#undef schemas"
		echo "#undef file_default_instances"
	done
}
# shellcheck disable=SC2046 # words
all $(find "$T/cpp" -name '*.pb.cc' ! -name '*.grpc.pb.cc') > "$T/messages.cc"
# shellcheck disable=SC2046 # words
all $(find "$T/cpp" -name '*.grpc.pb.cc') > "$T/services.cc"

# Two at a time.
# shellcheck disable=SC2016,SC2046 # $1 is the inner shell's; words
printf '%s\n' "$T/services.cc" "$T/messages.cc" \
    tests/interop/clients/methods.cc tests/interop/clients/scenario.cc |
	xargs -P 2 -I '{}' sh -c 'g++ -std=c++17 -O0 -I "$1/cpp" -c \
	    -o "$1/$(basename "$2" .cc).o" "$2"' sh "$T" '{}' || exit 1
# shellcheck disable=SC2046 # words
g++ -o "$T/scenario" "$T"/services.o "$T"/messages.o "$T"/methods.o \
    "$T"/scenario.o $(pkg-config --libs grpc++ protobuf) -pthread || exit 1
timeout 120 "$T/scenario" || exit 1
finish
