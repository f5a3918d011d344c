#!/bin/sh
# Builds the environments of this checkout: bootstrap.sh run | dev | ducklake | readers | spark | peer NAME
#
#   run       .venv with requirements.txt and the project itself (the command .venv/bin/tidemill)
#   dev       the same, and requirements-dev.txt
#   ducklake  .venv-ducklake with requirements-ducklake.txt, for tests only
#   readers   .venv-readers with requirements-readers.txt, and where npm and Maven run, what deploy/readers/ names;
#             for tests only
#   spark     .venv-spark with requirements-spark.txt, for `tidemill spark run` and tests
#   peer      .venv-peer-NAME with requirements-peer-NAME.txt, another engine for `make bench`
#
# Quick when nothing changed: a stamp in the environment names what it was built from.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "bootstrap: $*" >&2; }

# Runs the interpreter instead of asking for its name: a pyenv shim may exist for a version that is not selected.
supported() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)) or sys.implementation.name != "cpython")' \
    </dev/null >/dev/null 2>&1
}

find_python() {
  for name in python3.12 python3.11 python3 python \
    "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/3.12*/bin/python \
    "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/3.11*/bin/python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    supported "$path" || continue
    "$path" -c 'import sys; print(sys.executable)'
    return 0
  done
  return 1
}

# The second form is for systems that split ensurepip off into a package of their own.
venv_with_pip() {
  "$1" -m venv "$2" >/dev/null 2>&1 && [ -x "$2/bin/pip" ] && return 0
  rm -rf "$2"
  "$1" -m pip --version >/dev/null 2>&1 && "$1" -m venv --without-pip "$2"
}

install() {
  venv=$1
  shift
  if [ -e "$venv/.by-uv" ] && command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" "$@"
  elif [ -x "$venv/bin/pip" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
  else
    "$(find_python)" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check "$@"
  fi
}

create_with_uv() {
  command -v uv >/dev/null 2>&1 || return 1
  if python=$(find_python); then
    uv venv --quiet --python "$python" "$1" || return 1
  else
    uv venv --quiet --python 3.12 "$1" || uv venv --quiet --python 3.11 "$1" || return 1
  fi
  say "made $1 with uv"
  : >"$1/.by-uv"
}

create_with_python() {
  if ! python=$(find_python); then
    say "Tidemill needs Python 3.11 or 3.12, or a uv that can fetch one, and finds neither here: install one of them and run the command again."
    exit 1
  fi
  say "making $1 with $python"
  if ! venv_with_pip "$python" "$1"; then
    say "$python cannot make a virtual environment: install its venv package (python3-venv), or uv, and run the command again."
    exit 1
  fi
}

# Usable means: it runs, is of a supported version, and stands where it was made (its scripts hold absolute paths).
usable() {
  [ -x "$1/bin/python" ] && supported "$1/bin/python" || return 1
  [ ! -e "$1/.home" ] || [ "$(cat "$1/.home")" = "$PWD" ]
}

# fill VENV REQUIREMENTS: makes VENV hold exactly these packages; falls back to pip when uv cannot install them.
fill() {
  if ! usable "$1"; then
    rm -rf "$1"
    create_with_uv "$1" || { rm -rf "$1"; create_with_python "$1"; }
  fi
  printf '%s\n' "$PWD" >"$1/.home"
  say "installing $2 into $1"
  install "$1" -r "$2" && return 0
  [ -e "$1/.by-uv" ] || { say "the packages of $2 could not be installed; the lines above say why."; exit 1; }
  say "uv could not install them; trying with pip"
  rm -rf "$1"
  create_with_python "$1"
  printf '%s\n' "$PWD" >"$1/.home"
  install "$1" -r "$2" || { say "the packages of $2 could not be installed; the lines above say why."; exit 1; }
}

# made VENV STAMP SUM: true if VENV was filled from the files with this checksum, here.
made() {
  usable "$1" && [ "$(cat "$1/$2" 2>/dev/null)" = "$3" ]
}

packages() {
  venv=$1 stamp=$2 requirements=$3
  shift 3
  sum=$(cat "$@" | cksum)
  made "$venv" "$stamp" "$sum" && return 0
  fill "$venv" "$requirements"
  printf '%s\n' "$sum" >"$venv/$stamp"
}

project() {
  sum=$(cksum <pyproject.toml)
  made .venv .stamp-project "$sum" && [ -x .venv/bin/tidemill ] && return 0
  say "installing the command tidemill into .venv"
  install .venv --no-deps --no-build-isolation -e .
  printf '%s\n' "$sum" >.venv/.stamp-project
}

# others: the readers of other languages, below .venv-readers; the tests that need one say so where it is missing.
others() {
  sum=$(cat deploy/readers/package.json deploy/readers/pom.xml | cksum)
  made .venv-readers .stamp-others "$sum" && return 0
  lacking=
  if command -v npm >/dev/null 2>&1; then
    say "installing deploy/readers/package.json into .venv-readers"
    cp deploy/readers/package.json .venv-readers/package.json
    npm install --prefix .venv-readers --silent --no-audit --no-fund --no-package-lock --ignore-scripts || lacking=npm
  else
    lacking=npm
  fi
  if command -v mvn >/dev/null 2>&1; then
    say "installing deploy/readers/pom.xml into .venv-readers"
    mvn -q -B -f deploy/readers/pom.xml dependency:copy-dependencies "-DoutputDirectory=$PWD/.venv-readers/jars" ||
      lacking="${lacking:+$lacking and }Maven"
  else
    lacking="${lacking:+$lacking and }Maven"
  fi
  [ -z "$lacking" ] || { say "left out, for want of $lacking: readers of other languages"; return 0; }
  printf '%s\n' "$sum" >.venv-readers/.stamp-others
}

case "${1:-}" in
  run)
    # The development packages stand on the same file, so their stamp vouches for these as well.
    made .venv .stamp-dev "$(cat requirements.txt requirements-dev.txt | cksum)" ||
      packages .venv .stamp-run requirements.txt requirements.txt
    project
    ;;
  dev)
    packages .venv .stamp-dev requirements-dev.txt requirements.txt requirements-dev.txt
    project
    ;;
  ducklake)
    packages .venv-ducklake .stamp-ducklake requirements-ducklake.txt requirements-ducklake.txt
    ;;
  readers)
    packages .venv-readers .stamp-readers requirements-readers.txt requirements-readers.txt
    others
    ;;
  spark)
    packages .venv-spark .stamp-spark requirements-spark.txt requirements-spark.txt
    ;;
  peer)
    if [ -z "${2:-}" ] || [ ! -f "requirements-peer-$2.txt" ]; then
      known=
      for file in requirements-peer-*.txt; do
        name=${file#requirements-peer-}
        known="$known ${name%.txt}"
      done
      say "say which engine, one of:$known"
      exit 2
    fi
    packages ".venv-peer-$2" .stamp-peer "requirements-peer-$2.txt" "requirements-peer-$2.txt"
    ;;
  *)
    say "say what to build: run, dev, ducklake, readers, spark or peer NAME"
    exit 2
    ;;
esac
