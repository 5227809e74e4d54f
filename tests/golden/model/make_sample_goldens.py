#!/usr/bin/env python3
"""Writes sample_logits.txt and sample_perplexity.txt: the sample model in float32 by transformers.

    python tests/golden/model/make_sample_goldens.py
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import golden
import prompts

CHUNKS = 16
HIDDEN_VALUES = 16


@torch.no_grad()
def logit_records(model: LlamaForCausalLM, ids: list[int]) -> tuple[list[str], float]:
    """The records, and the largest distance of a float32 logit from the same in float64."""
    output = model(torch.tensor([ids]), output_hidden_states=True, use_cache=False)
    exact = model.double()(torch.tensor([ids]), use_cache=False).logits[0]
    model.float()
    logits = output.logits[0]
    last = len(ids) - 1
    positions = [0, 1, 7, 63, 128, 200, last - 1, last]
    records = [golden.record("tokens", [len(ids), *ids])]
    for layer, states in enumerate(output.hidden_states):
        records.append(golden.record("hidden", [layer, last, *states[0, last, :HIDDEN_VALUES].tolist()]))
    for position in positions:
        records.append(golden.record("logits", [position, *logits[position].tolist()]))
    return records, (logits.double() - exact).abs().max().item()


def main() -> None:
    model = LlamaForCausalLM.from_pretrained(golden.SAMPLE_MODEL, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(golden.SAMPLE_MODEL / "tokenizer.json"))
    generator = f"Generator: make_sample_goldens.py; {golden.versions('torch', 'transformers', 'tokenizers')}"

    records, distance = logit_records(model, tokenizer.encode(prompts.SAMPLE_TEXT).ids)
    golden.write("sample_logits.txt", [
        "Golden: float32 forward pass of samples/tiny-llama (F16 weights widened to float32) over prompts.SAMPLE_TEXT.",
        generator,
        f"Tolerance: absolute 1e-3. Float32 is at most {distance:.1e} away from float64 here.",
        "Records: tokens <count> <ids, BOS first>; hidden <layer> <position> <first 16 values>, where layer 0 is the",
        "embedding, layer i the output of block i - 1, and the last one has gone through the final norm;",
        "logits <position> <all 2,048 values>.",
    ], records)

    ids = tokenizer.encode(golden.HELD_OUT.read_text(encoding="utf-8")).ids
    golden.write("sample_perplexity.txt", [
        f"Golden: perplexity of samples/tiny-llama over the first {CHUNKS} windows of samples/text/held-out.txt.",
        generator,
        "Protocol: llama.cpp's. Windows of 512 that do not overlap, BOS in the place of each window's first token,",
        "logits at 256..510 scored against the tokens at 257..511: 255 targets a window. Natural logarithms.",
        "Tolerance: relative 1e-5. Records: text_tokens <all tokens of the text, with BOS>; window; bos <id>;",
        "chunk <index> <mean NLL of its 255 targets>; scored_tokens; mean_nll; perplexity.",
    ], golden.perplexity_records(model, ids, CHUNKS, tokenizer.token_to_id("<|begin_of_text|>")))


if __name__ == "__main__":
    main()
