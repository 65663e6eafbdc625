#!/bin/sh
# Python's grpcio, as Debian ships it, with code that its plugin generated.
set -u
. "$(dirname "$0")/clients/setup.sh"
mkdir -p "$T/py"
(cd proto && protoc -I . -I /usr/include --python_out="$T/py" \
    --grpc_python_out="$T/py" \
    --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
    resopro/v1/*.proto google/rpc/*.proto grpc/health/v1/*.proto \
    grpc/reflection/v1alpha/*.proto) || exit 1
# grpc and google are packages of Debian too: ours come beside them.
PYTHONPATH=$T/py /usr/bin/python3 tests/interop/clients/scenario.py || exit 1
finish
