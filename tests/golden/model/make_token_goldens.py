#!/usr/bin/env python3
"""Writes tokens_sample.txt and tokens_smollm2.txt: the token ids of hard_text.txt.

    python tests/golden/model/make_token_goldens.py [--llama-server http://127.0.0.1:8080]

With the address of a llama.cpp server that has the GGUF file loaded, SmolLM2's ids are checked against it.
"""

from __future__ import annotations

import argparse
import json
import urllib.request

from tokenizers import Tokenizer

import golden
import smollm2


def ids_of_server(address: str, text: str) -> list[int]:
    body = json.dumps({"content": text, "add_special": True, "parse_special": False}).encode()
    request = urllib.request.Request(address + "/tokenize", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["tokens"]


def write(name: str, model: str, remark: str, tokenizer: Tokenizer, text: str) -> list[int]:
    ids = tokenizer.encode(text, add_special_tokens=True).ids
    golden.write(name, [
        f"Golden: token ids of hard_text.txt, tokenizer of {model}. {remark}",
        f"Generator: make_token_goldens.py; {golden.versions('tokenizers', 'gguf')}",
        "Tolerance: exact. Records: count <number of ids>; ids <every id, in order>.",
    ], [golden.record("count", [len(ids)]), golden.record("ids", ids)])
    return ids


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the token goldens.")
    parser.add_argument("--llama-server", help="address of a llama.cpp server with the GGUF file")
    options = parser.parse_args()
    text = golden.HARD_TEXT.read_bytes().decode("utf-8")

    sample = Tokenizer.from_file(str(golden.SAMPLE_MODEL / "tokenizer.json"))
    ids = write("tokens_sample.txt", "samples/tiny-llama", "The first id is BOS.", sample, text)
    if sample.decode(ids) != text:
        raise RuntimeError("decoding does not give the text back")

    tokenizer = smollm2.load_tokenizer(smollm2.open_reader(golden.GGUF_MODEL))
    remark = "No BOS. The vocabulary has no token for the byte 1D, which leaves no id behind."
    if options.llama_server:
        remark += " llama.cpp gives the same ids."
    ids = write("tokens_smollm2.txt", golden.GGUF_MODEL.name, remark, tokenizer, text)
    if options.llama_server and ids_of_server(options.llama_server, text) != ids:
        raise RuntimeError("llama.cpp gives other ids")


if __name__ == "__main__":
    main()
