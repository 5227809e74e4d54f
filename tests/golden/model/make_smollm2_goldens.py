#!/usr/bin/env python3
"""Writes smollm2_logits.txt and smollm2_perplexity.txt: the dequantized GGUF model in float32 by transformers.

    python tests/golden/model/make_smollm2_goldens.py
"""

from __future__ import annotations

import torch
from transformers import LlamaForCausalLM

import golden
import prompts
import smollm2

CHUNKS = 4
TOP = 64
FIXED_STEP = 768  # 64 indices spread over the vocabulary of 49,152


@torch.no_grad()
def logit_records(model: LlamaForCausalLM, ids: list[int]) -> list[str]:
    logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    last = len(ids) - 1
    records = [golden.record("tokens", [len(ids), *ids])]
    for position in [0, 1, 16, last // 2, last - 1, last]:
        row = logits[position]
        values, indices = row.topk(TOP)
        top = [item for pair in zip(indices.tolist(), values.tolist()) for item in pair]
        records.append(golden.record("top", [position, *top]))
        records.append(golden.record("every768", [position, *row[::FIXED_STEP].tolist()]))
        records.append(golden.record("logsumexp", [position, row.double().logsumexp(0).item()]))
    return records


@torch.no_grad()
def distance_to_float64(model: LlamaForCausalLM, ids: list[int]) -> float:
    single = model(torch.tensor([ids]), use_cache=False).logits[0].double()
    distance = (single - model.double()(torch.tensor([ids]), use_cache=False).logits[0]).abs().max().item()
    model.float()
    return distance


def main() -> None:
    reader = smollm2.open_reader(golden.GGUF_MODEL)
    tokenizer = smollm2.load_tokenizer(reader)
    model = smollm2.load_model(reader)
    generator = f"Generator: make_smollm2_goldens.py; {golden.versions('torch', 'transformers', 'tokenizers', 'gguf')}"

    ids = tokenizer.encode(prompts.SMOLLM2_TEXT).ids
    distance = distance_to_float64(model, ids)
    golden.write("smollm2_logits.txt", [
        f"Golden: float32 forward pass of {golden.GGUF_MODEL.name}, every tensor dequantized to float32, over",
        "prompts.SMOLLM2_TEXT.",
        generator,
        f"Tolerance: absolute 2e-3. Float32 is at most {distance:.1e} away from float64 here.",
        "Records: tokens <count> <ids, no BOS>; top <position> <index value, 64 times, largest first>;",
        "every768 <position> <logits 0, 768, 1536, ... (64 values)>; logsumexp <position> <over the vocabulary>.",
    ], logit_records(model, ids))

    ids = tokenizer.encode(golden.HELD_OUT.read_text(encoding="utf-8")).ids
    golden.write("smollm2_perplexity.txt", [
        f"Golden: perplexity of {golden.GGUF_MODEL.name}, every tensor dequantized to float32, over the first",
        f"{CHUNKS} windows of samples/text/held-out.txt.",
        generator,
        "Protocol: llama.cpp's. Windows of 512 that do not overlap, no BOS, logits at 256..510 scored against the",
        "tokens at 257..511: 255 targets a window. Natural logarithms.",
        "Tolerance: relative 1e-5. Records: text_tokens <all tokens of the text>; window; bos none;",
        "chunk <index> <mean NLL of its 255 targets>; scored_tokens; mean_nll; perplexity.",
    ], golden.perplexity_records(model, ids, CHUNKS, None))


if __name__ == "__main__":
    main()
