# SPDX-License-Identifier: Apache-2.0
"""AQLM and QuIP# by their authors' own code, on the layer of inputs.py: the output errors go to authors.json.

Neither is on PyPI; clone the two repositories at the commits below and pass their folders:

    python authors_code.py AQLM_FOLDER QUIP_SHARP_FOLDER

Both draw at random (k-means starts, signs), so several seeds are run. What they import for the GPU alone is
replaced by empty modules.
"""

import argparse
import contextlib
import importlib
import io
import json
import pathlib
import random
import sys
import types

import numpy as np
import torch

from layer import WT, XT, error

AQLM_COMMIT = "e79a896ed6656fe4ed06193d42d004e7d0bbdbb2"  # Vahe1994/AQLM
QUIP_COMMIT = "1d8f873e9a2a8b86b12bb1064c312c5689b77d98"  # Cornell-RelaxML/quip-sharp
HESSIAN = XT.T @ XT / len(XT)


def aqlm(folder, codebooks, bits, group, seeds=3):
    """The settings of AQLM's README: steps of 100 at 1e-4, until an epoch gains less than 1 %, beam 1."""
    sys.path.insert(0, folder)
    engine_of = importlib.import_module("aq_engine").AQEngine
    args = argparse.Namespace(
        devices=[torch.device("cpu")], out_group_size=1, in_group_size=group, num_codebooks=codebooks,
        nbits_per_codebook=bits, codebook_value_nbits=16, codebook_value_num_groups=1, scale_nbits=0, init_max_iter=100,
        init_max_points_per_centroid=None, lr=1e-4, max_epochs=100, steps_per_epoch=100, relative_mse_tolerance=0.01,
        print_frequency=10**9, beam_size=1)
    errors = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        layer = torch.nn.Linear(WT.shape[1], WT.shape[0], bias=False)
        layer.weight.data = WT.float().clone()
        engine = engine_of(layer)
        engine.add_batch(XT.double())
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            weight = engine.quantize(args=args, verbose=False)
        errors.append(error(weight().detach().double().numpy()))
    return errors


def package(name, folder, **members):
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    vars(module).update(members)
    sys.modules[name] = module
    return module


def quip_modules(folder):
    folder = pathlib.Path(folder) / "lib"
    for name in ("quiptools_cuda", "fast_hadamard_transform"):
        sys.modules[name] = types.ModuleType(name)
    package("glog", "", info=lambda *_: None)
    package("lib", folder)
    utils = package("lib.utils", folder / "utils", clean=lambda: None)
    sys.modules["lib"].utils = utils
    for name in ("math_utils", "matmul_had"):
        own = vars(importlib.import_module(f"lib.utils.{name}"))
        vars(utils).update({k: v for k, v in own.items() if not k.startswith("__") and k != "utils"})
    return importlib.import_module("lib.algo.quip"), importlib.import_module("lib.codebook"), utils


def quip(modules, codebook, tune, seeds=24):
    algorithm, codebooks, utils = modules
    args = argparse.Namespace(
        use_fp64=True, rescale_WH=False, incoh_mode="had", lora_rank=0, quip_tune_iters=tune, no_use_buffered=True,
        lowmem_ldlq=False, resid_scale_override=-1, scale_override=-1, full_svd=False, save_pfx="", sigma_reg2=0.01)
    errors = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        h = utils.regularize_H(HESSIAN.clone().float(), len(HESSIAN), 0.01)
        values, _ = algorithm.quantize(h, WT.float(), 0, codebooks.get_codebook(codebook), args)
        errors.append(error(values.double().numpy()))
    return errors


def main():
    aqlm_folder, quip_folder = sys.argv[1:]
    modules = quip_modules(quip_folder)
    result = {
        "commits": {"aqlm": AQLM_COMMIT, "quip-sharp": QUIP_COMMIT},
        "aqlm": [{"variant": f"aqlm/codebooks={m}/bits={b}/group={g}/beam=16", "errors": aqlm(aqlm_folder, m, b, g)}
                 for m, b, g in ((1, 6, 8), (2, 5, 8), (2, 6, 4))],
        "quip-sharp": [{"variant": f"quip-sharp/bits={bits}/tune={tune}", "errors": quip(modules, name, tune)}
                       for bits, name, tune in ((2, "E8P12", 0), (2, "E8P12", 2), (3, "E8P12RVQ3B", 2),
                                                (4, "E8P12RVQ4B", 2))],
    }
    path = pathlib.Path(__file__).with_name("authors.json")
    path.write_text(json.dumps(result, indent=1) + "\n")
    for entry in result["aqlm"] + result["quip-sharp"]:
        print(entry["variant"], np.mean(entry["errors"]), np.std(entry["errors"]))


if __name__ == "__main__":
    main()
