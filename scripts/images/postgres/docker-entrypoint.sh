#!/usr/bin/env bash
# The interface of the official image's entry point: prepares the data folder on the first start, as the user postgres.
set -euo pipefail

# Takes a variable's value from the file that VARIABLE_FILE names, if there is one.
from_file() {
	local file_variable=${1}_FILE value=${!1:-${2:-}}
	if [ -n "${!file_variable:-}" ]; then
		[ -z "${!1:-}" ] || fail "$1 and $file_variable are both set: set one of them"
		value=$(<"${!file_variable}")
	fi
	export "$1=$value"
	unset "$file_variable"
}

fail() {
	echo "postgres: $*" >&2
	exit 1
}

as_superuser() { PGHOST='' psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password "$@"; }

read_settings() {
	from_file POSTGRES_PASSWORD
	from_file POSTGRES_USER postgres
	from_file POSTGRES_DB "$POSTGRES_USER"
	from_file POSTGRES_INITDB_ARGS
	: "${POSTGRES_HOST_AUTH_METHOD:=scram-sha-256}"
	[ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] ||
		fail "no password for the superuser: set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to allow everyone in"
}

create_cluster() {
	local options=(--username="$POSTGRES_USER")
	[ -z "${POSTGRES_INITDB_WALDIR:-}" ] || options+=(--waldir="$POSTGRES_INITDB_WALDIR")
	[ -z "$POSTGRES_PASSWORD" ] || options+=(--pwfile=/dev/fd/3)
	# The arguments are a list in one string, as the official image takes them.
	eval "initdb \"\${options[@]}\" $POSTGRES_INITDB_ARGS" 3< <(printf '%s\n' "$POSTGRES_PASSWORD")
	printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
}

create_database() {
	[ "$POSTGRES_DB" = postgres ] && return
	as_superuser --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_init_files() {
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh)
			# As in the official image: a script that can be executed is, any other becomes part of this one.
			# shellcheck disable=SC1090
			if [ -x "$file" ]; then "$file"; else . "$file"; fi
			;;
		*.sql) as_superuser --dbname "$POSTGRES_DB" --file "$file" ;;
		*.sql.gz) gunzip --stdout "$file" | as_superuser --dbname "$POSTGRES_DB" ;;
		esac
	done
}

first_start() {
	read_settings
	create_cluster
	# Nobody reaches the server before it is ready: it listens on its own socket only.
	PGUSER=$POSTGRES_USER pg_ctl --wait --silent start -o "$(printf '%q ' "${@:2}" -c listen_addresses='' -p 5432)"
	create_database
	run_init_files
	PGUSER=$POSTGRES_USER pg_ctl --wait --silent --mode=fast stop
}

prepare_as_root() {
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 700 "$PGDATA"
	find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
	exec setpriv --reuid postgres --regid postgres --init-groups env HOME=/var/lib/postgresql "$0" "$@"
}

serves() { [[ $1 = postgres && " $* " != *" --help "* && " $* " != *" --version "* && " $* " != *" -V "* ]]; }

[[ ${1:-} != -* ]] || set -- postgres "$@"
if serves "$@"; then
	[ "$(id -u)" != 0 ] || prepare_as_root "$@"
	mkdir -p "$PGDATA"
	[ -s "$PGDATA/PG_VERSION" ] || first_start "$@"
fi
exec "$@"
