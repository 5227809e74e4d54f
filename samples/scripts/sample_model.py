"""The sample model: its configuration, its bits per character, and its folder in Hugging Face layout."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from train_tokenizer import BOS, BOS_ID, EOS, EOS_ID, VOCABULARY_SIZE

MAX_POSITIONS = 1024


def configuration() -> LlamaConfig:
    """2.75 million parameters; six query heads share two key/value heads."""
    return LlamaConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=MAX_POSITIONS,
        rope_theta=10000.0,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        attention_dropout=0.0,
    )


@torch.no_grad()
def bits_per_character(model: LlamaForCausalLM, tokenizer: Tokenizer, text: str, stride: int = 512) -> float:
    """Sliding windows of 1,024 tokens in float32: every token after BOS is scored once.

    The first window scores all its tokens, each later one the last `stride`, so a scored token has at least
    1,024 - stride tokens before it (or the whole text so far).
    """
    ids = torch.tensor(tokenizer.encode(text).ids)
    total = 0.0
    scored_to = 1
    for start in range(0, len(ids), stride):
        window = ids[start:start + MAX_POSITIONS]
        if start + len(window) <= scored_to:
            break
        logits = model(window[None, :-1]).logits[0].float()
        losses = torch.nn.functional.cross_entropy(logits, window[1:], reduction="none")
        total += losses[scored_to - start - 1:].double().sum().item()
        scored_to = start + len(window)
    return total / math.log(2) / len(text)


def save_model(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """config.json, model.safetensors in F16 (the tied head is not stored twice), tokenizer files."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.detach().to(torch.float16).contiguous()
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": BOS,
        "eos_token": EOS,
        "clean_up_tokenization_spaces": False,
        "model_max_length": MAX_POSITIONS,
    })
    config = configuration()
    _write_json(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id,
        "head_dim": config.hidden_size // config.num_attention_heads,
        "hidden_act": "silu",
        "hidden_size": config.hidden_size,
        "initializer_range": config.initializer_range,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": config.num_key_value_heads,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "use_cache": True,
        "vocab_size": config.vocab_size,
    })


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
