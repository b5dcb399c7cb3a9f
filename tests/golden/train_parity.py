# SPDX-License-Identifier: Apache-2.0
"""Holds whole trainings against transformers and torch: train_parity.py TRAIN_PARITY.

Three objectives (cross-entropy of a target, two labels in an order drawn at random, Bradley-Terry), AdamW with and
without weight decay and Adafactor, on a tied and on an untied model; rows of uneven lengths in several micro-batches a
step. After STEPS steps in float64 every weight is that of the reference, on 1 and on 2 ranks; in float32 the loss of
every step is.
"""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from torch import nn
from transformers import T5ForConditionalGeneration, get_scheduler
from transformers.models.t5.modeling_t5 import T5LayerNorm
from transformers.optimization import Adafactor

import model_zoo
from slow_sampler import philox_key, uniforms

STEPS, BATCH, MICRO_BATCH, EXAMPLES, SEED = 50, 7, 3, 20, 5
WEIGHT_TOLERANCE = 1e-9  # of a difference, relative to the largest number of the tensor
LOSS_TOLERANCE = 1e-4
LABELS = (71, 272)
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
# Cancels in the difference of two rewards: its gradient is nothing but rounding, which the optimizers blow up.
WITHOUT_GRADIENT = "reward_head.bias"
SCHEDULES = {"constant": "constant_with_warmup", "inverse_square_root": "inverse_sqrt"}  # ours -> transformers'


@dataclasses.dataclass(frozen=True)
class Case:
    """One training."""
    objective: str
    kind: str  # of model_zoo
    optimizer: str
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    warmup_steps: int = 0
    schedule: str = "constant"
    learning_rate: float = 1e-3

    def name(self):
        decay = "-decay" if self.weight_decay else ""
        return f"{self.objective}-{self.kind}-{self.optimizer}{decay}"

    def settings(self):
        names = ("optimizer", "weight_decay", "clip_norm", "warmup_steps", "schedule", "learning_rate")
        return "".join(f"{name}: {getattr(self, name)}\n" for name in names) + (
            f"steps: {STEPS}\nbatch: {BATCH}\nvalidate_every: {STEPS}\n")


# The first update of AdamW is as large as its rate however small a gradient is, so that rounding decides where the weights
# go. With a warm-up, float32 and float64 stay together.
CASES = [
    Case("sft", "v1_0", "adamw", warmup_steps=8, learning_rate=3e-4),
    Case("sft", "v1_1", "adamw", weight_decay=0.05, clip_norm=1.0, warmup_steps=8, schedule="linear"),
    Case("sft", "v1_1", "adafactor", schedule="inverse_square_root"),
    Case("preference", "v1_0", "adamw", weight_decay=0.05, clip_norm=0.5, schedule="cosine"),
    Case("preference", "v1_1", "adafactor", warmup_steps=8, schedule="linear"),
    Case("reward", "v1_1", "adamw", weight_decay=0.05, clip_norm=1.0, warmup_steps=8, schedule="linear"),
    Case("reward", "v1_0", "adafactor", clip_norm=1.0),
]


def exact_norm(self, states):
    """T5LayerNorm without its step into float32: the same for a model in float32, and exact in float64."""
    variance = states.pow(2).mean(-1, keepdim=True)
    return self.weight * (states * torch.rsqrt(variance + self.variance_epsilon))


def make_rows():
    """Pairs of token lists of uneven lengths, each with the end token."""
    random = np.random.default_rng(3)

    def tokens():
        return [*random.integers(3, model_zoo.PIECES, random.integers(1, 40)).tolist(), 1]

    return [(tokens(), tokens()) for _ in range(EXAMPLES)], random.permutation(EXAMPLES).tolist()


