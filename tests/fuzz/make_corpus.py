#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a few valid files for each fuzzer: make_corpus.py FOLDER gives FOLDER/gguf/..., FOLDER/npy/..., ...

Needs nothing but Python's standard library. The fuzzers start from these, so that they reach the inner
parts of the parsers at once.
"""
import io
import json
import pathlib
import struct
import sys
import zipfile


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(version: int) -> bytes:
    keys = [
        text("general.alignment") + struct.pack("<II", 4, 32),
        text("general.name") + struct.pack("<I", 8) + text("seed"),
        text("a.f32") + struct.pack("<If", 6, 0.5),
        text("a.bool") + struct.pack("<IB", 7, 1),
        text("a.u64") + struct.pack("<IQ", 10, 7),
        text("a.texts") + struct.pack("<IIQ", 9, 8, 2) + text("x") + text("y"),
        text("a.numbers") + struct.pack("<IIQ3i", 9, 5, 3, 1, -2, 3),
        text("a.nested") + struct.pack("<IIQIQH", 9, 9, 1, 2, 1, 5),
    ]
    tensors = [
        text("blk.0.attn_q.weight") + struct.pack("<IQQIQ", 2, 3, 2, 0, 0),
        text("blk.0.attn_k.weight") + struct.pack("<IQIQ", 1, 32, 8, 32),
        text("odd") + struct.pack("<IQIQ", 1, 32, 4711, 96),
    ]
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    body = head + b"".join(keys) + b"".join(tensors)
    return body + bytes(-len(body) % 32) + bytes(128)


def safetensors() -> list[bytes]:
    headers = [
        {"__metadata__": {"format": "pt"},
         "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
         "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]}},
        {"t": {"dtype": "F4", "shape": [], "data_offsets": [0, 1]}},
        {},
    ]
    files = []
    for header in headers:
        raw = json.dumps(header).encode()
        files.append(struct.pack("<H", len(raw)) + raw + bytes(32))
    return files


def npy(descr: str, order: bool, shape: str, data: bytes) -> bytes:
    raw = ("{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n" % (descr, order, shape)).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + data


def npy_files() -> list[bytes]:
    plain = [
        npy("'<f4'", False, "(2, 3)", bytes(24)),
        npy("'<f8'", True, "(2, 3)", bytes(48)),
        npy("'|b1'", False, "()", bytes(1)),
        npy("[('x', '<f4'), ('y', '<i4', (2,))]", False, "(1,)", bytes(12)),
    ]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.writestr("a.npy", plain[0])
            with archive.open("b.npy", "w", force_zip64=True) as member:
                member.write(plain[1])
        plain.append(out.getvalue())
    return plain


SEEDS = {
    "gguf": [gguf(2), gguf(3)],
    "safetensors": safetensors(),
    "npy": npy_files(),
    "csv": [b"a,b\n1,2\n3,4e5\n", b"1;2\n# x\n-3;nan\n", b"1 2  3\n4 5 6\n", b"\xef\xbb\xbf1\t2\n"],
    "json": [b'{"a":[1,-2,3.5,true,null,{"b":"\\u00e9\\n"}]}', b"[[[]],{}]", b'"\xc3\xa9"', b"1e5"],
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, files in SEEDS.items():
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for index, data in enumerate(files):
            (folder / f"seed-{index}").write_bytes(data)


if __name__ == "__main__":
    main()
