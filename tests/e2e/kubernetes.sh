#!/usr/bin/env bash
# Runs the Kubernetes executor's battery against a real cluster and prints a table, case by case.
#   tests/e2e/kubernetes.sh KUBECONFIG
# Needs kubectl, the .NET 10 SDK and PostgreSQL's server binaries; installs git and the linker for the runner from Debian when they
# are missing. Pods must reach this host on two ports, Shipinator's and the Git server's; a probe pod checks that before the first
# case. Creates a namespace of its own and deletes it at the end.
# Exit code 0 only when every case has the expected result; 1 with a difference; 2 when it could not start.
#
#   SHIPINATOR_E2E_URL           address at which pods reach this host, such as http://172.18.0.1:7400; required
#   SHIPINATOR_E2E_STEP_IMAGE    image of the steps: sh and the usual tools, as in busybox; required
#   SHIPINATOR_E2E_RUNNER_IMAGE  image with sh, git, and wget or curl (or with the runner itself); required
#   SHIPINATOR_E2E_SERVICE_IMAGE image with 'httpd -f -p PORT -h FOLDER', such as busybox; default: the step image
#   SHIPINATOR_E2E_GIT_URL       address at which pods reach the battery's Git server; default: the host of _URL with any free port
#   SHIPINATOR_E2E_CACHE_CLASS   storage class for a cache volume claim; when not set, the case is skipped
#   SHIPINATOR_E2E_PRIVATE_IMAGE image with 'true' in a registry that requires credentials, and
#   SHIPINATOR_E2E_DOCKERCONFIG  the docker config.json with them; when not set, the case is skipped
#   SHIPINATOR_E2E_BARE_IMAGE    image without a shell, such as registry.k8s.io/pause:3.10; when not set, the case is skipped
#   SHIPINATOR_E2E_RESTRICTED    1: the namespace enforces the pod security standard "restricted", and nothing runs as root
#   SHIPINATOR_E2E_PULL_POLICY   when nodes pull images: Always, IfNotPresent or Never; when not set, the cluster's default
#   SHIPINATOR_E2E_RUNNER        the static runner; default: artifacts/runner-static/runner, published when it is missing
#   SHIPINATOR_E2E_ONLY          only cases whose names contain this text
#   SHIPINATOR_E2E_PARALLEL      number of concurrent cases; default 3
#   SHIPINATOR_E2E_KEEP          1: keep the namespace and the data folder
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"

fail() { printf 'kubernetes.sh: %s\n' "$*" >&2; exit 2; }
[ "$#" -eq 1 ] || fail "usage: tests/e2e/kubernetes.sh KUBECONFIG"
[ -r "$1" ] || fail "$1 can't be read; it must be a kubeconfig file."
for tool in kubectl dotnet; do
  command -v "$tool" >/dev/null || fail "$tool is missing."
done
for name in SHIPINATOR_E2E_URL SHIPINATOR_E2E_STEP_IMAGE SHIPINATOR_E2E_RUNNER_IMAGE; do
  [ -n "${!name:-}" ] || fail "$name is not set; see the top of this file."
done
kubeconfig="$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
cd "$root"
. scripts/debian.sh

need=()
command -v git >/dev/null || need+=(git)
has_postgres || need+=(postgresql)
[ "${#need[@]}" -eq 0 ] || debian_install "${need[@]}" || exit 2

export SHIPINATOR_E2E_RUNNER="${SHIPINATOR_E2E_RUNNER:-$root/artifacts/runner-static/runner}"
if [ ! -x "$SHIPINATOR_E2E_RUNNER" ]; then
  echo "==> Publishing the static runner" >&2
  Runner/publish-static.sh >&2 || echo "kubernetes.sh: no static runner; the runner image must contain one as shipinator-runner, /shipinator-runner or /runner." >&2
fi

echo "==> Building" >&2
for project in Silo tests/e2e/KubernetesBattery; do
  said="$(dotnet build "$project" -c Release -v quiet -nologo -clp:ErrorsOnly 2>&1)" || { printf '%s\n' "$said" >&2; fail "the build of $project failed."; }
done
exec dotnet tests/e2e/KubernetesBattery/bin/Release/net10.0/Shipinator.KubernetesBattery.dll "$kubeconfig" "$root/Silo/bin/Release/net10.0/Shipinator.Silo.dll"
