# SPDX-License-Identifier: Apache-2.0
"""llama-perplexity's protocol on a Hugging Face folder, through the loader its quantization_config asks for."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, CompressedTensorsConfig

WINDOW = 512


def token_ids(folder: Path, text: str) -> list[int]:
    """The text's tokens; BOS takes the place of each window's first token where the model adds it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text, verbose=False)["input_ids"]
    if ids[0] == tokenizer.bos_token_id:
        for first in range(0, len(ids), WINDOW):
            ids[first] = tokenizer.bos_token_id
    return ids


@torch.no_grad()
def perplexity(model: torch.nn.Module, ids: list[int], windows: int) -> float:
    """Windows that do not overlap; the second half of each is scored."""
    first = WINDOW // 2
    nll: list[float] = []
    for index in range(windows):
        window = torch.tensor([ids[index * WINDOW:(index + 1) * WINDOW]])
        logits = model(input_ids=window).logits[0].float()
        picked = torch.log_softmax(logits[first:-1], dim=-1).gather(1, window[0, first + 1:, None])
        nll += (-picked[:, 0]).tolist()
    return math.exp(sum(nll) / len(nll))


def load(folder: Path, dequantize: bool) -> torch.nn.Module:
    """In float32, so that only the weights differ. `dequantize`: compressed-tensors decompresses while loading."""
    options = {"quantization_config": CompressedTensorsConfig(dequantize=True)} if dequantize else {}
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map="cpu", **options).eval()
    # With bitsandbytes, transformers leaves the embedding as it is stored, whatever dtype was asked for.
    model.get_input_embeddings().float()
    model.get_output_embeddings().float()
    return model


def load_gptq_model(folder: Path) -> torch.nn.Module:
    """GPTQModel itself instead of transformers. Its plain kernel takes float16 only."""
    from gptqmodel import BACKEND, GPTQModel

    return GPTQModel.load(str(folder), device="cpu", dtype=torch.float16, backend=BACKEND.TORCH).model.eval()
