# shellcheck shell=bash
# What the scripts share. Sourced, never run. Sets ROOT, STATE, PORT, VENV and the functions below.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
STATE_NAME="${SELLEASI_STATE:-.local/run}"
case "$STATE_NAME" in
/*) STATE="$STATE_NAME" ;;
*) STATE="$ROOT/$STATE_NAME" ;;
esac
PORT="${SELLEASI_PORT:-8000}"
VENV="${SELLEASI_VENV:-$ROOT/.local/venv}"
export SELLEASI_STATE="$STATE" SELLEASI_PORT="$PORT"

# One short line, with the seconds since the script began.
say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }

die() {
  printf '\nerror: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command with its output in a log; shows the log's end only when it fails.
# usage: quietly <log name> <command...>
quietly() {
  local log="$STATE/logs/$1.log"
  shift
  mkdir -p "$STATE/logs"
  "$@" >"$log" 2>&1 && return
  tail -n 30 "$log" >&2
  die "$1 failed. Log: $log"
}

# The Python to make the venv with; the local stack needs 3.11 or newer.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if have "$candidate" && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# Installs localstack/requirements.txt into the venv, unless that very file is installed already.
ensure_venv() {
  local stamp="$VENV/requirements.installed"
  cmp -s "$ROOT/localstack/requirements.txt" "$stamp" && return
  local python
  python="$(find_python)" || die "Python 3.11 or newer with venv is missing.
  Debian, Ubuntu: sudo apt install python3 python3-venv    macOS: brew install python"
  say "Python tools"
  [ -x "$VENV/bin/python" ] || quietly venv "$python" -m venv "$VENV"
  quietly pip "$VENV/bin/pip" install --disable-pip-version-check -r "$ROOT/localstack/requirements.txt"
  cp "$ROOT/localstack/requirements.txt" "$stamp"
}

# The Lambda functions: one binary each, named like its file.
function_names() {
  local file
  for file in "$ROOT"/functions/*/src/bin/*.rs; do
    [ -e "$file" ] && basename "$file" .rs
  done
}
