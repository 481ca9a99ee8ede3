#!/usr/bin/env bash
# Roll back to a release that the target still keeps, with nothing but bash and the docker command: for the person on
# call when neither Python nor an engine is at hand. `ci call rollback` does the same and more, where it works.
#
#   scripts/rollback.sh ENV VERSION [ssh://user@host]
#
# VERSION is a version of the ledger, or the name of a release (web-…). Without a host the script works where DOCKER_HOST
# points, or on this machine. APP names the app where several apps have an ENV on one target. FORCE=1 goes on where
# another holder has the lock, or where not every replica of the release is healthy.
#
# The script writes the same lock, intent and labels as the pipeline: the next command and the ledger go on from there.
set -euo pipefail
export LC_ALL=C

env=${1-} version=${2-} app=${APP-} force=${FORCE-}
ns='' edge='' lock='' helper=''

# Labels and the lock hold what others typed: no control character and no change of the writing's direction reaches the
# terminal.
report() {
	local text
	text=$(printf 'rollback: %s' "$*" | tr '\000-\011\013-\037\177' '[ *]')
	text=${text//$'\xc2'[$'\x80'-$'\x9f']/ }
	text=${text//$'\xe2\x80'[$'\x8e\x8f\xa8'-$'\xae']/ }
	printf '%s\n' "${text//$'\xe2\x81'[$'\xa6'-$'\xa9']/ }" >&2
}

fail() {
	report "$*"
	exit 1
}

# Print the time in so many seconds, on GNU's systems and on others.
print_time() {
	local at=$(($(date +%s) + $1)) form=+%Y-%m-%dT%H:%M:%S+00:00
	date -u -d "@$at" "$form" 2>/dev/null || date -u -r "$at" "$form"
}

read_label() { docker service inspect --format "{{index .Spec.Labels \"slipway.$2\"}}" "$1"; }

read_config() { docker config inspect --format '{{printf "%s" .Spec.Data}}' "$1" 2>/dev/null; }

read_field() { sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p"; }

clean_up() {
	[ -z "$helper" ] || docker rm --force "$helper" >/dev/null 2>&1 || true
	[ -z "$lock" ] || docker config rm "$lock" >/dev/null 2>&1 || true
}

# --- The stack and its releases ----------------------------------------------------------------------------------------

find_stack() {
	local found
	found=$(docker service ls --filter "label=slipway.environment=$env" --format '{{.Name}}' | sed -n 's/_edge$//p')
	[ -z "$app" ] || found=$(grep -x "$app-$env" <<<"$found" || true)
	case $(wc -w <<<"$found") in
	0) fail "there is no stack ${app:+$app-}$env: see 'docker stack ls', and check whether this is the right host" ;;
	1) ns=$found edge=${found}_edge ;;
	*) fail "several apps have an environment $env on this target: set APP to one of them:"$'\n'"${found//-$env/}" ;;
	esac
}

list_releases() {
	docker service ls --filter "label=com.docker.stack.namespace=$ns" --filter "label=slipway.environment=$env" \
		--filter label=slipway.version --format '{{.Name}}'
}

describe_releases() {
	local name
	for name in $(list_releases); do echo "  $(read_label "$name" version) (${name#"${ns}"_})"; done
}

# Set `release` to the release of VERSION, by its name in the stack.
find_release() {
	local name found=()
	for name in $(list_releases); do
		release=${name#"${ns}"_}
		[ "$release" != "$version" ] || return 0
		[ "$(read_label "$name" version)" != "$version" ] || found+=("$release")
	done
	case ${#found[@]} in
	0) fail "the target does not keep $version any more; it keeps:"$'\n'"$(describe_releases)"$'\n'"For another: ci call rollback --env $env --version $version" ;;
	1) release=${found[0]} ;;
	*) fail "several releases have the version $version: give the name of one of them:"$'\n'"$(printf '  %s\n' "${found[@]}")" ;;
	esac
}

