# SPDX-License-Identifier: Apache-2.0
"""Worker: Hugging Face transformers, with the settings that were found to be its fastest on one core."""
import worker

arguments = worker.parse_arguments()

import torch  # noqa: E402  (after the number of threads is set)
import transformers  # noqa: E402

from torch_batch import padded  # noqa: E402

# SDPA is the better attention in float32 and much the worse one in bfloat16; batches of prompts do not help a core.
ATTENTION = {"float32": "sdpa", "bfloat16": "eager"}
BATCH = {("generate", "float32"): 1, ("generate", "bfloat16"): 1, ("score", "float32"): 4, ("score", "bfloat16"): 1}


class Subject:
    def __init__(self):
        transformers.logging.set_verbosity_error()
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(arguments.seed)
        self.batch = arguments.batch or BATCH[arguments.mode, arguments.dtype]
        self.model = transformers.T5ForConditionalGeneration.from_pretrained(
            arguments.model, dtype=getattr(torch, arguments.dtype),
            attn_implementation=ATTENTION[arguments.dtype]).eval()

    def run(self, work, new_tokens):
        with torch.inference_mode():
            return self.generate(work, new_tokens) if arguments.mode == "generate" else self.score(work)

    def generate(self, work, new_tokens):
        written, distinct = 0, set()
        for places in worker.batches(work, self.batch):
            inputs = padded([work[place] for place in places])
            if inputs["attention_mask"] is None:  # generate() would guess one from the ids
                inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
            samples = self.model.generate(**inputs, do_sample=True, temperature=0.7, top_k=0, top_p=1.0,
                                          num_return_sequences=arguments.n, max_new_tokens=new_tokens,
                                          min_new_tokens=new_tokens)[:, 1:]
            written += samples.numel()
            distinct |= {tuple(sample) for sample in samples.tolist()}
        return {"new_tokens": written, "distinct": len(distinct)}

    def score(self, work):
        probabilities = [0.0] * len(work)
        first, second = arguments.labels
        for places in worker.batches(work, self.batch):
            start = torch.full((len(places), 1), self.model.config.decoder_start_token_id)
            logits = self.model(**padded([work[place] for place in places]), decoder_input_ids=start,
                                use_cache=False).logits[:, 0].double()
            for place, value in zip(places, torch.sigmoid(logits[:, first] - logits[:, second]).tolist()):
                probabilities[place] = value
        return {"probabilities": probabilities}


work, subject = worker.read_work(arguments), Subject()
worker.serve(lambda: subject.run(work[:1], 2), lambda: subject.run(work, arguments.new_tokens))
