#!/bin/sh
# C++ with Debian's libgrpc++, which knows nothing of our code generator.
set -u
. "$(dirname "$0")/clients/setup.sh"
command -v grpc_cpp_plugin > /dev/null || { echo "no grpc_cpp_plugin"; exit 77; }
mkdir -p "$T/cpp"
(cd proto && protoc -I . -I /usr/include --cpp_out="$T/cpp" \
    --grpc_out="$T/cpp" \
    --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
    resopro/v1/registry.proto resopro/v1/types.proto) || exit 1
# shellcheck disable=SC2046 # words
g++ -std=c++17 -O0 -I "$T/cpp" -o "$T/scenario" \
    tests/interop/clients/scenario.cc "$T"/cpp/resopro/v1/*.cc \
    $(pkg-config --cflags --libs grpc++ protobuf) -pthread || exit 1
"$T/scenario" || exit 1
finish
