#!/usr/bin/env python3
"""Trains the sample language model of samples/tiny-llama.

    python samples/scripts/train_sample_model.py [--steps 2600] [--work build/sample-model]

Needs the Debian packages bible-kjv, bible-kjv-text and miscfiles and the Python packages of
tests/golden/requirements.txt. A checkpoint is written to the work folder every few hundred steps; a run that finds one
goes on from there. The context grows with the training (256, then 512, then 1,024 tokens; 2,048 tokens a step always),
because short windows are cheaper and the model must know every position it is evaluated at.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import corpus
from sample_model import bits_per_character, configuration, save_model
from train_tokenizer import BOS_ID, EOS_ID, train_tokenizer

SAMPLES = Path(__file__).resolve().parent.parent
SEED = 1611
PEAK_LEARNING_RATE = 2.5e-3
FINAL_LEARNING_RATE = 5e-5
WARM_UP_STEPS = 100
WEIGHT_DECAY = 0.1

# (share of the steps at which the phase ends, sequences a batch, tokens a sequence)
PHASES = [(0.70, 8, 256), (0.90, 4, 512), (1.00, 2, 1024)]


def token_stream(tokenizer: Tokenizer, documents: list[str]) -> torch.Tensor:
    """All documents, each between BOS and EOS, in one line."""
    ids: list[int] = []
    for encoding in tokenizer.encode_batch(documents):
        ids.extend(encoding.ids)
        ids.append(EOS_ID)
    return torch.tensor(ids)


def learning_rate(step: int, steps: int) -> float:
    if step < WARM_UP_STEPS:
        return PEAK_LEARNING_RATE * (step + 1) / WARM_UP_STEPS
    progress = (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)
    return FINAL_LEARNING_RATE + (PEAK_LEARNING_RATE - FINAL_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * progress))


def batch(stream: torch.Tensor, step: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random windows, chosen by the step alone. In half of them BOS takes the first place, as evaluation does it."""
    _, rows, length = next(phase for phase in PHASES if step < phase[0] * steps)
    generator = torch.Generator().manual_seed(SEED * 1_000_003 + step)
    starts = torch.randint(0, len(stream) - length, (rows,), generator=generator)
    windows = stream[starts[:, None] + torch.arange(length + 1)]
    windows[: rows // 2, 0] = BOS_ID
    return windows[:, :-1], windows[:, 1:]


def make_optimizer(model: LlamaForCausalLM) -> torch.optim.AdamW:
    decayed = [value for value in model.parameters() if value.dim() > 1]
    kept = [value for value in model.parameters() if value.dim() == 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=PEAK_LEARNING_RATE, betas=(0.9, 0.98), fused=True)


def train(model: LlamaForCausalLM, stream: torch.Tensor, options: argparse.Namespace) -> None:
    optimizer = make_optimizer(model)
    checkpoint = options.work / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    started = time.monotonic()
    average = math.nan
    for step in range(first, options.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options.steps)
        inputs, targets = batch(stream, step, options.steps)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            logits = model(inputs, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average = loss.item() if math.isnan(average) else 0.98 * average + 0.02 * loss.item()
        if (step + 1) % 50 == 0:
            seconds = time.monotonic() - started
            print(f"step {step + 1}/{options.steps} loss {average:.4f} {seconds:.0f} s", flush=True)
        if (step + 1) % options.checkpoint_every == 0:
            temporary = checkpoint.with_suffix(".new")
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, temporary)
            temporary.replace(checkpoint)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the sample language model.")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true", help="autocast; faster where the processor has bfloat16 products")
    parser.add_argument("--checkpoint-every", type=int, default=250)
    parser.add_argument("--work", type=Path, default=Path("build/sample-model"))
    parser.add_argument("--output", type=Path, default=SAMPLES / "tiny-llama")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)

    documents = corpus.load_corpus()
    held_out = corpus.held_out_text(documents)
    text = SAMPLES / "text"
    text.mkdir(exist_ok=True)
    (text / "held-out.txt").write_text(held_out, encoding="utf-8")
    (text / "calibration.txt").write_text(corpus.calibration_text(documents), encoding="utf-8")

    tokenizer = train_tokenizer(corpus.train_documents(documents))
    stream = token_stream(tokenizer, corpus.train_documents(documents))
    model = LlamaForCausalLM(configuration())
    print(f"{model.num_parameters():,} parameters, {len(stream):,} tokens", flush=True)

    train(model, stream, options)
    save_model(model, tokenizer, options.output)
    saved = LlamaForCausalLM.from_pretrained(options.output, dtype=torch.float32)
    print(f"held-out bits per character {bits_per_character(saved, tokenizer, held_out):.4f}", flush=True)


if __name__ == "__main__":
    main()
