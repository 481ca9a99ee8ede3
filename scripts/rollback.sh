#!/usr/bin/env bash
# Let a release that is still kept serve again, with nothing but bash and the docker command: for whoever is on call when
# neither Python nor an engine is at hand. `ci call rollback` does the same and more, where it works.
#
#   scripts/rollback.sh ENV VERSION [ssh://user@host]
#
# VERSION is what `docker service ls` and the ledger call it, or the name of a release (web-…). Without a host it works
# where DOCKER_HOST says, or on this machine. APP names the app where several have an ENV on one target. FORCE=1 goes on
# where somebody else holds the lock, or where not every replica of the release is healthy.
#
# It leaves the same notes in the target as the pipeline does: the next command and the ledger take them up.
set -euo pipefail
export LC_ALL=C

env=${1-} version=${2-} app=${APP-} force=${FORCE-}
ns='' edge='' lock='' post=''

say() { echo "rollback: $*" >&2; }

fail() {
	say "$*"
	exit 1
}

# The time in so many seconds, on GNU's systems and on others.
utc() {
	local at=$(($(date +%s) + $1)) form=+%Y-%m-%dT%H:%M:%S+00:00
	date -u -d "@$at" "$form" 2>/dev/null || date -u -r "$at" "$form"
}

label() { docker service inspect --format "{{index .Spec.Labels \"slipway.$2\"}}" "$1"; }

text_of() { docker config inspect --format '{{printf "%s" .Spec.Data}}' "$1" 2>/dev/null; }

field() { sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p"; }

clean_up() {
	[ -z "$post" ] || docker rm --force "$post" >/dev/null 2>&1 || true
	[ -z "$lock" ] || docker config rm "$lock" >/dev/null 2>&1 || true
}

# --- What there is -----------------------------------------------------------------------------------------------------

find_stack() {
	local found
	found=$(docker service ls --filter "label=slipway.environment=$env" --format '{{.Name}}' | sed -n 's/_edge$//p')
	[ -z "$app" ] || found=$(grep -x "$app-$env" <<<"$found" || true)
	case $(wc -w <<<"$found") in
	0) fail "nothing called ${app:+$app-}$env is deployed there: see 'docker stack ls', and whether this is the right host" ;;
	1) ns=$found edge=${found}_edge ;;
	*) fail "several apps have an environment $env there: set APP to one of them:"$'\n'"${found//-$env/}" ;;
	esac
}

kept() {
	docker service ls --filter "label=com.docker.stack.namespace=$ns" --filter label=slipway.version --format '{{.Name}}'
}

list_kept() {
	local name
	for name in $(kept); do echo "  $(label "$name" version) (${name#"${ns}"_})"; done
}

# The one release that is meant, by its name in the stack.
find_release() {
	local name found=()
	for name in $(kept); do
		release=${name#"${ns}"_}
		[ "$release" != "$version" ] || return 0
		[ "$(label "$name" version)" != "$version" ] || found+=("$release")
	done
	case ${#found[@]} in
	0) fail "$version is not kept there any more; what is:"$'\n'"$(list_kept)"$'\n'"For another: ci call rollback --env $env --version $version" ;;
	1) release=${found[0]} ;;
	*) fail "several releases are of $version: give one of their names instead:"$'\n'"$(printf '  %s\n' "${found[@]}")" ;;
	esac
}

check_health() {
	local wanted running
	wanted=$(docker service inspect --format '{{.Spec.Mode.Replicated.Replicas}}' "${ns}_$release")
	running=$(docker service ps --filter desired-state=running --format '{{.CurrentState}}' "${ns}_$release" | grep -c '^Running' || true)
	say "$release: $running of $wanted replicas are healthy"
	if [ "$running" -eq 0 ] || { [ "$running" -lt "$wanted" ] && [ -z "$force" ]; }; then
		fail "not all of its replicas are healthy; nothing was changed. See 'docker service ps ${ns}_$release'; FORCE=1 takes it when some are"
	fi
}

# --- The lock and the intent -------------------------------------------------------------------------------------------

note() {
	docker config create --label "com.docker.stack.namespace=$ns" --label "slipway.environment=$env" "${ns}_$1" - 2>&1
}

take_lock() {
	local said holder
	local form='{"who": "%s", "why": "rollback to %s", "since": "%s", "until": "%s", "token": "%s", "beats": false}'
	# shellcheck disable=SC2059 # the format is the line above
	said=$(printf "$form" "$me" "$version" "$now" "$(utc 600)" "$$-$RANDOM$RANDOM" | note lock) && {
		lock=$said
		return
	}
	holder=$(text_of "${ns}_lock") || fail "cannot lock $ns: $said"
	say "locked by $(field who <<<"$holder") since $(field since <<<"$holder"): $(field why <<<"$holder")"
	if is_run "$holder" && { [ -n "$force" ] || is_over "$holder" || is_silent; } || is_over "$holder"; then
		docker config rm "${ns}_lock" >/dev/null
		take_lock
	elif [ -z "$force" ]; then
		fail "nothing was changed. Wait, or ask them; to go on all the same: FORCE=1 $0 $env $version"
	fi
	# By force under a person's lock, which stays.
}

