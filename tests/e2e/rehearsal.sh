#!/usr/bin/env bash
# Rehearses the battery (kubernetes.sh) on this machine before it is run against a real cluster: kubectl and the server use the tests'
# fake cluster, whose pods really run, each container in a root folder of its own, with busybox as the steps' image and the runner
# downloaded by the manifest's own script.
#   tests/e2e/rehearsal.sh [CASES]     only cases whose names contain this text
# Needs root, kubectl, busybox-static, and the requirements of kubernetes.sh and Runner/publish-static.sh. The exit code is that of
# kubernetes.sh.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
cd "$root"

folder="$(mktemp -d)"
cluster=''
cleanup() {
  if [ -n "$cluster" ]; then
    kill -TERM "$cluster" 2>/dev/null || true
    wait "$cluster" 2>/dev/null || true
  fi
  rm -rf "$folder" "$folder.log"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "==> Building the cluster" >&2
dotnet build tests/e2e/FakeCluster -c Release -v quiet -nologo -clp:"ErrorsOnly;NoSummary" >&2
# In a session of its own: a signal that ends the battery must not end the cluster before the battery has cleaned up.
setsid dotnet tests/e2e/FakeCluster/bin/Release/net10.0/Shipinator.FakeCluster.dll "$folder" >"$folder.log" 2>&1 &
cluster=$!
for _ in $(seq 100); do
  [ -e "$folder/kubeconfig" ] && break
  kill -0 "$cluster" 2>/dev/null || { cat "$folder.log" >&2; exit 2; }
  sleep 0.1
done

port="${SHIPINATOR_E2E_PORT:-7480}"
export SHIPINATOR_E2E_URL="http://127.0.0.1:$port"
export SHIPINATOR_E2E_STEP_IMAGE=registry.test/busybox:1
export SHIPINATOR_E2E_RUNNER_IMAGE=registry.test/tools:1
export SHIPINATOR_E2E_PRIVATE_IMAGE=registry.test/private/busybox:1
export SHIPINATOR_E2E_DOCKERCONFIG="$folder/dockerconfig.json"
echo '{ "auths": { "registry.test": { "auth": "Ym90OnBhc3N3b3Jk" } } }' >"$SHIPINATOR_E2E_DOCKERCONFIG"
export SHIPINATOR_E2E_BARE_IMAGE=registry.test/bare:1
export SHIPINATOR_E2E_CACHE_CLASS=any
export SHIPINATOR_E2E_ONLY="${1:-${SHIPINATOR_E2E_ONLY:-}}"
code=0
tests/e2e/kubernetes.sh "$folder/kubeconfig" || code=$?
grep -v '^The cluster is ready' "$folder.log" >&2 || true
exit "$code"
