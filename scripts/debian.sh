# Sourced by scripts that need Debian packages; reports on stderr.

# debian_install NAME…: installs packages. Fails with a message without Debian, the rights or the package.
debian_install() {
  local sudo=()
  if ! command -v apt-get >/dev/null; then
    printf 'Missing packages (Debian names): %s. This is not Debian; install the equivalents.\n' "$*" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      printf 'These Debian packages are missing: %s. Install them as root: apt-get install --no-install-recommends %s\n' "$*" "$*" >&2
      return 1
    fi
    sudo=(sudo)
  fi
  printf '==> Installing from Debian: %s\n' "$*" >&2
  "${sudo[@]}" apt-get update -qq >&2 \
    && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null \
    && return
  printf 'apt-get could not install: %s\n' "$*" >&2
  return 1
}

# has_postgres: whether PostgreSQL's server binaries are installed.
has_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null
}

# runner_packages: the missing packages for linking a static runner, one per line.
runner_packages() {
  command -v clang >/dev/null || echo clang
  command -v ld.lld >/dev/null || echo lld
  command -v cmake >/dev/null || echo cmake
  has_archive libssl.a || echo libssl-dev
  has_archive libz.a || echo zlib1g-dev
}

has_archive() {
  [ -n "$(find /usr/lib /usr/lib64 /usr/local/lib -maxdepth 2 -name "$1" -print -quit 2>/dev/null)" ]
}
