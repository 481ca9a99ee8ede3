"""The edge's readiness check: a script beside Caddy, since Caddy checks no upstreams that come from DNS.

Caddy looks for a release's replicas in /etc/hosts first, and then asks DNS, which lists every running replica. So the
script writes the ready ones there. Where none is ready it writes nothing: on a starved host every answer is late, and
a late answer must not become an outage.
"""

# Its argument is the file in which Caddy keeps its configuration: release, port, interval and path are there.
READINESS = r"""
memory=$1 seen=/tmp/readiness release='' published='' interval=1
mkdir -p "$seen"

ask() {
    late=''
    [ ! -e "$seen/replica-$1" ] || read -r late <"$seen/replica-$1"
    if wget -q -T 5 -O /dev/null "http://$1:$port$path" 2>/dev/null; then
        [ "$late" = 0 ] || echo 0 >"$seen/replica-$1"
    elif [ -n "$late" ] && [ "$late" -lt 2 ]; then
        echo $((late + 1)) >"$seen/replica-$1"
    elif [ -n "$late" ]; then
        rm -f "$seen/replica-$1"
    fi
}

forget() {
    for file in "$seen"/replica-*; do
        case " $addresses " in
        *" ${file##*/replica-} "*) ;;
        *) rm -f "$file" ;;
        esac
    done
}

publish() {
    kept=$(grep -v '# ready$' /etc/hosts)
    printf '%s\n%s' "$kept" "$lines" >/etc/hosts
    touch -r /etc/hosts "$seen/published"
    [ "$lines" = "$published" ] || echo "readiness: ${release:-no release}: ${ready:-none, so all get requests}" >&2
    published=$lines
}

while :; do
    if [ -e "$memory" ] && { [ ! -e "$seen/config" ] || [ "$memory" -nt "$seen/config" ]; }; then
        cp -p "$memory" "$seen/config"
        form='"name": *"tasks\.\([^"]*\)", *"port": *"\([0-9]*\)".*"interval": *"\([0-9.]*\)s", *"uri": *"\([^"]*\)"'
        set -- $(sed -n "s|.*$form.*|\1 \2 \3 \4|p" "$seen/config")
        release=${1-} port=${2-} interval=${3-1} path=${4-}
    fi
    addresses='' lines='' ready=''
    [ -z "$release" ] || for word in $(getent ahosts "$release"); do
        case " $addresses " in *" $word "*) continue ;; esac
        case "$word" in [0-9]*.*.*.*) addresses="$addresses $word" ;; esac
    done
    for address in $addresses; do ask "$address" & done
    wait
    forget
    for address in $addresses; do
        [ -e "$seen/replica-$address" ] || continue
        ready="$ready $address"
        lines="$lines$address tasks.$release # ready
"
    done
    if [ "$lines" != "$published" ] || { [ -n "$lines" ] && [ /etc/hosts -nt "$seen/published" ]; }; then publish; fi
    sleep "$interval"
done
"""
