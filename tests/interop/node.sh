#!/bin/sh
# Node's @grpc/grpc-js with @grpc/proto-loader, which read the .proto files.
set -u
. "$(dirname "$0")/clients/setup.sh"
NODE_PATH=$B/npm/node_modules
export NODE_PATH
if ! [ -d "$NODE_PATH/@grpc/grpc-js" ]; then
	echo "no npm packages in $NODE_PATH: make deps"
	exit 77
fi
node tests/interop/clients/scenario.js || exit 1
finish
