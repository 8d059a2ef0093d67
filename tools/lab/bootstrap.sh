# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the entry scripts: the little that must be true before Python can take over.

# Ends the script unless it runs as root. Namespaces, taps and apt need it.
require_root() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "$0: needs root (network namespaces, taps, packages): sudo $0 $*" >&2
    exit 77
  fi
}

# A minimal Debian has no Python; everything else in packages.txt is installed by packages.py.
require_python() {
  if [ ! -x /usr/bin/python3 ]; then
    echo "installing python3 ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -y -qq --no-install-recommends python3 </dev/null >/dev/null
  fi
}
