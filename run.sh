#!/usr/bin/env bash
# Starts a standalone server and runs the pipeline of samples/hello-service.
# Without a terminal it ends with the run's exit code; in a terminal it keeps serving until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/debian.sh

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

need=()
command -v git >/dev/null || need+=(git)
command -v cc >/dev/null || need+=(gcc libc6-dev)
command -v make >/dev/null || need+=(make)
has_postgres || need+=(postgresql)
[ "${#need[@]}" -eq 0 ] || debian_install "${need[@]}"
command -v dotnet >/dev/null || { echo "run.sh: the .NET 10 SDK is missing: install it and put 'dotnet' on the PATH." >&2; exit 1; }

say "Building the server, the runner and the command line (dotnet build)"
# One build for all three, without analyzers: ./test.sh and CI run them.
out="$(dotnet build Run.slnf -c Release -v quiet -nologo -clp:ErrorsOnly -p:RunAnalyzers=false 2>&1)" || { printf '%s\n' "$out" >&2; exit 1; }

data="${SHIPINATOR_DATA:-$PWD/.shipinator-data}"
export SHIPINATOR_DATA="$data"
export SHIPINATOR_SERVER="$PWD/Silo/bin/Release/net10.0/Shipinator.Silo.dll"
shipinator=(dotnet "$PWD/Cli/bin/Release/net10.0/shipinator.dll")

# The data is readable by its user only: logs, artifacts, the admin token.
(umask 077 && mkdir -p "$data" && touch "$data/server.log")
chmod 700 "$data"
chmod 600 "$data/server.log"

# A pipeline belongs to a repository: the sample becomes one, with a commit. It is beside the data folder, not in it, because a step
# may run as another user.
sample="$data-sample/hello-service"
say "Creating a Git repository from samples/hello-service in $sample"
mkdir -p "$sample"
find "$sample" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
cp -R samples/hello-service/. "$sample"
git -C "$sample" init -q -b main
git -C "$sample" add -A
git -C "$sample" -c user.name=Shipinator -c user.email=hello@shipinator.invalid commit -q --allow-empty -m "hello-service $(date -u +%FT%TZ)"

say "Starting a standalone server (PostgreSQL, silo, /v1), data in $data"
# Not through a function: the signal of stop() must reach the program itself, not a subshell.
"${shipinator[@]}" up --data "$data" --port "${SHIPINATOR_PORT:-0}" > "$data/server.log" 2>&1 &
server=$!
stop() { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 130' INT TERM
for _ in $(seq 300); do
  grep -q 'Shipinator listens on' "$data/server.log" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
if ! grep -q 'Shipinator listens on' "$data/server.log"; then
  echo "run.sh: the server did not start; its log ($data/server.log) ends with:" >&2
  tail -n 30 "$data/server.log" >&2
  exit 1
fi
grep -h -E 'Sign in|listens' "$data/server.log" >&2 || true

say "Running the pipeline: shipinator run $sample"
code=0
"${shipinator[@]}" run "$sample" || code=$?

if [ -t 1 ] && [ -t 0 ]; then
  say "The client exited with code $code. The server keeps running; Ctrl-C stops it."
  wait "$server" || true
fi
exit "$code"
