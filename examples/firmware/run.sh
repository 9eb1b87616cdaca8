#!/usr/bin/env bash
# Builds the firmware, runs it on an emulated Cortex-M4F, and compares what it prints with what this machine computes.
#
#   examples/firmware/run.sh              from any directory; needs rustup's Rust, gcc, and root or sudo for what is missing
#
# Ends with 0 only if every line is the same, the image fits the memories and the firmware reports no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Settings of the caller's build that would change this one.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS
export LC_ALL=C

readonly board=thumbv7em-none-eabihf
readonly images=target/$board/release
# The `target` directory is the one beside this script, whatever CARGO_TARGET_DIR says.
readonly cargo_flags=(--release --locked --target-dir target)

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

# Runs a command as root, by sudo if need be.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n "$@"
    else
        fail "neither root nor sudo here; please run, as root: $*"
    fi
}

# Installs a Debian package unless its program is there.
need() {
    local program=$1 package=$2
    command -v "$program" >/dev/null && return
    command -v apt-get >/dev/null || fail "please install $program (in Debian: $package)"
    echo "installing $package ..." >&2
    as_root apt-get update -qq >&2 || fail "apt-get update was refused; please install $package"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$package" >&2 </dev/null || fail "please install $package"
}

need_target() {
    local core
    core=$(rustc --print target-libdir --target "$board")
    [ -n "$(find "$core" -name 'libcore-*.rlib' 2>/dev/null)" ] && return
    rustup target add "$board" >&2 \
        || fail "Rust's core library for $board is missing, and \`rustup target add $board\` was refused"
}

# The size of one section of an image, in bytes; 0 if there is none.
section() {
    size -A "$images/$1" | awk -v name="$2" '$1 == name { bytes = $2 } END { print bytes + 0 }'
}

# What an image takes of the flash: vectors, code, constants, and the initial values of variables.
flash() {
    local total=0 name
    for name in .vector_table .text .rodata .data; do
        total=$((total + $(section "$1" "$name")))
    done
    echo "$total"
}

ram() {
    echo $(($(section "$1" .data) + $(section "$1" .bss) + $(section "$1" .uninit)))
}

build() {
    cargo build "${cargo_flags[@]}"
    cargo build "${cargo_flags[@]}" --package host --target "$host"
}

# Runs the firmware and compares; leaves its output in $out/device.
compare() {
    # The runner of .cargo/config.toml: QEMU, under `timeout`.
    cargo run --quiet "${cargo_flags[@]}" </dev/null >"$out/device" 2>"$out/errors" || {
        cat "$out/device" "$out/errors"
        fail "the firmware ended with an error"
    }
    "target/$host/release/host" >"$out/expected"
    grep -v '^device: ' "$out/device" >"$out/computed" || fail "the firmware printed nothing"
    grep -q '^device: .* bytes of stack at most' "$out/device" || fail "the firmware stopped before its end"
    [ -s "$out/expected" ] || fail "the host program printed nothing"
    cat "$out/expected"
    diff -u "$out/expected" "$out/computed" || fail "the Cortex-M4F and this machine differ"
    echo "same: all $(wc -l <"$out/expected") lines, on a Cortex-M4F and on $host"
}

# What the board says of itself, and the price of each call: an image with it, less an image without.
figures() {
    local nothing name
    sed -n 's/^device: //p' "$out/device"
    echo "this image: $(flash firmware) bytes of flash, $(ram firmware) bytes of static RAM"
    nothing=$(flash size-nothing)
    for name in ternarize options product; do
        echo "size-$name: $(($(flash "size-$name") - nothing)) bytes of flash, $(ram "size-$name") bytes of static RAM"
    done
}

# No call of the core can panic: its images hold nothing of the panic machinery.
no_panics() {
    local name
    for name in ternarize options product; do
        nm -C "$images/size-$name" >"$out/symbols" || fail "size-$name has no symbols"
        [ -s "$out/symbols" ] || fail "size-$name has no symbols"
        ! grep -F 'core::panicking' "$out/symbols" || fail "size-$name can panic"
    done
    echo "no panics: size-ternarize, size-options and size-product hold nothing of core::panicking"
}

command -v rustc >/dev/null || fail "no Rust here; see https://rustup.rs"
need qemu-system-arm qemu-system-arm
need size binutils
need_target
host=$(rustc -vV | sed -n 's/^host: //p')
out=$(mktemp -d)
readonly host out
trap 'rm -rf "$out"' EXIT
build
compare
figures
no_panics
