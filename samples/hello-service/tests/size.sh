#!/bin/sh
# size.sh FILE LIMIT: FILE has at most LIMIT bytes.
set -e
size=$(wc -c < "$1")
echo "size: $1 has $size bytes, at most $2 are allowed"
[ "$size" -le "$2" ]
