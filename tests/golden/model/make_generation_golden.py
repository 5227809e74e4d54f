#!/usr/bin/env python3
"""Writes sample_generation.txt: what the sample model writes in float32 by transformers, the likeliest token each time.

    python tests/golden/model/make_generation_golden.py
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import golden

PROMPT = "And it came to pass at the end of"
TOKENS = 48


@torch.no_grad()
def main() -> None:
    model = LlamaForCausalLM.from_pretrained(golden.SAMPLE_MODEL, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(golden.SAMPLE_MODEL / "tokenizer.json"))
    prompt = tokenizer.encode(PROMPT).ids
    answer = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=TOKENS,
                            do_sample=False, use_cache=True, output_logits=True, return_dict_in_generate=True)
    written = answer.sequences[0, len(prompt):].tolist()
    gaps = [(top[0] - top[1]).item() for top in (step[0].topk(2).values for step in answer.logits)]
    golden.write("sample_generation.txt", [
        "Golden: greedy decoding of samples/tiny-llama in float32.",
        f"Generator: make_generation_golden.py; {golden.versions('torch', 'transformers', 'tokenizers')}",
        f"The likeliest logit leads by at least {min(gaps):.3f}: float rounding cannot turn a choice.",
        f"Prompt: {PROMPT}",
        "Records: prompt <ids, BOS first>; written <ids>.",
    ], [golden.record("prompt", prompt), golden.record("written", written)])
    print(tokenizer.decode(written))


if __name__ == "__main__":
    main()
