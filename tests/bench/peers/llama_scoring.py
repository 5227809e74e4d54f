"""llama-perplexity's protocol through llama-cpp-python: windows that do not overlap, the second half of each scored."""

from __future__ import annotations

import ctypes
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import llama_cpp as lc
import numpy as np


@dataclass
class Scores:
    """What scoring gave; the softmax over the logits is not in the times."""

    nll: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)

    @property
    def perplexity(self) -> float:
        return math.exp(sum(self.nll) / len(self.nll))


class LlamaModel:
    """A GGUF file opened by llama.cpp on the processor alone, with logits for the positions that are scored."""

    def __init__(self, path: Path, window: int = 512) -> None:
        self._silence = lc.llama_log_callback(lambda level, text, data: None)
        lc.llama_log_set(self._silence, ctypes.c_void_p(0))
        lc.llama_backend_init()
        parameters = lc.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self._model = lc.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise RuntimeError(f"llama.cpp does not load {path.name}")
        self._vocabulary = lc.llama_model_get_vocab(self._model)
        self.vocabulary_size = lc.llama_vocab_n_tokens(self._vocabulary)
        context = lc.llama_context_default_params()
        context.n_ctx = context.n_batch = context.n_ubatch = window
        context.n_threads = context.n_threads_batch = len(os.sched_getaffinity(0))
        self.window = window
        self._context = lc.llama_init_from_model(self._model, context)

    def close(self) -> None:
        lc.llama_free(self._context)
        lc.llama_model_free(self._model)

    def tokenize(self, text: str) -> list[int]:
        data = text.encode()
        ids = (lc.llama_token * (len(data) + 8))()
        count = lc.llama_tokenize(self._vocabulary, data, len(data), ids, len(ids), True, False)
        return list(ids[:count])

    def adds_bos(self) -> bool:
        return bool(lc.llama_vocab_get_add_bos(self._vocabulary))

    def score(self, ids: list[int], windows: int) -> Scores:
        scores = Scores()
        first = self.window // 2
        batch = lc.llama_batch_init(self.window, 0, 1)
        for index in range(windows):
            window = ids[index * self.window:(index + 1) * self.window]
            batch.n_tokens = self.window
            for position, token in enumerate(window):
                batch.token[position] = token
                batch.pos[position] = position
                batch.n_seq_id[position] = 1
                batch.seq_id[position][0] = 0
                batch.logits[position] = position >= first
            lc.llama_memory_clear(lc.llama_get_memory(self._context), True)
            start, begin = time.perf_counter(), time.process_time()
            if lc.llama_decode(self._context, batch) != 0:
                raise RuntimeError("llama_decode failed")
            lc.llama_synchronize(self._context)
            scores.seconds.append(time.perf_counter() - start)
            scores.processor_seconds.append(time.process_time() - begin)
            rows = np.ctypeslib.as_array(lc.llama_get_logits(self._context),
                                         shape=(self.window - first, self.vocabulary_size))[:-1]
            top = rows.max(axis=1, keepdims=True)
            total = np.log(np.exp(rows - top).sum(axis=1, dtype=np.float64)) + top[:, 0]
            scores.nll += list(total - rows[np.arange(len(rows)), window[first + 1:]])
        lc.llama_batch_free(batch)
        return scores
