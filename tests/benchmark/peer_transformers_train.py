# SPDX-License-Identifier: Apache-2.0
"""Worker: Bradley-Terry training with Hugging Face transformers and torch: T5, one decoder step, a linear head on the
last hidden state. The precision `autocast` is float32 weights with bfloat16 autocast."""
import contextlib

import worker

arguments = worker.parse_training_arguments()

import torch  # noqa: E402  (after the number of threads is set)
import transformers  # noqa: E402
from transformers.optimization import Adafactor  # noqa: E402

from torch_batch import padded  # noqa: E402

# What was found to be the fastest on one core; SDPA is slower in training, and 4 pairs at once are no faster than 2.
ATTENTION = "eager"
MICRO_BATCH = {"float32": 1, "autocast": 2}
CLIP_NORM = 1.0


class Subject:
    def __init__(self, work):
        transformers.logging.set_verbosity_error()
        torch.set_num_threads(arguments.threads)
        self.rows = work["rows"]
        self.model = transformers.T5Model.from_pretrained(
            arguments.model, dtype=torch.float32, attn_implementation=ATTENTION, dropout_rate=0.0).train()
        self.head = torch.nn.Linear(self.model.config.d_model, 1)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([work["head"]]))
            self.head.bias.zero_()
        self.parameters = [*self.model.parameters(), *self.head.parameters()]
        self.optimizer = self.make_optimizer()

    def make_optimizer(self):
        rate = arguments.learning_rate
        if arguments.optimizer == "adamw":
            return torch.optim.AdamW(self.parameters, lr=rate, weight_decay=0.0, fused=True)
        return Adafactor(self.parameters, lr=rate, scale_parameter=True, relative_step=False, warmup_init=False)

    def precision(self):
        return (torch.autocast("cpu", torch.bfloat16) if arguments.dtype == "autocast" else contextlib.nullcontext())

    def rewards(self, rows):
        start = torch.full((len(rows), 1), self.model.config.decoder_start_token_id)
        with self.precision():
            states = self.model(**padded(rows), decoder_input_ids=start, use_cache=False).last_hidden_state[:, 0]
        return self.head(states.float())[:, 0]

    def step(self, rows):
        """One optimizer step; `rows` are chosen, rejected, chosen, ... Returns its mean loss."""
        pairs, at_once, total = len(rows) // 2, arguments.micro_batch or MICRO_BATCH[arguments.dtype], 0.0
        for first in range(0, pairs, at_once):
            part = rows[2 * first:2 * (first + at_once)]
            chosen, rejected = self.rewards(part[::2] + part[1::2]).chunk(2)
            loss = -torch.nn.functional.logsigmoid(chosen - rejected).sum() / pairs
            loss.backward()
            total += loss.item()
        if arguments.optimizer == "adamw":
            torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def run(self, steps=None):
        size = 2 * arguments.pairs
        batches = [self.rows[start:start + size] for start in range(0, len(self.rows), size)]
        return {"losses": [self.step(batch) for batch in batches[:steps]]}


subject = Subject(worker.read_work(arguments))
worker.serve(lambda: subject.run(1), subject.run)
