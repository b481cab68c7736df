#!/usr/bin/env bash
# Creates the certificates with which the silos of a cluster authenticate each other (docs/operations.md).
#   scripts/cluster-certificates.sh FOLDER NAME…
# FOLDER/ca.pem and ca.key: the authority, created if missing. FOLDER/NAME.pem and NAME.key: one silo's certificate. Give a silo its
# own two files and ca.pem; keep ca.key to yourself. SHIPINATOR_CERTIFICATE_DAYS: validity of a silo's certificate (default 365).
set -euo pipefail
umask 077

[ "$#" -ge 2 ] || { echo "Usage: $0 FOLDER NAME…" >&2; exit 2; }
command -v openssl >/dev/null || { echo "$0: openssl is missing (Debian: apt-get install openssl)." >&2; exit 1; }
folder=$1
shift
mkdir -p "$folder"
cd "$folder"

curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
if [ ! -e ca.key ]; then
  openssl req -x509 "${curve[@]}" -days 3650 -subj "/CN=Shipinator cluster" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -keyout ca.key -out ca.pem 2>/dev/null
fi

for name in "$@"; do
  openssl req "${curve[@]}" -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" 2>/dev/null
  printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$name" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "${SHIPINATOR_CERTIFICATE_DAYS:-365}" \
    -extfile "$name.ext" -out "$name.pem" 2>/dev/null
  rm "$name.csr" "$name.ext"
  printf '%s\n' "$folder/$name.pem"
done
