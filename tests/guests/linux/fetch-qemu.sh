#!/usr/bin/env bash
# fetch-qemu.sh VERSION…: newer QEMUs for the tests of whole machines, beside the installed one:
# `10` from Debian's backports, `11` from its unstable release. Takes them by apt from where this
# machine's packages come from, with all libraries they need, and unpacks them into a folder of
# their own; installs nothing. What it makes are scripts VERSION/qemu-system-ISA.
set -euo pipefail
into=${BACKTRAIL_QEMUS:-${XDG_CACHE_HOME:-$HOME/.cache}/backtrail/qemus}
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"
packages=(qemu-system-x86 qemu-system-arm qemu-system-riscv qemu-system-data opensbi seabios)
# Else QEMU loads the modules of the installed one, and ends.
modules=(qemu-system-modules-opengl qemu-system-modules-spice qemu-system-gui)

for version in "$@"; do
  case $version in
    10) suites=(bookworm bookworm-backports) target=bookworm-backports ;;
    11) suites=(sid) target=sid ;;
    *)
      echo "fetch-qemu.sh: found version $version, expected 10 or 11" >&2
      exit 2
      ;;
  esac
  begin_apt amd64 "${suites[@]}"
  options+=(-o "APT::Default-Release=$target")
  apt-get "${options[@]}" install -y --no-install-recommends --download-only "${packages[@]}" >&2
  root=$into/$version/root
  rm -rf "${into:?}/$version"
  mkdir -p "$root"
  for package in "${modules[@]}"; do
    (cd "$state/cache/archives" && apt-get "${options[@]}" download "$package" >&2) || true
  done
  for package in "$state"/cache/archives/*.deb; do dpkg -x "$package" "$root"; done
  libraries=$root/usr/lib/x86_64-linux-gnu
  loader=$(find "$root" -name ld-linux-x86-64.so.2 -print -quit)
  [ -e "$libraries/libc.so.6" ] || libraries=$libraries:$root/lib/x86_64-linux-gnu
  for isa in x86_64 aarch64 riscv64; do
    script=$into/$version/qemu-system-$isa
    cat >"$script" <<SCRIPT
#!/bin/sh
export QEMU_MODULE_DIR=$root/usr/lib/x86_64-linux-gnu/qemu
exec $loader --library-path $libraries $root/usr/bin/qemu-system-$isa \\
  -L $root/usr/share/qemu -L $root/usr/share/seabios -L /usr/share/qemu -L /usr/share/seabios "\$@"
SCRIPT
    chmod +x "$script"
  done
  "$script" --version | sed -n "1s|^|$into/$version: |p"
  rm -rf "$state"
done
