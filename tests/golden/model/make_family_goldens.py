#!/usr/bin/env python3
"""Writes families/: one tiny random model a family, as transformers saves it and as a GGUF file with llama.cpp's names
and order of rows, and families.txt: their perplexity in float32 by transformers.

    python tests/golden/model/make_family_goldens.py

Norms, biases and weights are drawn wide enough for a missing or misplaced one to change the score by far more than the
tests allow. Weights are stored as F16, which float32 holds exactly.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM)

import golden

FOLDER = golden.FOLDER / "families"
CHUNKS = 2
TOKENS = 300
# A little more than the tokenizer has, as Qwen's models do.
VOCABULARY = 304
COMMON = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 1024, "rms_norm_eps": 1e-6,
    "bos_token_id": None, "eos_token_id": 0, "pad_token_id": None, "attn_implementation": "eager",
}
# Keys and values are 32 wide in all: the least that layouts pack into 32-bit words.
FAMILIES = {
    "qwen2": (Qwen2Config(**COMMON, num_key_value_heads=4, tie_word_embeddings=True), Qwen2ForCausalLM, "qwen2"),
    "qwen3": (Qwen3Config(**COMMON, num_key_value_heads=2, head_dim=16, tie_word_embeddings=False), Qwen3ForCausalLM,
              "qwen3"),
    "llama_bias": (LlamaConfig(**COMMON, num_key_value_heads=2, head_dim=16, attention_bias=True, mlp_bias=True,
                               tie_word_embeddings=False), LlamaForCausalLM, "llama"),
}


def make_tokenizer() -> Tokenizer:
    """Byte-level BPE with Qwen's pattern, trained on the calibration text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(golden.QWEN2_PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=TOKENS, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train([str(golden.ROOT / "samples" / "text" / "calibration.txt")], trainer)
    return tokenizer


@torch.no_grad()
def draw(model: PreTrainedModel, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name:
            value.copy_(1 + 0.25 * noise)
        elif name.endswith(".bias"):
            value.copy_(0.5 * noise)
        else:
            value.copy_(0.2 * noise)


def save(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def pairs(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a head from Hugging Face's order (i, i + d/2 turn together) to that of llama's GGUF files (2i, 2i + 1)."""
    dim = values.shape[0] // heads
    split = values.reshape(heads, 2, dim // 2, *values.shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(values.shape))


def write_gguf(model: PreTrainedModel, tokenizer: Tokenizer, architecture: str, path: Path) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    content = json.loads(tokenizer.to_str())
    tokens = {id_: text for text, id_ in tokenizer.get_vocab().items()}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([tokens.get(i, f"[PAD{i}]") for i in range(VOCABULARY)])
    writer.add_token_types([gguf.TokenType.CONTROL if i == 0 else gguf.TokenType.NORMAL if i in tokens
                            else gguf.TokenType.UNUSED for i in range(VOCABULARY)])
    writer.add_token_merges([" ".join(merge) for merge in content["model"]["merges"]])
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    names = gguf.get_tensor_name_map({"qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3,
                                      "llama": gguf.MODEL_ARCH.LLAMA}[architecture], config.num_hidden_layers)
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = value.float().numpy()
        if architecture == "llama" and ".q_proj." in name:
            values = pairs(values, config.num_attention_heads)
        if architecture == "llama" and ".k_proj." in name:
            values = pairs(values, config.num_key_value_heads)
        values = values.astype(np.float16) if values.ndim == 2 else values
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    tokenizer = make_tokenizer()
    ids = tokenizer.encode(golden.HELD_OUT.read_text(encoding="utf-8")).ids[:CHUNKS * golden.WINDOW]
    records: list[str] = []
    for seed, (name, (config, kind, architecture)) in enumerate(FAMILIES.items()):
        draft = kind(config)
        draw(draft, seed)
        save(draft, tokenizer, FOLDER / name)
        model = kind.from_pretrained(FOLDER / name, dtype=torch.float32).eval()
        write_gguf(model, tokenizer, architecture, FOLDER / f"{name}.gguf")
        records.append(golden.record("model", [name]))
        records.extend(golden.perplexity_records(model, ids, CHUNKS, None))
        print(name, records[-1])
    golden.write("families.txt", [
        "Golden: perplexity of the tiny random models in families/, float32.",
        f"Generator: make_family_goldens.py; {golden.versions('torch', 'transformers', 'tokenizers', 'gguf')}",
        f"Text: the first {CHUNKS} x {golden.WINDOW} tokens of samples/text/held-out.txt.",
        "Records: see golden.py; a model's follow its name. Tolerance of mean_nll: 1e-6.",
    ], records)


if __name__ == "__main__":
    main()
