"""SmolLM2-135M-Instruct out of its GGUF file: a `tokenizers` tokenizer and a float32 transformers model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

CONTROL_TOKEN = 3

LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def open_reader(path: Path) -> GGUFReader:
    if not path.exists():
        raise SystemExit(f"{path.name} is missing; run samples/scripts/get-model.sh")
    return GGUFReader(path)


def _value(reader: GGUFReader, key: str) -> object:
    return reader.fields[key].contents()


def load_tokenizer(reader: GGUFReader) -> Tokenizer:
    """Byte-level BPE; the pre-tokenizer `smollm` isolates every digit and then applies GPT-2's pattern."""
    if _value(reader, "tokenizer.ggml.pre") != "smollm" or _value(reader, "tokenizer.ggml.add_bos_token"):
        raise RuntimeError("unexpected tokenizer")
    tokens = _value(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _value(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = _value(reader, "tokenizer.ggml.token_type")
    special = [AddedToken(token, special=True) for token, kind in zip(tokens, kinds) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens(special)
    return tokenizer


def _configuration(reader: GGUFReader) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=_value(reader, "llama.vocab_size"),
        hidden_size=_value(reader, "llama.embedding_length"),
        intermediate_size=_value(reader, "llama.feed_forward_length"),
        num_hidden_layers=_value(reader, "llama.block_count"),
        num_attention_heads=_value(reader, "llama.attention.head_count"),
        num_key_value_heads=_value(reader, "llama.attention.head_count_kv"),
        max_position_embeddings=_value(reader, "llama.context_length"),
        rope_theta=_value(reader, "llama.rope.freq_base"),
        rms_norm_eps=_value(reader, "llama.attention.layer_norm_rms_epsilon"),
        tie_word_embeddings=True,
    )


def _undo_permutation(weight: np.ndarray, heads: int) -> np.ndarray:
    """GGUF stores the rows of a head as (0, d/2, 1, d/2 + 1, ...); transformers wants (0, 1, ...)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _transformers_name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{LAYER_TENSORS[kind]}.weight"


def load_model(reader: GGUFReader) -> LlamaForCausalLM:
    """Every tensor dequantized to float32; the output head is the token embedding."""
    config = _configuration(reader)
    weights: dict[str, torch.Tensor] = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.name.endswith("attn_q.weight"):
            values = _undo_permutation(values, config.num_attention_heads)
        elif tensor.name.endswith("attn_k.weight"):
            values = _undo_permutation(values, config.num_key_value_heads)
        weights[_transformers_name(tensor.name)] = torch.from_numpy(np.array(values))
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model = LlamaForCausalLM(config).to(torch.float32)
    model.load_state_dict(weights, strict=True)
    return model.eval()
