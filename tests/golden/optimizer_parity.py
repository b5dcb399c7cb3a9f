# SPDX-License-Identifier: Apache-2.0
"""Holds the optimizers against torch.optim.AdamW and transformers' Adafactor: optimizer_parity.py PROGRAM."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers.optimization import Adafactor

STEPS = 30
SHAPES = {"scalar": (1,), "vector": (17,), "matrix": (12, 5), "cube": (3, 4, 6), "large": (64, 96)}
RATE = 0.01


def reference(kind: str, decay: float, weights: dict, gradients: dict) -> dict:
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in weights.items()}
    if kind == "adamw":
        optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=decay, foreach=False)
    else:
        optimizer = Adafactor(parameters.values(), lr=RATE, scale_parameter=True, relative_step=False, warmup_init=False)
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = gradients[name][step].clone()
        optimizer.step()
    return {name: parameter.detach().double() for name, parameter in parameters.items()}


def largest_difference(program: str, kind: str, decay: float, dtype: torch.dtype) -> float:
    generator = torch.Generator().manual_seed(7)
    weights, gradients = {}, {}
    for index, (name, shape) in enumerate(SHAPES.items()):
        weights[name] = torch.randn(shape, generator=generator, dtype=dtype)
        gradients[name] = torch.randn((STEPS, *shape), generator=generator, dtype=dtype) * 10.0 ** (-2 * index)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
        tensors = {f"weights/{name}": value for name, value in weights.items()}
        tensors |= {f"gradients/{name}": value for name, value in gradients.items()}
        save_file(tensors, given)
        subprocess.run([program, kind, str(RATE), str(decay), str(given), str(made)], check=True)
        ours = load_file(made)
    theirs = reference(kind, decay, weights, gradients)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert not torch.equal(ours[name], weights[name].double()), f"{name} was not changed"
    return max(((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max()).item() for name in ours)


def main() -> int:
    failed = False
    for kind, decay in (("adamw", 0.0), ("adamw", 0.1), ("adafactor", 0.0)):
        for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
            difference = largest_difference(sys.argv[1], kind, decay, dtype)
            verdict = "ok" if difference <= tolerance else "TOO LARGE"
            failed |= difference > tolerance
            print(f"{kind:9} weight decay {decay} {dtype}: largest relative difference {difference:.1e} {verdict}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
