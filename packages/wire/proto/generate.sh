#!/bin/sh
# Generates the messages of proto/ into src/gen, or into the folder given. A test runs it too and compares.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=${1:-$here/src/gen}
PATH="$root/node_modules/.bin:$PATH"
mkdir -p "$out"
find "$out" -name '*_pb.ts' -delete
cd "$here/proto"
# Node runs the sources as they are, so enums must be objects (erasable_syntax) and imports end in .ts.
protoc --proto_path=. --es_out="$out" \
  --es_opt=target=ts,import_extension=ts,erasable_syntax=true \
  $(find . -name '*.proto' | LC_ALL=C sort)
