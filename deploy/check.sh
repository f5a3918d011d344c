#!/bin/sh
# Checks the operator's files with the programs that read them in the end: make deploy-check.
#
# From .venv: hadolint, check-jsonschema, kubernetes-validate. From the machine: systemd-analyze, and Go, which builds
# the rest into a folder that is removed at the end: Compose's own loader, Grafana's own types, and promtool where PATH
# has none (some minutes). What cannot be checked is named, and then this ends with exit code 1.
set -eu
cd "$(dirname "$0")/.."

PROMTOOL=github.com/prometheus/prometheus/cmd/promtool@v0.316.0
COMPOSE=github.com/compose-spec/compose-go/v2/cmd@v2.16.2
GRAFANA=github.com/grafana/grafana-foundation-sdk/go@v0.0.22

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=

say() { printf '%s\n' "deploy-check: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
wrong() { failed="${failed:+$failed, }$1"; }

# check NAME COMMAND...: runs it, and goes on with the others where it finds something.
check() {
  name=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    say "$name: well"
  else
    cat "$work/said" >&2
    wrong "$name"
  fi
}

# lacks NAME WHAT
lacks() {
  say "$1: left out, because this machine lacks $2"
  wrong "$1 (left out)"
}

built() { GOFLAGS=-mod=mod GOBIN="$work/bin" go install "$1"; }

# A unit names the program of the machine it will run on, which this one need not have.
units() {
  for file in deploy/systemd/*.service deploy/systemd/*.timer; do
    sed 's#^ExecStart=/opt/tidemill/bin/tidemill .*#ExecStart=/bin/true#' "$file" >"$work/$(basename "$file")"
  done
  said=$(cd "$work" && systemd-analyze verify ./*.service ./*.timer 2>&1) && [ -z "$said" ] && return 0
  printf '%s\n' "$said"
  return 1
}

users() {
  mkdir -p "$work/root/etc"
  systemd-sysusers --root="$work/root" --replace=/etc/sysusers.d/tidemill.conf "$PWD/deploy/systemd/tidemill.sysusers"
}

dashboards() {
  mkdir -p "$work/board"
  cp deploy/grafana/strict.go "$work/board/main.go"
  boards=$PWD/deploy/grafana
  (cd "$work/board" && export GOFLAGS=-mod=mod && go mod init board && go get "$GRAFANA" && go run . "$boards"/*.json)
}

# A token's file is there where Prometheus runs, not here.
alerts() {
  mkdir -p "$work/prometheus"
  cp deploy/prometheus/*.yml "$work/prometheus"
  : >"$work/token"
  sed "s#credentials_file: .*#credentials_file: $work/token#" deploy/prometheus/prometheus.yml \
    >"$work/prometheus/prometheus.yml"
  "$promtool" check config "$work/prometheus/prometheus.yml" &&
    "$promtool" test rules deploy/prometheus/alerts_test.yml
}

check "Dockerfile (hadolint)" .venv/bin/hadolint deploy/container/Dockerfile
check "Compose file (schema)" \
  .venv/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/container/compose.yaml
for version in 1.30 1.32 1.34 1.37; do
  check "Kubernetes $version (schemas)" \
    .venv/bin/kubernetes-validate --strict --no-warn -k "$version" deploy/kubernetes/*.yaml
done

if have systemd-analyze && have systemd-sysusers; then
  check "units (systemd-analyze)" units
  check "user (systemd-sysusers)" users
else
  lacks "units" "systemd-analyze and systemd-sysusers (a package such as systemd)"
fi

if have go; then
  check "dashboards (Grafana's types)" dashboards
  check "Compose file, its loader" built "$COMPOSE"
  check "Compose file (loader)" "$work/bin/cmd" deploy/container/compose.yaml
else
  lacks "dashboards" Go
  lacks "Compose file (loader)" Go
fi

promtool=$(command -v promtool || true)
if [ -z "$promtool" ] && have go; then
  say "building promtool, which takes some minutes; a promtool on PATH is taken instead"
  check "promtool" built "$PROMTOOL"
  promtool=$work/bin/promtool
fi
if [ -n "$promtool" ]; then
  check "alerts and scraping (promtool)" alerts
else
  lacks "alerts" "promtool (a package such as prometheus) and Go"
fi

[ -z "$failed" ] || { say "not well: $failed"; exit 1; }
