#!/bin/sh
# Sends hostile requests to a server that it starts: scripts/fuzz.sh [requests] [seed]. Needs a build of tests/WebFrontend.Tests.
set -eu
cd "$(dirname "$0")/.."
SHIPINATOR_FUZZ_REQUESTS="${1:-20000}" SHIPINATOR_FUZZ_SEED="${2:-12}" \
  dotnet tests/WebFrontend.Tests/bin/Debug/net10.0/Shipinator.WebFrontend.Tests.dll -class '*FuzzTests*' -diagnostics
