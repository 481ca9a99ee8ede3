#!/usr/bin/env bash
# Writes the root of the stand-ins, a small Debian trixie with apt, as a tar stream: debian.sh MIRROR SECURITY_MIRROR
set -euo pipefail
export SOURCE_DATE_EPOCH=0

hooks=$(mktemp -d)
trap 'rm -rf "$hooks"' EXIT

cat >"$hooks/install-packages" <<'SH'
#!/bin/sh
# Installs Debian packages and leaves nothing of apt's behind: the one line that every stand-in needs.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -yqq --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
SH

# shellcheck disable=SC2016 # the hooks' $1 is mmdebstrap's to fill in
mmdebstrap --quiet --variant=minbase --include=ca-certificates,netbase,tzdata \
	--aptopt='Acquire::Languages "none"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--customize-hook="upload $hooks/install-packages /usr/local/sbin/install-packages" \
	--customize-hook='chmod 755 "$1"/usr/local/sbin/install-packages' \
	--customize-hook='rm -rf "$1"/var/cache/* "$1"/var/log/*' \
	--customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
	--format=tar trixie - "$1" "deb $1 trixie-updates main" "deb $2 trixie-security main"
