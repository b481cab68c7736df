#!/bin/sh
# No tabs, trailing spaces or long lines in the C files, and no syntax errors in scripts.
set -e
cd "$(dirname "$0")/.."
if grep -nE '	| +$|^.{141}' src/*.[ch] tests/*.c; then
  echo "lint: the lines above have a tab, trailing spaces or more than 140 characters" >&2
  exit 1
fi
for script in tests/*.sh; do sh -n "$script"; done
echo "lint: $(cat src/*.[ch] tests/*.c | wc -l) lines checked"
