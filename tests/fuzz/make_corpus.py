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


def tokenizers() -> list[bytes]:
    """A byte-level vocabulary with two merges, with and without a pre-tokenizer's pattern; one with a text
    and a configuration; SentencePiece's characters and bytes; the same two kinds in GGUF."""
    letters = [chr(code) for code in range(33, 127)] + ["\u0120", "\u010a"]
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    for merged in ("he", "the", "\u0120t"):
        vocabulary[merged] = len(vocabulary)
    model = {"type": "BPE", "vocab": vocabulary, "merges": ["h e", "t he", "\u0120 t"], "byte_fallback": False}
    split = {"type": "Split", "pattern": {"Regex": " ?\\p{L}+|\\s+"}, "behavior": "Isolated", "invert": False}
    levels = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    added = [{"id": len(vocabulary), "content": "<s>", "special": True}]
    files = []
    for pre in (levels, {"type": "Sequence", "pretokenizers": [split, {**levels, "use_regex": False}]}):
        whole = {"version": "1.0", "added_tokens": added, "normalizer": None, "pre_tokenizer": pre,
                 "post_processor": None, "decoder": {"type": "ByteLevel"}, "model": model}
        files.append(json.dumps(whole).encode())
    pairs = {**model, "merges": [["h", "e"], ["t", "he"]]}
    files.append(json.dumps({"model": pairs}).encode() + b"\0the <s> the\0" +
                 json.dumps({"bos_token": "<s>", "add_bos_token": True}).encode())
    pieces = {**{f"<0x{byte:02X}>": byte for byte in range(256)}, "\u2581": 256, "t": 257, "\u2581t": 258}
    prepend = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
    files.append(json.dumps({"normalizer": prepend, "model": {
        "type": "BPE", "byte_fallback": True, "unk_token": "t", "vocab": pieces, "merges": ["\u2581 t"]}}).encode())
    return files + [tokenizer_gguf("gpt2"), tokenizer_gguf("llama")]


def tokenizer_gguf(kind: str) -> bytes:
    """A file without tensors' data whose metadata hold a tokenizer and a Llama's sizes."""
    def texts(key: str, values: list[str]) -> bytes:
        return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))

    def number(key: str, value: int) -> bytes:
        return text(key) + struct.pack("<II", 4, value)

    tokens = ["<s>", "t", "h", "th", "\u2581", "<0x41>", "\u0120"]
    keys = [
        text("tokenizer.ggml.model") + struct.pack("<I", 8) + text(kind),
        texts("tokenizer.ggml.tokens", tokens),
        text("tokenizer.ggml.token_type") + struct.pack("<IIQ7i", 9, 5, 7, 3, 1, 1, 1, 1, 6, 1),
        number("tokenizer.ggml.bos_token_id", 0), number("tokenizer.ggml.eos_token_id", 0),
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
    ]
    if kind == "gpt2":
        keys.append(text("tokenizer.ggml.pre") + struct.pack("<I", 8) + text("smollm"))
        keys.append(texts("tokenizer.ggml.merges", ["t h"]))
    else:
        keys.append(text("tokenizer.ggml.scores") + struct.pack("<IIQ7f", 9, 6, 7, *range(7)))
    sizes = {"block_count": 1, "context_length": 8, "embedding_length": 4, "feed_forward_length": 4,
             "attention.head_count": 2, "attention.head_count_kv": 1}
    keys += [number("llama." + key, value) for key, value in sizes.items()]
    tensor = text("token_embd.weight") + struct.pack("<IQQIQ", 2, 4, 7, 0, 0)
    body = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor
    return body + bytes(-len(body) % 32) + bytes(128)


def configs() -> list[bytes]:
    llama = {"architectures": ["LlamaForCausalLM"], "vocab_size": 32, "num_hidden_layers": 1, "hidden_size": 8,
             "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
             "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
             "tie_word_embeddings": True}
    scaled = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 8192, "rope_theta": 5e5}
    files = [llama, {**llama, "rope_scaling": scaled}, {**llama, "rope_parameters": {**scaled, "rope_type": "linear"}},
             {**llama, "model_type": "mistral", "sliding_window": 16, "quantization_config": None}]
    return [json.dumps(file).encode() for file in files]


