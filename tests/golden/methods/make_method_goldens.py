# SPDX-License-Identifier: Apache-2.0
"""methods.json: what independent implementations make of the weight and inputs of inputs.py.

hqq, bitsandbytes, torchao and scikit-learn compute what they offer; what exists only as scripts around GPU models
is stated anew from its paper. One file a family: calibrated, storage, pruning, codebooks, learned.
Values are float32, base64. "error" is ||X (W - W^)^T||^2 / tokens.

    pip install -r ../requirements.txt -r requirements.txt
    python make_method_goldens.py
"""

import json
from pathlib import Path

import bitsandbytes
import hqq
import torch
import torchao

import calibrated
import codebooks
import learned
import pruning
import storage
from layer import W, X, coded

if __name__ == "__main__":
    golden = {
        "generator": "make_method_goldens.py",
        "versions": {"torch": torch.__version__.split("+")[0], "hqq": getattr(hqq, "__version__", ""),
                     "bitsandbytes": bitsandbytes.__version__, "torchao": torchao.__version__},
        "inputs": {"weight": coded(W[:2]), "tokens": coded(X[:2])},
        "gptq": calibrated.gptq_cases(),
        "awq": calibrated.awq_cases(),
        "smoothing": calibrated.smoothing_cases(),
        "storage": storage.storage_cases(),
        "pruning": pruning.pruning_cases(),
        "kmeans": codebooks.kmeans_cases(),
        "adaround": learned.adaround_cases(),
        "aqlm": learned.aqlm_cases(),
        "quip": codebooks.quip_cases(),
        "product": codebooks.product_cases(),
    }
    path = Path(__file__).with_name("methods.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")
