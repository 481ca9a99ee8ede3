#!/bin/sh
# Takes what the official image takes: a configuration file, a subcommand of registry, or any other program.
set -e
case "$1" in
*.yml | *.yaml) set -- registry serve "$@" ;;
serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