# Ask every replica over the stack's network whether it is ready: nothing is started in its container.
check_health() {
	local wanted ready=0 address port path
	wanted=$(docker service inspect --format '{{.Spec.Mode.Replicated.Replicas}}' "${ns}_$release")
	port=$(read_label "${ns}_$release" port) path=$(read_label "${ns}_$release" health-path)
	for address in $(list_addresses "${ns}_$release"); do
		if fetch "http://$address:$port$path" >/dev/null; then ready=$((ready + 1)); fi
	done
	report "$release: $ready of $wanted replicas are healthy"
	if [ "$ready" -eq 0 ] || { [ "$ready" -lt "$wanted" ] && [ -z "$force" ]; }; then
		fail "not every replica is healthy; nothing was changed. See 'docker service ps ${ns}_$release'; FORCE=1 goes on where some replicas are healthy"
	fi
}

# --- The lock and the intent -------------------------------------------------------------------------------------------

# Create a config of the stack from standard input, and print its ID, or what Docker complains about.
create_config() {
	docker config create --label "com.docker.stack.namespace=$ns" --label "slipway.app=${ns%"-$env"}" \
		--label "slipway.environment=$env" "${ns}_$1" - 2>&1
}

acquire_lock() {
	local output held
	local form='{"holder": "%s", "reason": "rollback to %s", "since": "%s", "until": "%s", "token": "%s", "heartbeat": false}'
	# shellcheck disable=SC2059 # the format is the line above
	output=$(printf "$form" "$me" "$version" "$now" "$(print_time 600)" "$$-$RANDOM$RANDOM" | create_config lock) && {
		lock=$output
		return
	}
	held=$(read_config "${ns}_lock") || fail "cannot lock $ns: $output"
	report "locked by $(read_field holder <<<"$held") since $(read_field since <<<"$held"): $(read_field reason <<<"$held")"
	if is_run "$held" && { [ -n "$force" ] || is_expired "$held" || is_silent; } || is_expired "$held"; then
		docker config rm "${ns}_lock" >/dev/null
		acquire_lock
	elif [ -z "$force" ]; then
		fail "nothing was changed. Wait, or contact the holder; to go on all the same: FORCE=1 $0 $env $version"
	fi
	# FORCE=1 goes on under a person's lock, and leaves it.
}

# A run renews its lock; a person does not.
is_run() { grep -q '"heartbeat": *true' <<<"$1"; }

is_expired() { [[ $(read_field until <<<"$1") < $now ]]; }

# A run gives a sign of life every two seconds; a silent run is dead.
is_silent() {
	local last
	report "waiting for a sign of life"
	last=$(docker config inspect --format '{{.UpdatedAt}}' "${ns}_lock")
	sleep 10
	[ "$last" = "$(docker config inspect --format '{{.UpdatedAt}}' "${ns}_lock" 2>&1)" ]
}

write_intent() {
	docker config rm "${ns}_intent" >/dev/null 2>&1 || true
	printf '{"current": "%s", "candidate": "%s", "since": "%s", "rollback": true}' "$1" "$release" "$now" | create_config intent >/dev/null
}

# --- The stack's network -----------------------------------------------------------------------------------------------

