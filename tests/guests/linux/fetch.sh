#!/usr/bin/env bash
# fetch.sh ARCHITECTURE…: Debian's Linux kernels for the tests of whole machines, e.g. `amd64`,
# `arm64`, `riscv64`. Takes them by apt from where this machine's packages come from, checked as
# apt does, and unpacks them into a folder of their own; installs nothing.
set -euo pipefail
into=${BACKTRAIL_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/backtrail/kernels}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
site=$(apt-get indextargets --format '$(SITE) $(LABEL) $(CODENAME)' 'Created-By: Packages' |
  awk '$2 == "Debian" { print $1; exit }')
[ -n "$site" ] || {
  echo 'fetch.sh: found no package source of Debian, expected one in the sources of apt' >&2
  exit 1
}

# The release that has a kernel for it, and what the package is called.
release_of() { [ "$1" = riscv64 ] && echo trixie || echo bookworm; }
pattern_of() {
  case $1 in
    amd64 | arm64) echo "^linux-image-6[.0-9-]+-cloud-$1\$" ;;
    *) echo "^linux-image-6[^ ]*-$1\$" ;;
  esac
}

for architecture in "$@"; do
  state=$(mktemp -d)
  trap 'rm -rf "$state"' EXIT
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$into/$architecture"
  echo "deb [signed-by=$keys arch=$architecture] $site $(release_of "$architecture") main" \
    >"$state/sources"
  options=(-q -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
    -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache"
    -o "Dir::Etc::SourceList=$state/sources" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  # No dbg, no unsigned twin: the newest that is left.
  pattern=$(pattern_of "$architecture")
  name=$(apt-cache "${options[@]}" pkgnames linux-image-6 | grep -E "$pattern" | grep -v rt |
    sort -V | tail -1)
  (cd "$state" && apt-get "${options[@]}" download "$name" >&2 && dpkg -x ./*.deb unpacked)
  cp "$state"/unpacked/boot/vmlinu* "$into/$architecture/kernel"
  echo "$into/$architecture/kernel: $name"
  rm -rf "$state"
done
