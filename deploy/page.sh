#!/bin/sh
# page.sh [OUT]: builds the page of page/ into serve/page/, or into OUT; the same sources give the same bytes.
set -eu
cd "$(dirname "$0")/../page"

node_fits() {
  version=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 20 ] && npm --version >/dev/null 2>&1
}

if ! node_fits; then
  echo "to build the page, install Node 20 or newer with npm; what was built last is in serve/page/" >&2
  exit 3
fi
sum=$(cat package.json package-lock.json | cksum)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$sum" ]; then
  npm ci --silent
  printf '%s\n' "$sum" >node_modules/.stamp
fi
npm run --silent check
exec node build.mjs "$@"