# Start a helper container on the stack's network: replicas and the edge's administration answer nowhere else.
open_helper() {
	local image
	image=$(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$edge")
	helper=$(docker run --detach --rm --init --network "${ns}_default" --label "slipway.helper=$ns" \
		--label "slipway.app=${ns%"-$env"}" --label "slipway.environment=$env" --entrypoint sleep "$image" 600)
}

fetch() { docker exec "$helper" wget -q -O - -T 10 "$@"; }

# Print the addresses of a service's replicas.
list_addresses() {
	local task
	for task in $(docker service ps --quiet --filter desired-state=running "$1"); do
		docker inspect --type task --format '{{range .NetworksAttachments}}{{.Network.Spec.Name}} {{index .Addresses 0}}
{{end}}' "$task"
	done | sed -n "s|^${ns}_default \\([0-9.]*\\)/.*|\\1|p"
}

# --- The edge ----------------------------------------------------------------------------------------------------------

# Route all users to a release: each edge gets its own configuration with the release's name in it.
route() {
	local address config stamp
	# A replica of the edge that was away gets the newest configuration from the others.
	stamp=$(docker exec "$helper" date +%s)000000
	for address in $(list_addresses "$edge"); do
		config=$(fetch "http://$address:2019/config/" |
			sed "s/tasks\\.web-[0-9a-f-]*/tasks.$1/g; s/slipway-[0-9]\{1,\}/slipway-$stamp/") || return 1
		grep -q "\"tasks\\.$1\"" <<<"$config" || return 1
		fetch --header 'Content-Type: application/json' --post-data "$config" "http://$address:2019/load" || return 1
	done
}

# Probe every edge as a user would; fail where an edge does not answer with the release.
probe() {
	local address port health path own answer
	port=$(docker service inspect --format '{{(index .Spec.EndpointSpec.Ports 0).TargetPort}}' "$edge")
	health=$(read_label "${ns}_$release" health-path) path=$(read_label "${ns}_$release" version-path)
	own=$(fetch "http://tasks.$release:$(read_label "${ns}_$release" port)$path") || own=''
	for address in $(list_addresses "$edge"); do
		fetch "http://$address:2019/config/" | grep -q "\"tasks\\.$release\"" || return 1
		fetch "http://$address:$port$health" >/dev/null || return 1
		answer=$(fetch "http://$address:$port$path") || answer=''
		# Compare versions only where the service itself answers with its version.
		if grep -qF "$release_version" <<<"$own" && ! grep -qF "$release_version" <<<"$answer"; then return 1; fi
	done
}

switch() {
	local current=$1
	report "switching the edge from ${current:-nothing} to $release"
	if route "$release" && probe; then return; fi
	report "the edge does not answer with $release: switching back"
	if [ -n "$current" ] && route "$current"; then
		docker config rm "${ns}_intent" >/dev/null
		fail "$current serves as before. See 'docker service logs $edge'"
	fi
	fail "cannot switch back: see 'docker service logs $edge'; the next ci call finishes or undoes the rollback"
}

# Write on the edge's service, as the pipeline does, which release is current, and that a person switched.
record_routing() {
	docker service update --detach --quiet --label-add "slipway.current=$release" --label-add "slipway.stable=$release" \
		--label-add "slipway.previous=$1" --label-add "slipway.since=$(print_time 0)" \
		--label-add "slipway.by-hand=$me" "$edge" >/dev/null
	docker config rm "${ns}_intent" >/dev/null
}

# --- The rollback ------------------------------------------------------------------------------------------------------

if [ -z "$env" ] || [ -z "$version" ] || [ $# -gt 3 ]; then
	sed -n '2,/^set/s/^#\{1,\} \{0,1\}//p' "$0" >&2
	exit 2
fi
if [ -n "${3-}" ]; then export DOCKER_HOST=$3; fi
docker version --format '{{.Server.Version}}' >/dev/null ||
	fail "no Docker answers at ${DOCKER_HOST:-this machine}: is this the right host, and may you use Docker there?"

me="$(id -un | tr -cd '[:alnum:]._-')@$(uname -n), scripts/rollback.sh" now=$(print_time 0)
find_stack
find_release
current=$(read_label "$edge" current)
release_version=$(read_label "${ns}_$release" version)
if [ "$release" = "$current" ]; then
	report "$release ($release_version) serves $env already"
	exit 0
fi
trap clean_up EXIT
open_helper
check_health
acquire_lock
write_intent "$current"
switch "$current"
record_routing "$current"
report "$release ($release_version) serves $env; $current is kept, to go back: $0 $env $current"
