#!/bin/sh
# All tests, in two processes (tests/side_by_side.py); those against a real Kafka only where Java 17 and Maven run, those
# of the page only where Chromium and npm are, which are installed first where that can be done. What is left out is
# named, and CI fails for it.
set -eu
cd "$(dirname "$0")/.."

java_fits() {
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ]
}

missing=
java_fits || missing="Java 17 or newer (a package such as openjdk-17-jre-headless)"
mvn --version >/dev/null 2>&1 || missing="${missing:+$missing and }Maven (a package such as maven)"

left_out=
marks=
if [ -n "$missing" ]; then
  left_out="left out: the tests against a real Apache Kafka, because this machine lacks $missing"
  marks="not kafka"
fi
if ! lacking=$(sh deploy/browser.sh 2>&1); then
  left_out="${left_out:+$left_out
}left out: tests of the page; ${lacking##*
}"
  marks="${marks:+$marks and }not browser"
fi
if [ -z "$left_out" ]; then
  exec .venv/bin/python -m pytest -n 2 --durations=30
fi

echo "$left_out" >&2
.venv/bin/python -m pytest -n 2 --durations=30 -m "$marks" || exit 1
echo "$left_out" >&2
if [ "${CI:-}" = true ]; then
  echo "CI=true: a run that leaves tests out does not pass" >&2
  exit 1
fi
