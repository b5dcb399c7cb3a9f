# SPDX-License-Identifier: Apache-2.0
"""Worker: TRL's RewardTrainer with T5ForSequenceClassification, as a user would start it. Its head runs the whole
decoder over the source, so it does more work than one decoder step."""
import math
import os
import tempfile

import worker

arguments = worker.parse_training_arguments()
os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_DISABLED": "true"}

import torch  # noqa: E402  (after the number of threads is set)
import transformers  # noqa: E402
from datasets import Dataset  # noqa: E402
from trl import RewardConfig, RewardTrainer  # noqa: E402

# What was found to be the fastest on one core.
ATTENTION = "eager"
MICRO_BATCH = 2
OPTIMIZERS = {"adamw": "adamw_torch_fused", "adafactor": "adafactor"}
ENDLESS = 1_000_000


class StandStill(transformers.TrainerCallback):
    """Waits between runs, which are of equally many steps; the first step of all is to warm up."""

    def __init__(self, steps):
        self.turns = worker.Turns()
        self.steps = steps
        self.begun = 0

    def on_step_begin(self, *_, **__):
        if self.begun > 0 and (self.begun - 1) % self.steps == 0:
            if self.begun > 1:
                self.turns.answer({})
            if not self.turns.wait():
                raise SystemExit(0)
        self.begun += 1


def make_trainer(rows, output):
    steps = len(rows) // (2 * arguments.pairs)
    at_once = arguments.micro_batch or math.gcd(MICRO_BATCH, arguments.pairs)
    model = transformers.T5ForSequenceClassification.from_pretrained(
        arguments.model, num_labels=1, attn_implementation=ATTENTION, dtype=torch.float32)
    config = RewardConfig(
        output_dir=output, per_device_train_batch_size=at_once, gradient_accumulation_steps=arguments.pairs // at_once,
        max_steps=ENDLESS, learning_rate=arguments.learning_rate, lr_scheduler_type="constant",
        optim=OPTIMIZERS[arguments.optimizer], max_length=max(map(len, rows)), bf16=arguments.dtype == "autocast",
        gradient_checkpointing=False, train_sampling_strategy="sequential", use_cpu=True, logging_strategy="no",
        save_strategy="no", report_to=[], disable_tqdm=True)
    data = Dataset.from_dict({"chosen_ids": rows[::2], "rejected_ids": rows[1::2]})
    return RewardTrainer(model=model, args=config, train_dataset=data, callbacks=[StandStill(steps)],
                         processing_class=transformers.T5Tokenizer.from_pretrained(arguments.model))


transformers.logging.set_verbosity_error()
torch.set_num_threads(arguments.threads)
with tempfile.TemporaryDirectory() as folder:
    make_trainer(worker.read_work(arguments)["rows"], folder).train()