def indexes() -> list[bytes]:
    """Without their first brace, which the fuzzer puts in front."""
    return [json.dumps({"metadata": {"total_size": 16}, "weight_map": {"t": name}}).encode()[1:]
            for name in ("a", "b", "../a", "/a", "a\0b")]


def variants() -> list[bytes]:
    texts = ["float", "int8/symmetric/channel", "int4/affine/group=64/mse/half-even @act=int8/token",
             "preset=q4_0", "int3/tensor/percentile=0.1,99.9/stochastic=7 @name=mine @*down*=int8",
             "gptq/int4/group=64/integer @act=int8/token @outliers=6", "w4a8/group=64", "w8a8/static",
             "llm-int8/threshold=6", "smoothquant/w8a8/alpha=0.5", "nf4/group=64", "awq(grid=10):int4/group=32",
             "int4/affine/manual=-1,1/block=16x16/bf16/with-zero/divide"]
    return [line.encode() for line in texts] + ["; ".join(texts[:3]).encode()]


def experiments() -> list[bytes]:
    texts = ["float", "int4/affine/group=64/mse @act=int8/token", "w8a8/token @name=mine"]
    plain = {"quantscope": 1, "matrix": {"synthetic": "laplace/rows=8/cols=8"}, "variants": texts,
             "tensorProtocol": {"bins": 64, "clipPoints": 16, "heatmapVariant": 1, "heatmapRegion": [0, 4, 0, 4]}}
    model = {**plain, "matrix": {"path": "a.gguf", "tensor": "t"},
             "model": {"model": "a.gguf", "text": "b.txt", "calibration": "c.txt", "calibrationChunks": 4},
             "modelProtocol": {"rule": "sliding", "window": 64, "stride": 16, "chunks": 2, "order": "auto",
                               "memory": 1 << 30, "layerTokens": 8, "layerVariant": 1, "layer": "x"}}
    product = {**plain, "matmul": {"x": {"model": "m", "text": "t", "layer": "l", "tokens": 3}, "w": {"path": "p"},
                                   "inputsByOutputs": True, "products": texts, "variant": 1, "row": 0,
                                   "channel": 2, "step": 3, "relu": True, "measurement": 1}}
    return [json.dumps(whole).encode() for whole in (plain, model, product)]


def tensor_file(tensors: dict, metadata: dict) -> bytes:
    """safetensors with a header length of two bytes; tensors: name -> (dtype, shape, bytes)."""
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    raw = json.dumps(header).encode()
    return struct.pack("<H", len(raw)) + raw + data


