#!/usr/bin/env bash
# Builds Shipinator with warnings as errors and runs every test project, one after another.
#   ./test.sh                 everything
#   ./test.sh Schema Grains   only tests/Schema.Tests and tests/Grains.Tests
# The last line is "N passed, N failed", with ", N skipped" behind it when tests were skipped. Exit code 0 only when
# nothing failed and something passed. A project that crashes, hangs or leaves no report counts as one failure.
# SHIPINATOR_TEST_TIMEOUT: seconds that one project may take (default 900).
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. scripts/debian.sh

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }

passed=0 failed=0 skipped=0 told=''
finish() {
  if [ -n "$told" ]; then
    say "What failed"
    printf '%s' "$told"
  fi
  if [ "$skipped" -gt 0 ]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

tell() { # WHAT: something that counts as one failure although no test says so, now and at the end
  printf '    %s: counted as one failure\n' "$1"
  told+="    $1"$'\n'
}

# What cannot be prepared or built is a failure, too, so that the last line never lies.
stop() {
  printf 'test.sh: %s\n' "$*" >&2
  told+="    $*"$'\n'
  failed=$((failed + 1))
  finish
}

missing_packages() {
  has_postgres || echo postgresql
  command -v git >/dev/null || echo git
  # Checkouts with large files, and submodules named for SSH.
  command -v git-lfs >/dev/null || echo git-lfs
  command -v ssh >/dev/null || echo openssh-client
  command -v gcc >/dev/null || echo gcc
  command -v make >/dev/null || echo make
  # For the runner's static binary and the test that runs it in a bare root.
  runner_packages
  command -v busybox >/dev/null || echo busybox-static
  # A real browser for the dashboard's tests, and letters for it to draw.
  [ -x /usr/bin/chromium ] || echo chromium
  fc-list 2>/dev/null | grep -q . || echo fonts-liberation
}

install_packages() {
  local need
  mapfile -t need < <(missing_packages)
  [ "${#need[@]}" -eq 0 ] || debian_install "${need[@]}" || ! command -v apt-get >/dev/null || stop "packages are missing."
}

test_projects() {
  local name
  if [ "$#" -eq 0 ]; then
    printf '%s\n' tests/*.Tests
    return
  fi
  for name in "$@"; do
    name="${name%/}" name="${name##*/}"
    printf 'tests/%s.Tests\n' "${name%.Tests}"
  done
}

attribute() { # FILE NAME: a number of the report's <assembly …> element
  grep -o '<assembly [^>]*>' "$1" | head -n 1 | grep -o " $2=\"[0-9]*\"" | tr -dc '0-9'
}

