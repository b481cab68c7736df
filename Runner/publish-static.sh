#!/usr/bin/env bash
# Publishes the runner as one static program (NativeAOT) that runs in any image of this architecture, even one without a
# C library or a shell: artifacts/runner-static/runner. linux-x64 on x86_64, linux-arm64 on aarch64.
#   Runner/publish-static.sh [OUTPUT_FOLDER]
# Installs clang, lld, cmake, libssl-dev and zlib1g-dev where they are missing (Debian's names).
# Does nothing when the program is newer than its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/debian.sh

fail() { printf 'publish-static.sh: %s\n' "$*" >&2; exit 1; }

case "$(uname -m)" in
  x86_64) rid=linux-x64 ;;
  aarch64) rid=linux-arm64 ;;
  *) fail "architecture '$(uname -m)' is not supported; expected x86_64 or aarch64." ;;
esac

command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing: install it and put 'dotnet' on the PATH."
mapfile -t need < <(runner_packages)
[ "${#need[@]}" -eq 0 ] || debian_install "${need[@]}" || fail "linking a static program requires ${need[*]}."

output="${1:-artifacts/runner-static}"
mkdir -p "$output"
output="$(cd "$output" && pwd)"
program="$output/runner"
changed() {
  find Runner Client Globbing Directory.Build.props Directory.Packages.props global.json -type f \
    \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' -o -name '*.json' -o -name '*.sh' \) \
    -not -path '*/obj/*' -not -path '*/bin/*' -newer "$program" -print -quit
}
if [ -x "$program" ] && [ -z "$(changed)" ]; then
  printf '%s is up to date\n' "$program"
  exit 0
fi

# Separate output folders: the ordinary build of the same projects stays as it is. That build runs the analyzers on the same sources.
build="$output/build"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
output_text="$(dotnet publish Runner/Runner.csproj -c Release -r "$rid" --artifacts-path "$build" \
  -p:StaticRunner=true -p:RunAnalyzers=false -v quiet -nologo -clp:NoSummary -nodeReuse:false 2>&1)" \
  || { printf '%s\n' "$output_text" >&2; fail "dotnet publish failed."; }
published="$(find "$build/publish/Runner" -type f -name Shipinator.Runner -print -quit)"
[ -n "$published" ] || fail "dotnet publish created no program in $build/publish."

# A program that needs a loader would not start in a bare image.
if grep -aqE '/lib(64)?/ld-(linux|musl)' "$published"; then
  fail "$published is not static: it needs a dynamic loader."
fi

# Moved into place at once, so that the server never sends an incomplete program.
cp "$published" "$program.new"
chmod 755 "$program.new"
mv "$program.new" "$program"
printf '%s (%s, %d bytes)\n' "$program" "$rid" "$(stat -c %s "$program")"