class Reference(nn.Module):
    """The model, its objective and one step."""

    def __init__(self, case, folder, head, dtype):
        super().__init__()
        self.case = case
        self.trained = set()  # names of the weights that the objective uses: all others stay as they were
        self.t5 = T5ForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="eager").train()
        self.reward_head = nn.Linear(len(head), 1).to(dtype)
        with torch.no_grad():
            self.reward_head.weight.copy_(torch.tensor([head], dtype=dtype))
            self.reward_head.bias.zero_()
        self.optimizer = self.make_optimizer()
        self.schedule = get_scheduler(SCHEDULES.get(case.schedule, case.schedule), self.optimizer,
                                      num_warmup_steps=case.warmup_steps, num_training_steps=STEPS)

    def make_optimizer(self):
        decaying = set(transformers.Trainer.get_decay_parameter_names(None, self))
        groups = [{"params": [value for name, value in self.named_parameters() if (name in decaying) == decays],
                   "weight_decay": self.case.weight_decay if decays else 0.0} for decays in (True, False)]
        if self.case.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.case.learning_rate, foreach=False)
        return Adafactor(groups, lr=self.case.learning_rate, scale_parameter=True, relative_step=False,
                         warmup_init=False)

    def decode(self, rows, targets):
        """Logits and last hidden states for targets that the decoder is given."""
        ids, mask = padded(rows)
        start = torch.full((len(rows), 1), self.t5.config.decoder_start_token_id)
        out = self.t5(input_ids=ids, attention_mask=mask, decoder_input_ids=torch.cat([start, targets[:, :-1]], 1),
                      output_hidden_states=True, use_cache=False)
        return out.logits, out.decoder_hidden_states[-1]

    def loss(self, pairs, step, part):
        """Summed over a micro-batch."""
        if self.case.objective == "sft":
            targets, mask = padded([second for _, second in pairs])
            logits, _ = self.decode([first for first, _ in pairs], targets)
            return nn.functional.cross_entropy(logits[mask.bool()], targets[mask.bool()], reduction="sum")
        one_step = torch.zeros(len(pairs), 1, dtype=torch.long)  # its token is never read
        if self.case.objective == "preference":
            flipped = order_flips(step, part, len(pairs))
            rows = [second if flip else first for (first, second), flip in zip(pairs, flipped)]
            logits, _ = self.decode(rows, one_step)
            shown = torch.tensor(flipped, dtype=torch.long)  # the place of the chosen response
            return nn.functional.cross_entropy(logits[:, 0, LABELS], shown, reduction="sum")
        rows = [first for first, _ in pairs] + [second for _, second in pairs]
        _, states = self.decode(rows, one_step.repeat(2, 1))
        chosen, rejected = self.reward_head(states[:, 0]).chunk(2)
        return -nn.functional.logsigmoid(chosen - rejected).sum()

    def step(self, number, batch):
        """One optimizer step; returns the mean loss."""
        weight = sum(len(second) for _, second in batch) if self.case.objective == "sft" else len(batch)
        total = 0.0
        for part, first in enumerate(range(0, len(batch), MICRO_BATCH)):
            loss = self.loss(batch[first:first + MICRO_BATCH], number, part) / weight
            loss.backward()
            total += loss.item()
        if self.case.clip_norm:
            nn.utils.clip_grad_norm_(self.parameters(), self.case.clip_norm, foreach=False)
        self.trained |= {name for name, value in self.named_parameters() if value.grad is not None}
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        return total

    def weights(self):
        """Those that are trained, under their names in our files."""
        return {name.removeprefix("t5."): value.detach().reshape(-1 if name == "reward_head.weight" else value.shape)
                for name, value in self.named_parameters() if name in self.trained}


def padded(rows):
    ids, mask = (torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long) for _ in range(2))
    for place, row in enumerate(rows):
        ids[place, :len(row)] = torch.tensor(row)
        mask[place, :len(row)] = 1
    return ids, mask


def order_flips(step, part, count):
    """Whether each pair of a micro-batch is shown with its chosen response second: the sequence of the Philox stream
    (train, seed, step, number of the micro-batch), one draw a pair."""
    key = philox_key(part, SEED, purpose="train", round_number=step)
    return [bool(uniforms(key, [0], position)[0] < 0.5) for position in range(count)]


