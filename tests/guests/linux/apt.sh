#!/usr/bin/env bash
# apt.sh: for the scripts beside it, which take packages of Debian's by apt from where those of this
# machine come from, checked as apt does, without installing any.
keys=/usr/share/keyrings/debian-archive-keyring.gpg
site=$(apt-get indextargets --format '$(SITE) $(LABEL) $(CODENAME)' 'Created-By: Packages' |
  awk '$2 == "Debian" { print $1; exit }')
[ -n "$site" ] || {
  echo "$(basename "$0"): found no package source of Debian, expected one in the sources of apt" >&2
  exit 1
}

# begin_apt ARCHITECTURE SUITE…: a folder `state` of its own, removed at the end, and `options` with
# which apt knows nothing but these suites and has nothing installed.
begin_apt() {
  local architecture=$1 suite
  shift
  state=$(mktemp -d)
  trap 'rm -rf "$state"' EXIT
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  touch "$state/status"
  for suite in "$@"; do
    echo "deb [signed-by=$keys arch=$architecture] $site $suite main"
  done >"$state/sources"
  options=(-q -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
    -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache"
    -o "Dir::State::Status=$state/status" -o "Dir::Etc::SourceList=$state/sources"
    -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root -o Debug::NoLocking=1)
  apt-get "${options[@]}" update >&2
}
