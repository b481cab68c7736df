#!/usr/bin/env bash
# Builds Shipinator with warnings as errors and runs every test project: two at a time, and a third that mostly waits.
#   ./test.sh                 everything
#   ./test.sh Schema Grains   only tests/Schema.Tests and tests/Grains.Tests
# The last line is "N passed, N failed", followed by ", N skipped" when tests were skipped. The exit code is 0 only when
# nothing failed and something passed. A project that crashes, hangs or leaves no report counts as one failure.
# SHIPINATOR_TEST_TIMEOUT: seconds that one project may take (default 900).
# SHIPINATOR_TEST_PARALLEL: how many projects run at once, not counting the one that mostly waits (default 2). With 1, which is
# the default on a machine with one processor, projects run strictly one after another.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. scripts/debian.sh

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }

passed=0 failed=0 skipped=0 summary=''
finish() {
  if [ -n "$summary" ]; then
    say "Failures"
    printf '%s' "$summary"
  fi
  if [ "$skipped" -gt 0 ]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

note_failure() { # TEXT: a failure that no test reported; printed now and again in the summary
  printf '    %s: counted as one failure\n' "$1"
  summary+="    $1"$'\n'
}

# A failed preparation or build counts as a failure, so that the last line is always true.
stop() {
  printf 'test.sh: %s\n' "$*" >&2
  summary+="    $*"$'\n'
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
  # For the runner's static binary and the test that runs it in a root without any other file.
  runner_packages
  command -v busybox >/dev/null || echo busybox-static
  # A real browser for the dashboard's tests, and fonts for it.
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

attribute() { # FILE NAME: a numeric attribute of the report's <assembly …> element
  grep -o '<assembly [^>]*>' "$1" | head -n 1 | grep -o " $2=\"[0-9]*\"" | tr -dc '0-9'
}

# Prints the report's failures: each test's name and the first lines of its message. They are repeated at the very end, for
# readers who see only the end of a long output.
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

# Test projects in the order in which they start, longest first, so that no long one is left for the end. The browser's tests
# start beside the static runner, which the next longest project needs. Projects that are not listed start last.
order=(Browser EndToEnd WebFrontend Schema Grains Cli Forges Executors Runner Pipelines Architecture Silo Artifacts Grains.Interfaces)

# Projects that mostly wait: for processes, timeouts and connections that stay silent. One of them may run beside the others without
# being counted, since it needs little of a processor.
waits=(Cli Forges)

# Projects that run with no other beside them, because a busy machine changes what they measure.
alone=()

# Projects that need artifacts/runner-static/runner, which is published while others run.
needs_static_runner=(EndToEnd Runner)

contains() { # WORD LIST…
  local word=$1 one
  shift
  for one in "$@"; do [ "$one" = "$word" ] && return 0; done
  return 1
}

short() { local name="${1##*/}"; printf '%s' "${name%.Tests}"; }

in_order() { # PROJECT…: the same, one a line, in the order in which they start
  local name project
  for name in "${order[@]}"; do
    for project in "$@"; do [ "$(short "$project")" = "$name" ] && printf '%s\n' "$project"; done
  done
  for project in "$@"; do contains "$(short "$project")" "${order[@]}" || printf '%s\n' "$project"; done
}

# Jobs that are running: process id → what it is (a test project's path, or "static runner"), and when it began.
declare -A running=() began=()
static_runner=unneeded # needed, running, done

start_project() { # tests/X.Tests
  local name="${1##*/}"
  rm -f "$results/$name.xml"
  # TERM first, so that a test can clean up what it started; the signal goes to the whole process group. A background job
  # of a script ignores Ctrl-C, and so would everything that the tests start: the default is put back.
  # Without DOTNET_TieredPGO the many servers that tests start compile their code once less: they live for seconds.
  DOTNET_TieredPGO=0 env --default-signal=INT,QUIT timeout --kill-after=20 "${SHIPINATOR_TEST_TIMEOUT:-900}" \
    dotnet "$1/bin/Debug/net10.0/Shipinator.$name.dll" -noColor -noLogo -noAutoReporters -reporter quiet \
    -result-xml "$results/$name.xml" >"$results/$name.log" 2>&1 </dev/null &
  running[$!]=$1
  began[$!]=$(date +%s)
}

start_static_runner() {
  env --default-signal=INT,QUIT timeout --kill-after=20 900 Runner/publish-static.sh >"$results/static-runner.log" 2>&1 </dev/null &
  running[$!]="static runner"
  began[$!]=$(date +%s)
  static_runner=running
}

end_static_runner() { # EXIT_CODE SECONDS
  static_runner=done
  if [ "$1" -eq 0 ]; then
    printf '    %-28s published in %d s\n' "static runner" "$2"
  else
    note_failure "the static runner could not be published"
    failed=$((failed + 1))
    tail -n 40 "$results/static-runner.log"
  fi
}

end_project() { # tests/X.Tests EXIT_CODE SECONDS: prints and counts the result of a project that has ended
  local name="${1##*/}" code=$2 took=$3 report log p f s e fault
  report="$results/$name.xml" log="$results/$name.log"
  p=$(attribute "$report" passed 2>/dev/null) f=$(attribute "$report" failed 2>/dev/null)
  s=$(attribute "$report" skipped 2>/dev/null) e=$(attribute "$report" errors 2>/dev/null)
  if [ -z "$p" ] || [ -z "$f" ] || [ -z "$s" ] || [ -z "$e" ]; then
    failed=$((failed + 1))
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
      fault="did not end within ${SHIPINATOR_TEST_TIMEOUT:-900} s"
    else
      fault="crashed (exit code $code, no report)"
    fi
    note_failure "$name $fault"
    tail -n 40 "$log"
    return
  fi

  f=$((f + e))
  if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
    note_failure "$name: exit code $code without a failed test"
    f=1
  elif [ $((p + f + s)) -eq 0 ]; then
    note_failure "$name contains no test"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '    %-28s %d passed, %d failed, %d skipped in %d s\n' "$name" "$p" "$f" "$s" "$took"
  if [ "$f" -gt 0 ]; then
    cat "$log"
    summary+=$(failures "$report")
    summary=${summary%$'\n'}$'\n'
  fi
}

may_start() { # tests/X.Tests LIMIT: whether it may run beside what is running
  local name one limit=$2 counted=0 uncounted=0
  name=$(short "$1")
  for one in "${running[@]}"; do
    if [ "$uncounted" -eq 0 ] && [ "$limit" -gt 1 ] && contains "$(short "$one")" "${waits[@]}"; then
      uncounted=1
    else
      counted=$((counted + 1))
    fi
  done
  if [ "$counted" -ge "$limit" ]; then
    [ "$limit" -gt 1 ] && [ "$uncounted" -eq 0 ] && contains "$name" "${waits[@]}" || return 1
  fi
  if contains "$name" "${needs_static_runner[@]}" && [ "$static_runner" != done ]; then return 1; fi
  [ "${#running[@]}" -eq 0 ] && return 0
  contains "$name" "${alone[@]}" && return 1
  for one in "${running[@]}"; do
    contains "$(short "$one")" "${alone[@]}" && return 1
  done
  return 0
}

end_running() { # Ctrl-C and TERM: what runs ends, too; "timeout" hands the signal on to its process group
  trap - INT TERM
  [ "${#running[@]}" -eq 0 ] || kill -TERM "${!running[@]}" 2>/dev/null
  wait
  stop "interrupted."
}

run_projects() { # PROJECT…
  local at_once="${SHIPINATOR_TEST_PARALLEL:-}" waiting=() project pid code i what took
  if [ -z "$at_once" ]; then
    at_once=2
    [ "$(nproc)" -gt 1 ] || at_once=1
  fi
  mapfile -t waiting < <(in_order "$@")
  trap end_running INT TERM
  [ "$static_runner" = needed ] && start_static_runner
  while [ "${#waiting[@]}" -gt 0 ] || [ "${#running[@]}" -gt 0 ]; do
    for i in "${!waiting[@]}"; do
      project=${waiting[i]}
      may_start "$project" "$at_once" || continue
      unset "waiting[i]"
      start_project "$project"
      printf '    %-28s started, %d more to go\n' "${project##*/}" "${#waiting[@]}"
    done
    wait -n -p pid "${!running[@]}"
    code=$?
    what=${running[$pid]} took=$(($(date +%s) - began[$pid]))
    unset "running[$pid]" "began[$pid]"
    if [ "$what" = "static runner" ]; then
      end_static_runner "$code" "$took"
    else
      end_project "$what" "$code" "$took"
    fi
  done
  trap - INT TERM
}

# Whitespace only: code style and analyzers are checked by the build, whose warnings are errors.
check_format() {
  dotnet tool restore >/dev/null && dotnet csharpier check .
}

formatting='' # the process that checks the format, while it runs
compiling='' # whether the compiler's process may be running

# One compiler process for all projects: it loads and compiles the analyzers once, not once per project. This is the default, but
# some machines turn it off by environment variables.
build() { # PROJECT
  compiling=yes
  dotnet build "$1" --no-restore -c Debug -v quiet -nologo -clp:NoSummary -warnaserror -p:UseSharedCompilation=true </dev/null
}

end_compiler() { # the tests need its memory
  [ -z "$compiling" ] || dotnet build-server shutdown --vbcscompiler >/dev/null
  compiling=''
}

end_all() {
  end_compiler
  [ -z "$formatting" ] || wait "$formatting"
  rm -rf "$results"
}

main() {
  local projects project
  mapfile -t projects < <(test_projects "$@")
  for project in "${projects[@]}"; do
    [ -d "$project" ] || stop "$project does not exist; expected one of: $(cd tests && echo *.Tests)"
  done

  install_packages
  command -v dotnet >/dev/null || stop "the .NET 10 SDK is missing: install it and put 'dotnet' on the PATH (https://dot.net)."
  dotnet --version >/dev/null || stop "the .NET SDK that global.json asks for is missing: $(tr -d '\n' <global.json)"
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

  results=$(mktemp -d) || stop "could not create a temporary folder."
  trap end_all EXIT

  if [ "$#" -eq 0 ]; then
    say "Checking the format (dotnet csharpier check), while restoring and building"
    check_format >"$results/format.log" 2>&1 </dev/null &
    formatting=$!
  fi

  say "Restoring (dotnet restore --locked-mode)"
  dotnet restore Shipinator.sln --locked-mode -v quiet || stop "restore failed: after a change of packages run 'dotnet restore' and commit packages.lock.json."

  if [ "$#" -eq 0 ]; then
    say "Building (dotnet build, warnings as errors)"
    build Shipinator.sln || stop "the build failed."
  else
    for project in "${projects[@]}"; do
      say "Building $project"
      build "$project" || stop "the build of $project failed."
    done
  fi
  end_compiler

  if [ -n "$formatting" ] && ! wait "$formatting"; then
    tail -n 40 "$results/format.log"
    note_failure "files are not formatted (run 'dotnet tool restore' once, then 'dotnet csharpier format .')"
    failed=$((failed + 1))
  fi
  formatting=''

  for project in "${projects[@]}"; do
    contains "$(short "$project")" "${needs_static_runner[@]}" && static_runner=needed
  done

  say "Running ${#projects[@]} test projects"
  run_projects "${projects[@]}"
  finish
}

# Can be sourced to check the counting; nothing runs then.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  main "$@"
fi
