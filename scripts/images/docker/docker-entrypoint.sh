#!/bin/sh
# Takes what the official image takes: options or a command of docker, or any other program; and finds the daemon.
set -eu

case "${1:-}" in
-*) set -- docker "$@" ;;
esac
# It helps with its own commands only.
if docker help "${1:-}" >/dev/null 2>&1; then set -- docker "$@"; fi

certificates=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
has_certificates() { [ -s "$certificates/ca.pem" ] && [ -s "$certificates/cert.pem" ] && [ -s "$certificates/key.pem" ]; }

# Without a mounted socket, the daemon is a neighbour with the name docker.
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
	port=2375
	if [ -n "${DOCKER_TLS_VERIFY:-}" ] || { [ -n "$certificates" ] && has_certificates; }; then port=2376; fi
	export DOCKER_HOST="tcp://docker:$port"
fi
case "${DOCKER_HOST:-}" in
tcp:*)
	if [ -z "${DOCKER_TLS_VERIFY:-}${DOCKER_CERT_PATH:-}" ] && [ -n "$certificates" ] && has_certificates; then
		export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certificates"
	fi
	;;
esac

exec "$@"