class Trainings:
    """The trainings of all cases in a folder, by our trainer and by the reference."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.models = {kind: model_zoo.make(kind, self.folder / kind) for kind in {case.kind for case in CASES}}
        self.rows, self.order = make_rows()
        self.head = (np.random.default_rng(9).standard_normal(model_zoo.SMALL["d_model"]) / 7).tolist()

    def ours(self, dtype, ranks):
        """Name of the case -> the tensors that the program has written."""
        outs = {case.name(): self.folder / f"{case.name()}-{dtype}-{ranks}.safetensors" for case in CASES}
        jobs = [{"name": case.name(), "model": str(self.models[case.kind]), "objective": case.objective,
                 "dtype": dtype, "train": case.settings(), "micro_batch": MICRO_BATCH, "seed": SEED,
                 "rows": self.rows, "order": self.order, "labels": LABELS, "head": self.head,
                 "out": str(outs[case.name()])} for case in CASES]
        path = self.folder / "jobs.json"
        path.write_text(json.dumps(jobs))
        launcher = [MPIEXEC, "-n", str(ranks)] if ranks > 1 else []
        open_mpi = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}
        subprocess.run([*launcher, self.program, path], check=True, env=os.environ | open_mpi)
        return {name: load_file(out) for name, out in outs.items()}

    def train_ours(self):
        """In float64 on 1 and on 2 ranks, and in float32 on 1."""
        return [self.ours("float64", 1), self.ours("float64", 2), self.ours("float32", 1)]

    def reference(self, case, dtype):
        model = Reference(case, self.models[case.kind], self.head, dtype)
        losses = []
        for number in range(STEPS):
            places = [self.order[i % EXAMPLES] for i in range(number * BATCH, (number + 1) * BATCH)]
            losses.append(model.step(number, [self.rows[place] for place in places]))
        return model.weights(), torch.tensor(losses, dtype=torch.float64)


def compare_weights(ours, theirs):
    """The largest difference of all tensors, and the name of its tensor."""
    assert ours.keys() - {"losses"} == theirs.keys(), ours.keys() ^ theirs.keys()
    return max((((ours[name] - value).abs().max() / value.abs().max()).item(), name) for name, value in theirs.items()
               if name != WITHOUT_GRADIENT)


def check(text, difference, tolerance):
    verdict = "ok" if difference <= tolerance else "TOO LARGE"
    print(f"{text}: {difference:.1e} {verdict}", flush=True)
    return difference <= tolerance


def check_case(case, trainings, theirs, ours):
    """Whether one training is that of the reference."""
    (weights, losses), start = theirs, load_file(trainings.models[case.kind] / "model.safetensors")
    moved = max((weights[key] - value).abs().max().item() for key, value in start.items() if key in weights)
    print(f"{case.name()}: loss {losses[0]:.4f} to {losses[-1]:.4f}, weights moved by up to {moved:.3f}")
    results = [moved > 0.01]
    *exact, single = (trained[case.name()] for trained in ours)
    for ranks, trained in zip((1, 2), exact):
        difference, where = compare_weights(trained, weights)
        results.append(check(f"  float64, {ranks} ranks, weights, {where}", difference, WEIGHT_TOLERANCE))
        difference = (trained["losses"] - losses).abs().max().item()
        results.append(check(f"  float64, {ranks} ranks, losses", difference, WEIGHT_TOLERANCE))
    difference = (single["losses"] - losses).abs().max().item()
    return all([*results, check("  float32, losses", difference, LOSS_TOLERANCE)])


def main():
    torch.set_num_threads(1)
    T5LayerNorm.forward = exact_norm
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(1) as beside:
        trainings = Trainings(sys.argv[1], folder)
        ours = beside.submit(trainings.train_ours)
        theirs = [trainings.reference(case, torch.float64) for case in CASES]
        results = [check_case(case, trainings, pair, ours.result()) for case, pair in zip(CASES, theirs)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
