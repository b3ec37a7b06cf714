#!/usr/bin/env bash
# Makes .venv with everything the application (`app`) or also its tests (`dev`) need.
# Missing system libraries are installed by apt as root or with a password-free sudo; otherwise the one
# command to type is printed. Nothing outside .venv and apt's packages is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-app}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

find_python() {
  local candidate
  for candidate in ${INDICIUM_PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

system_packages() {
  command -v apt-get >/dev/null 2>&1 || { say "no apt here: README names the system libraries that are needed"; return; }
  local wanted=(libegl1 libgl1 libdbus-1-3 libfontconfig1 libxkbcommon0 libxcb-cursor0 libxcb-icccm4
    libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 libx11-xcb1 fonts-dejavu-core) missing=() package
  # Ubuntu 24.04 renamed this one.
  if dpkg-query -W -f='${Status}' libglib2.0-0t64 2>/dev/null | grep -q 'ok installed'; then :; else
    if apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then wanted+=(libglib2.0-0t64); else wanted+=(libglib2.0-0); fi
  fi
  [ -n "$python" ] || wanted+=(python3)
  if ! { [ -n "$python" ] && "$python" -c 'import venv, ensurepip' 2>/dev/null; }; then wanted+=(python3-venv); fi
  command -v g++ >/dev/null 2>&1 || wanted+=(g++)
  if ! { [ -n "$python" ] && "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' 2>/dev/null; }; then
    wanted+=(python3-dev)
  fi
  for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local install=(apt-get install -y --no-install-recommends "${missing[@]}")
  if [ "$(id -u)" = 0 ]; then
    say "installing system packages: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
  elif sudo -n true 2>/dev/null; then
    say "installing system packages with sudo: ${missing[*]}"
    sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    sudo -n env DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
  else
    fail "these system packages are missing; type this once, then run make again:
    sudo apt-get update && sudo ${install[*]}"
  fi
}

runtime() {
  if [ -n "${INDICIUM_RUNTIME:-}" ]; then
    case $INDICIUM_RUNTIME in
      cpu | gpu | gpu-cuda12) echo "$INDICIUM_RUNTIME" ;;
      *) fail "INDICIUM_RUNTIME is '$INDICIUM_RUNTIME'; it must be cpu, gpu or gpu-cuda12" ;;
    esac
    return
  fi
  local cuda
  if cuda=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9]*\).*/\1/p' | head -n 1) && [ -n "$cuda" ]; then
    if [ "$cuda" -ge 13 ]; then echo gpu; else echo gpu-cuda12; fi
  else
    echo cpu
  fi
}

python=$(find_python)
system_packages
[ -n "$python" ] || python=$(find_python)
[ -n "$python" ] || fail "Python 3.11 or later is needed and was not found (set INDICIUM_PYTHON to name one)"

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  say "making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
kind=$(runtime)
if [ "$kind" != cpu ] || [ ! -e .venv/.indicium-runtime ] || [ "$(cat .venv/.indicium-runtime)" != "$kind" ]; then
  # onnxruntime and onnxruntime-gpu overwrite each other: only one may be there.
  .venv/bin/python -m pip --disable-pip-version-check uninstall --quiet --yes onnxruntime onnxruntime-gpu >/dev/null 2>&1 || true
fi
say "installing the application (ONNX Runtime: $kind)"
"${pip[@]}" -r "packaging/requirements/$kind.txt" -r packaging/requirements/samples.txt
"${pip[@]}" --no-deps --editable .
echo "$kind" >.venv/.indicium-runtime
touch .venv/.indicium-app
if [ "$what" = dev ]; then
  say "installing what the tests and the training code need (torch among it; this takes a while)"
  "${pip[@]}" -r packaging/requirements/dev.txt -c <(grep -v '^-r' packaging/requirements/app.txt)
  touch .venv/.indicium-dev
fi
say "ready: .venv/bin/indicium"
