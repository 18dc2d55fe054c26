#!/bin/sh
# Installs the Debian packages that are missing, and says which. Arguments: build, test, bench, fuzz, package, docs.
set -eu

packages=""
for set in "$@"; do
  case "$set" in
    build) packages="$packages g++ cmake ninja-build libdnnl-dev nlohmann-json3-dev libstb-dev libcli11-dev libeigen3-dev libsvm-dev" ;;
    test) packages="$packages doctest-dev pkg-config python3 python3-numpy python3-pil python3-torch libopenblas0-pthread libboost-context-dev" ;;
    bench) packages="$packages python3 python3-matplotlib" ;;
    fuzz) packages="$packages clang" ;;
    docs) packages="$packages doxygen" ;;
    package) packages="$packages dpkg-dev file" ;;
    *) echo "install_packages.sh: no package set '$set' (build, test, bench, fuzz, package, docs)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "install_packages.sh: not a Debian system; these packages' counterparts are needed:$packages" >&2
  exit 0
fi

missing=""
for package in $packages; do
  case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" in
    *" installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

echo "Installing with apt-get:$missing"
run=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || {
    echo "install_packages.sh: neither root nor sudo; as root: apt-get install$missing" >&2
    exit 1
  }
  run=sudo
fi
$run apt-get update -q
# shellcheck disable=SC2086  # a list of words on purpose
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
