# SPDX-License-Identifier: Apache-2.0
"""Holds optimizers, clipping, schedules and weight decay groups against torch and transformers: optimizer_parity.py PROGRAM."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration, Trainer
from transformers import optimization
from transformers.optimization import Adafactor

STEPS = 30
SHAPES = {"scalar": (1,), "vector": (17,), "matrix": (12, 5), "cube": (3, 4, 6), "large": (64, 96)}
RATE = 0.01
DEFAULT_ADAM = (0.9, 0.999, 1e-8)
OTHER_ADAM = (0.8, 0.95, 1e-4)
CASES = (("adamw", 0.0, 0.0, DEFAULT_ADAM), ("adamw", 0.1, 0.0, DEFAULT_ADAM), ("adamw", 0.1, 5.0, DEFAULT_ADAM),
         ("adamw", 0.1, 0.0, OTHER_ADAM), ("adafactor", 0.0, 0.0, DEFAULT_ADAM), ("adafactor", 0.1, 0.0, DEFAULT_ADAM),
         ("adafactor", 0.1, 5.0, DEFAULT_ADAM))
SCHEDULES = {"constant": optimization.get_constant_schedule_with_warmup,
             "linear": optimization.get_linear_schedule_with_warmup,
             "inverse_square_root": optimization.get_inverse_sqrt_schedule,
             "cosine": optimization.get_cosine_schedule_with_warmup}


def run(program: str, *arguments) -> list:
    done = subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout.split()


def reference(kind: str, decay: float, clip: float, adam: tuple, weights: dict, gradients: dict) -> dict:
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in weights.items()}
    if kind == "adamw":
        optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=decay, betas=adam[:2], eps=adam[2],
                                      foreach=False)
    else:
        optimizer = Adafactor(parameters.values(), lr=RATE, scale_parameter=True, relative_step=False, warmup_init=False,
                              weight_decay=decay)
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = gradients[name][step].clone()
        if clip > 0:
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), clip, foreach=False)
            assert step > 0 or norm > clip, "clipping is not tested"
        optimizer.step()
    return {name: parameter.detach().double() for name, parameter in parameters.items()}


def largest_difference(program: str, kind: str, decay: float, clip: float, adam: tuple, dtype: torch.dtype) -> float:
    generator = torch.Generator().manual_seed(7)
    weights, gradients = {}, {}
    for index, (name, shape) in enumerate(SHAPES.items()):
        weights[name] = torch.randn(shape, generator=generator, dtype=dtype)
        # With clipping, gradients of one size, whose norm lies now above and now below the limit.
        size = 0.06 if clip > 0 else 10.0 ** (-2 * index)
        gradients[name] = torch.randn((STEPS, *shape), generator=generator, dtype=dtype) * size
    if clip > 0:
        gradients = {name: value * torch.linspace(2, 0.5, STEPS, dtype=dtype).view(-1, *[1] * (value.dim() - 1))
                     for name, value in gradients.items()}
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
        tensors = {f"weights/{name}": value for name, value in weights.items()}
        tensors |= {f"gradients/{name}": value for name, value in gradients.items()}
        save_file(tensors, given)
        run(program, "update", kind, RATE, decay, clip, *adam, given, made)
        ours = load_file(made)
    theirs = reference(kind, decay, clip, adam, weights, gradients)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert not torch.equal(ours[name], weights[name].double()), f"{name} was not changed"
    return max(((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max()).item() for name in ours)


def compare_optimizers(program: str) -> bool:
    failed = False
    for kind, decay, clip, adam in CASES:
        for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
            difference = largest_difference(program, kind, decay, clip, adam, dtype)
            verdict = "ok" if difference <= tolerance else "TOO LARGE"
            failed |= difference > tolerance
            print(f"{kind:9} decay {decay} clip {clip} {dtype}: largest relative difference {difference:.1e} {verdict}")
    return failed


def their_rates(name: str, warmup: int, steps: int) -> list:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=RATE)
    more = {} if name in ("constant", "inverse_square_root") else {"num_training_steps": steps}
    schedule = SCHEDULES[name](optimizer, num_warmup_steps=warmup, **more)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def compare_schedules(program: str) -> bool:
    failed = False
    for name in SCHEDULES:
        largest = 0.0
        for warmup, steps in ((0, 50), (1, 50), (7, 50), (50, 50), (80, 50), (0, 1), (300, 5000)):
            ours = map(float, run(program, "rates", name, RATE, warmup, steps))
            differences = [abs(a - b) / RATE for a, b in zip(ours, their_rates(name, warmup, steps), strict=True)]
            largest = max(largest, *differences)
        failed |= largest > 1e-14
        print(f"{name:20} largest difference of a rate, as a share of the full one: {largest:.1e}")
    return failed


def compare_decay(program: str) -> bool:
    config = dict(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2)
    failed = False
    for more in ({"feed_forward_proj": "relu"}, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}):
        model = T5ForConditionalGeneration(T5Config(**config, **more))
        model.reward_head = torch.nn.Linear(8, 1)
        names = [name for name, _ in model.named_parameters()]
        theirs = Trainer.get_decay_parameter_names(None, model)
        ours = [name for name, decays in zip(names, run(program, "decays", *names), strict=True) if decays == "1"]
        assert 0 < len(ours) < len(names)
        differing = set(ours) ^ (set(theirs) & set(names))
        failed |= bool(differing)
        print(f"{len(ours)} of {len(names)} weights decay, as in transformers but for {sorted(differing)}")
    return failed


def main() -> int:
    program = sys.argv[1]
    return int(any([compare_optimizers(program), compare_schedules(program), compare_decay(program)]))


if __name__ == "__main__":
    sys.exit(main())