def packed_layers() -> list[bytes]:
    """One small layer a family: GPTQ, AWQ, compressed-tensors (integers, FP8, NVFP4), bitsandbytes (NF4, int8)."""
    scale = struct.pack("<16e", *([0.5] * 16))
    words = {"m.qweight": ("I32", [1, 8], bytes(range(32))), "m.qzeros": ("I32", [1, 1], b"\x77" * 4),
             "m.scales": ("F16", [1, 8], scale[:16]), "m.g_idx": ("I32", [8], bytes(32))}
    awq = {"m.qweight": ("I32", [8, 1], bytes(range(32))), "m.qzeros": ("I32", [1, 1], b"\x88" * 4),
           "m.scales": ("F16", [1, 8], scale[:16])}
    integers = {"m.weight_packed": ("I32", [8, 1], bytes(range(32))), "m.weight_scale": ("F16", [8, 1], scale[:16]),
                "m.weight_shape": ("I64", [2], struct.pack("<2q", 8, 8)),
                "m.weight_zero_point": ("I32", [1, 1], b"\x88" * 4)}
    fp8 = {"m.weight": ("F8_E4M3", [2, 4], bytes(range(8))), "m.weight_scale": ("F16", [2, 1], scale[:4])}
    int8 = {"m.weight": ("I8", [2, 4], bytes(range(8))), "m.weight_scale": ("F16", [2, 1], scale[:4])}
    fp4 = {"m.weight_packed": ("U8", [2, 8], bytes(range(16))), "m.weight_scale": ("F8_E4M3", [2, 1], b"\x38\x38"),
           "m.weight_global_scale": ("F32", [1], struct.pack("<f", 2.0))}
    state = json.dumps({"quant_type": "nf4", "blocksize": 8, "dtype": "float16", "shape": [2, 8]}).encode()
    nested = json.dumps({"quant_type": "nf4", "blocksize": 8, "dtype": "float16", "shape": [2, 8],
                         "nested_blocksize": 2, "nested_offset": 0.5}).encode()
    codebook = {"m.weight": ("U8", [8, 1], bytes(range(8))), "m.weight.quant_map": ("F32", [16], bytes(64)),
                "m.weight.absmax": ("F32", [2], struct.pack("<2f", 1, 2)),
                "m.weight.quant_state.bitsandbytes__nf4": ("U8", [len(state)], state)}
    double = {**codebook, "m.weight.absmax": ("U8", [2], b"\x01\x02"),
              "m.weight.nested_absmax": ("F32", [1], struct.pack("<f", 1)),
              "m.weight.nested_quant_map": ("F32", [256], bytes(1024)),
              "m.weight.quant_state.bitsandbytes__nf4": ("U8", [len(nested)], nested)}
    outliers = {"m.weight": ("I8", [2, 4], bytes(range(8))), "m.SCB": ("F32", [2], struct.pack("<2f", 1, 2))}
    return [tensor_file(layer, {}) for layer in (words, awq, integers, fp8, int8, fp4, codebook, double, outliers)]


def statistics() -> list[bytes]:
    """llama.cpp's importance matrices, old and new, and a saved calibration behind a 'c'."""
    name = b"blk.0.attn_q.weight"
    old = struct.pack("<ii", 1, len(name)) + name + struct.pack("<ii2f", 3, 2, 1.0, 2.0) + struct.pack("<ii", 3, 1) + b"t"
    tensors = [text("blk.0.attn_q.weight.in_sum2") + struct.pack("<IQQIQ", 2, 2, 1, 0, 0),
               text("blk.0.attn_q.weight.counts") + struct.pack("<IQQIQ", 2, 1, 1, 0, 32)]
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 1) + text("general.type") + struct.pack("<I", 8) + text("imatrix")
    body = head + b"".join(tensors)
    new = body + bytes(-len(body) % 32) + struct.pack("<2f", 1, 2) + bytes(24) + struct.pack("<f", 3) + bytes(28)
    fields = {}
    for point in ("attn", "ffn_down"):
        doubles, floats = struct.pack("<2d", 1, 2), struct.pack("<2f", 1, 2)
        fields.update({f"blk.0.{point}.counts": ("I64", [3], struct.pack("<3q", 3, 0, 1)),
                       f"blk.0.{point}.mean_abs": ("F64", [2], doubles),
                       f"blk.0.{point}.mean_square": ("F64", [2], doubles),
                       f"blk.0.{point}.abs_max": ("F32", [2], floats), f"blk.0.{point}.minimum": ("F32", [2], floats),
                       f"blk.0.{point}.maximum": ("F32", [2], floats),
                       f"blk.0.{point}.sample": ("F32", [2, 2], floats + floats),
                       f"blk.0.{point}.hessian": ("F32", [2, 2], floats + floats)})
    saved = tensor_file(fields, {"format": "quantscope calibration 1", "model": "model", "text": "t", "window": "8"})
    return [old, new, b"c" + saved]


SEEDS = {
    "gguf": [gguf(2), gguf(3)],
    "safetensors": safetensors(),
    "npy": npy_files(),
    "csv": [b"a,b\n1,2\n3,4e5\n", b"1;2\n# x\n-3;nan\n", b"1 2  3\n4 5 6\n", b"\xef\xbb\xbf1\t2\n"],
    "tokenizer": tokenizers(),
    "config": configs(),
    "index": indexes(),
    "packed": packed_layers(),
    "statistics": statistics(),
    "variant": variants(),
    "experiment": experiments(),
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
