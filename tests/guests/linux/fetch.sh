#!/usr/bin/env bash
# fetch.sh ARCHITECTURE…: Debian's Linux kernels for the tests of whole machines, e.g. `amd64`,
# `arm64`, `riscv64`. Takes them by apt from where this machine's packages come from, checked as
# apt does, and unpacks them into a folder of their own; installs nothing.
set -euo pipefail
into=${BACKTRAIL_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/backtrail/kernels}
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# The release that has a kernel for it, and what the package is called.
release_of() { [ "$1" = riscv64 ] && echo trixie || echo bookworm; }
pattern_of() {
  case $1 in
    amd64 | arm64) echo "^linux-image-6[.0-9-]+-cloud-$1\$" ;;
    *) echo "^linux-image-6[^ ]*-$1\$" ;;
  esac
}

for architecture in "$@"; do
  begin_apt "$architecture" "$(release_of "$architecture")"
  mkdir -p "$into/$architecture"
  # No dbg, no unsigned twin: the newest that is left.
  pattern=$(pattern_of "$architecture")
  name=$(apt-cache "${options[@]}" pkgnames linux-image-6 | grep -E "$pattern" | grep -v rt |
    sort -V | tail -1)
  (cd "$state" && apt-get "${options[@]}" download "$name" >&2 && dpkg -x ./*.deb unpacked)
  cp "$state"/unpacked/boot/vmlinu* "$into/$architecture/kernel"
  echo "$into/$architecture/kernel: $name"
  rm -rf "$state"
done
