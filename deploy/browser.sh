#!/bin/sh
# Makes sure that Chromium is there for the tests of the page, and npm for the one that builds it: installed by
# apt-get where this is root on Debian or Ubuntu; else it says what to do, and ends with 1.
set -eu

has_npm() {
  version=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 20 ] && npm --version >/dev/null 2>&1
}

wanted=
[ -x /usr/bin/chromium ] || wanted="chromium fonts-inter"
has_npm || wanted="${wanted:+$wanted }nodejs npm"
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing $wanted for the tests of the page" >&2
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -qq -y --no-install-recommends $wanted >/dev/null; } || true
fi
lacking=
[ -x /usr/bin/chromium ] || lacking="Chromium at /usr/bin/chromium (as root on Debian: apt-get install chromium)"
has_npm || lacking="${lacking:+$lacking and }Node 20 with npm (on Debian 12: from a newer release, or a tool of your own)"
[ -z "$lacking" ] && exit 0
echo "this machine lacks $lacking" >&2
exit 1
