# shellcheck shell=bash
# What the steps of the set-up share: messages, notes of the changes on this machine, and packages from apt.
# A step is a script with two verbs: `do` (the default) and `undo`, which undoes only the changes in the notes of `do`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
state=${SLIPWAY_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/slipway}
step=$(basename "$0")
export root state
mkdir -p "$state"

report() { printf '%-9s %s\n' "$step:" "$*"; }

die() {
	printf '%-9s %s\n' "$step:" "$*" >&2
	exit 1
}

# A note is a file: it records one change that this set-up made on this machine, and holds what `undo` needs.
note() { printf '%s\n' "${@:2}" >"$state/$1"; }
has_note() { [ -e "$state/$1" ]; }
read_note() { cat "$state/$1"; }
forget() { rm -f "${@/#/$state/}"; }

have() { command -v "$1" >/dev/null; }
docker_answers() { have docker && timeout 20 docker info >/dev/null 2>&1; }
# The port of the registry: $REGISTRY_PORT, or 5000.
registry_port() {
	local port=${REGISTRY_PORT:-5000}
	[[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65535 ] || die "REGISTRY_PORT: must be a port, such as 5001 (is '$port')"
	printf '%s' "$port"
}

is_root() { [ "$(id -u)" = 0 ]; }
installed() { dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u; }

# Prints the value of an image's label, or nothing where the image has no such label; fails where there is no image.
label_of() {
	docker image inspect --format "{{with .Config.Labels}}{{with index . \"$2\"}}{{.}}{{end}}{{end}}" "$1" 2>/dev/null
}

# A machine that has just started may upgrade itself, and apt is locked meanwhile.
wait_for_lock=(-o DPkg::Lock::Timeout=300)

# Installs packages, and notes every package that was not there before under the step's name.
apt_install() {
	have apt-get || die "needs $*, and this system has no apt-get: install them by hand and run the set-up again"
	is_root || die "needs $*: run 'sudo apt-get install $*', then the set-up again"
	local before
	before=$(installed)
	export DEBIAN_FRONTEND=noninteractive
	if [ -z "$(find "$state/apt-updated" -mmin -60 2>/dev/null)" ]; then
		apt-get "${wait_for_lock[@]}" update -qq || die "apt-get update failed: see above; is the Debian mirror in /etc/apt reachable?"
		touch "$state/apt-updated"
	fi
	apt-get "${wait_for_lock[@]}" install -yqq --no-install-recommends "$@" </dev/null >"$state/apt.log" 2>&1 ||
		die "could not install $*:"$'\n'"$(tail -n 20 "$state/apt.log")"
	comm -13 <(echo "$before") <(installed) >>"$state/packages.$step"
}

# Removes the packages that apt_install installed in this step, unless a package that was installed later needs one.
apt_remove() {
	has_note "packages.$step" || return 0
	local packages more
	mapfile -t packages < <(comm -12 <(sort -u "$state/packages.$step") <(installed))
	forget "packages.$step"
	[ "${#packages[@]}" -gt 0 ] || return 0
	more=$(apt-get remove --simulate "${packages[@]}" | sed -n 's/^Remv \([^ ]*\).*/\1/p' | sort |
		comm -23 - <(printf '%s\n' "${packages[@]}"))
	if [ -n "$more" ]; then
		report "kept the Debian packages that were installed here: $(xargs <<<"$more") needs them now"
		return
	fi
	DEBIAN_FRONTEND=noninteractive apt-get "${wait_for_lock[@]}" remove -yqq "${packages[@]}" </dev/null >"$state/apt.log" 2>&1 ||
		die "could not remove ${packages[*]}:"$'\n'"$(tail -n 20 "$state/apt.log")"
	report "removed ${#packages[@]} Debian packages"
}

run_step() {
	local verb=${1:-do}
	[ "$(type -t "${verb}_step")" = function ] || die "cannot '$verb': use do or undo"
	"${verb}_step"
}