# The report's failures, each with its name and the beginning of what it says; they are told again at the very end,
# where somebody who sees only the end of a long output finds them.
failures() { # FILE
  awk 'BEGIN { RS = "<(test|error) " }
    /^[^>]*result="Fail"/ || (NR > 1 && !/^[^>]*result="/ && /<failure/) {
      name = "(outside of a test)"
      if (match($0, /name="[^"]*"/)) name = substr($0, RSTART + 6, RLENGTH - 7)
      text = ""
      if ((from = index($0, "<message>")) && (to = index($0, "</message>")) > from) text = substr($0, from + 9, to - from - 9)
      text = name "\n" text
      gsub(/<!\[CDATA\[|\]\]>/, "", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text)
      gsub(/&#xA;/, "\n", text); gsub(/&#xD;/, "", text); gsub(/&amp;/, "\\&", text)
      lines = split(text, line, "\n")
      for (i = 1; i <= lines && i <= 12; i++) printf "%s%s\n", i == 1 ? "    " : "        ", substr(line[i], 1, 300)
    }' "$1"
}

run_project() { # tests/X.Tests
  local name dll report log code start took p f s e fault
  name="${1##*/}"
  dll="$1/bin/Debug/net10.0/Shipinator.$name.dll"
  report="$results/$name.xml" log="$results/$name.log"
  rm -f "$report"
  start=$(date +%s)
  # TERM first, so that a test can take down what it started; the group of processes goes with it.
  timeout --kill-after=20 "${SHIPINATOR_TEST_TIMEOUT:-900}" \
    dotnet "$dll" -noColor -noLogo -noAutoReporters -reporter quiet -result-xml "$report" >"$log" 2>&1
  code=$?
  took=$(($(date +%s) - start))

  p=$(attribute "$report" passed 2>/dev/null) f=$(attribute "$report" failed 2>/dev/null)
  s=$(attribute "$report" skipped 2>/dev/null) e=$(attribute "$report" errors 2>/dev/null)
  if [ -z "$p" ] || [ -z "$f" ] || [ -z "$s" ] || [ -z "$e" ]; then
    failed=$((failed + 1))
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
      fault="did not end within ${SHIPINATOR_TEST_TIMEOUT:-900} s"
    else
      fault="crashed (exit code $code, no report)"
    fi
    tell "$name $fault"
    tail -n 40 "$log"
    return
  fi

  f=$((f + e))
  if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
    tell "$name: exit code $code without a failed test"
    f=1
  elif [ $((p + f + s)) -eq 0 ]; then
    tell "$name holds no test"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '    %-28s %d passed, %d failed, %d skipped in %d s\n' "$name" "$p" "$f" "$s" "$took"
  if [ "$f" -gt 0 ]; then
    cat "$log"
    told+=$(failures "$report")
    told=${told%$'\n'}$'\n'
  fi
}

main() {
  local projects project
  mapfile -t projects < <(test_projects "$@")
  for project in "${projects[@]}"; do
    [ -d "$project" ] || stop "there is no $project. Known: $(cd tests && echo *.Tests)"
  done

  install_packages
  command -v dotnet >/dev/null || stop "the .NET 10 SDK is missing: install it and put 'dotnet' on the PATH (https://dot.net)."
  dotnet --version >/dev/null || stop "the .NET SDK that global.json asks for is missing: $(tr -d '\n' <global.json)"
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

  results=$(mktemp -d) || stop "no temporary folder can be made."
  trap 'rm -rf "$results"' EXIT

  say "Restoring (dotnet restore --locked-mode)"
  dotnet restore Shipinator.sln --locked-mode -v quiet || stop "restore failed: after a change of packages run 'dotnet restore' and commit packages.lock.json."

  if [ "$#" -eq 0 ]; then
    # Layout alone: code style and analyzers are checked by the build, whose warnings are errors.
    say "Checking the format (dotnet csharpier check)"
    { dotnet tool restore >/dev/null && dotnet csharpier check . >"$results/format.log" 2>&1; } || {
      tail -n 40 "$results/format.log"
      tell "files are not formatted (run 'dotnet tool restore' once, then 'dotnet csharpier format .')"
      failed=$((failed + 1))
    }
  fi

  if [ "$#" -eq 0 ]; then
    say "Building (dotnet build, warnings as errors)"
    dotnet build Shipinator.sln --no-restore -c Debug -v quiet -nologo -clp:NoSummary -warnaserror || stop "the build failed."
  else
    for project in "${projects[@]}"; do
      say "Building $project"
      dotnet build "$project" --no-restore -c Debug -v quiet -nologo -clp:NoSummary -warnaserror || stop "the build of $project failed."
    done
  fi

  for project in "${projects[@]}"; do
    if [ "$project" = tests/Runner.Tests ]; then
      say "Publishing the runner as a static program (Runner/publish-static.sh)"
      Runner/publish-static.sh || {
        tell "the static runner could not be published"
        failed=$((failed + 1))
      }
    fi
  done

  say "Running ${#projects[@]} test projects"
  for project in "${projects[@]}"; do
    run_project "$project"
  done
  finish
}

# Sourced by a check of the counting: nothing runs.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  main "$@"
fi