is_run() { grep -q '"beats": *true' <<<"$1"; }

is_over() { [[ $(field until <<<"$1") < $now ]]; }

# A run gives a sign of life every two seconds; one that does not is dead.
is_silent() {
	local last
	say "waiting for a sign of life"
	last=$(docker config inspect --format '{{.UpdatedAt}}' "${ns}_lock")
	sleep 10
	[ "$last" = "$(docker config inspect --format '{{.UpdatedAt}}' "${ns}_lock" 2>&1)" ]
}

write_intent() {
	docker config rm "${ns}_intent" >/dev/null 2>&1 || true
	printf '{"origin": "%s", "candidate": "%s", "since": "%s", "rollback": true}' "$1" "$release" "$now" | note intent >/dev/null
}

# --- The edge ----------------------------------------------------------------------------------------------------------

# A container on the stack's network: the edge's administration is reached from there only.
open_post() {
	local image
	image=$(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$edge")
	post=$(docker run --detach --rm --init --network "${ns}_default" --label "slipway.outpost=$ns" --entrypoint sleep "$image" 600)
}

fetch() { docker exec "$post" wget -q -O - -T 10 "$@"; }

edges() {
	local task
	for task in $(docker service ps --quiet --filter desired-state=running "$edge"); do
		docker inspect --type task --format '{{range .NetworksAttachments}}{{.Network.Spec.Name}} {{index .Addresses 0}}
{{end}}' "$task"
	done | sed -n "s|^${ns}_default \\([0-9.]*\\)/.*|\\1|p"
}

# Make every edge let a release serve: its own configuration with the other name in it.
let_serve() {
	local address config stamp
	# An edge that was away asks for the newest.
	stamp=$(docker exec "$post" date +%s)000000
	for address in $(edges); do
		config=$(fetch "http://$address:2019/config/" |
			sed "s/tasks\\.web-[0-9a-f-]*/tasks.$1/g; s/slipway-[0-9]\{1,\}/slipway-$stamp/") || return 1
		grep -q "\"tasks\\.$1\"" <<<"$config" || return 1
		fetch --header 'Content-Type: application/json' --post-data "$config" "http://$address:2019/load" || return 1
	done
}

# Ask every edge as a user would.
answers() {
	local address port health path own said
	port=$(docker service inspect --format '{{(index .Spec.EndpointSpec.Ports 0).TargetPort}}' "$edge")
	health=$(label "${ns}_$release" health-path) path=$(label "${ns}_$release" version-path)
	own=$(fetch "http://tasks.$release:$(label "${ns}_$release" port)$path") || own=''
	for address in $(edges); do
		fetch "http://$address:2019/config/" | grep -q "\"tasks\\.$release\"" || return 1
		fetch "http://$address:$port$health" >/dev/null || return 1
		said=$(fetch "http://$address:$port$path") || said=''
		# Only a service that tells its version can be told from another by it.
		if grep -qF "$name_of_version" <<<"$own" && ! grep -qF "$name_of_version" <<<"$said"; then return 1; fi
	done
}

switch() {
	local before=$1
	say "switching the edge from ${before:-nothing} to $release"
	if let_serve "$release" && answers; then return; fi
	say "the edge does not answer with $release: switching back"
	if [ -n "$before" ] && let_serve "$before"; then
		docker config rm "${ns}_intent" >/dev/null
		fail "$before serves as before. See 'docker service logs $edge'"
	fi
	fail "and cannot switch back: see 'docker service logs $edge'; the next ci call puts right what is left"
}

remember() {
	docker service update --detach --quiet --label-add "slipway.serving=$release" --label-add "slipway.proven=$release" \
		--label-add "slipway.previous=$1" --label-add "slipway.since=$(utc 0)" \
		--label-add "slipway.by-hand=$me" "$edge" >/dev/null
	docker config rm "${ns}_intent" >/dev/null
}

# --- All of it ---------------------------------------------------------------------------------------------------------

if [ -z "$env" ] || [ -z "$version" ] || [ $# -gt 3 ]; then
	sed -n '2,/^set/s/^#\{1,\} \{0,1\}//p' "$0" >&2
	exit 2
fi
if [ -n "${3-}" ]; then export DOCKER_HOST=$3; fi
docker version --format '{{.Server.Version}}' >/dev/null ||
	fail "no Docker answers at ${DOCKER_HOST:-this machine}: is it the right host, and may you use Docker there?"

me="$(id -un | tr -cd '[:alnum:]._-')@$(uname -n), scripts/rollback.sh" now=$(utc 0)
find_stack
find_release
serving=$(label "$edge" serving)
name_of_version=$(label "${ns}_$release" version)
if [ "$release" = "$serving" ]; then
	say "$release ($name_of_version) serves $env already"
	exit 0
fi
check_health
trap clean_up EXIT
take_lock
write_intent "$serving"
open_post
switch "$serving"
remember "$serving"
say "$release ($name_of_version) serves $env; $serving is kept, to go back: $0 $env $serving"
