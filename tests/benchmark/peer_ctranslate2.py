# SPDX-License-Identifier: Apache-2.0
"""Worker: CTranslate2, with the settings that were found to be its fastest on one core."""
import json
import math
import os
import pathlib

import worker

arguments = worker.parse_arguments()
if " avx512f " in pathlib.Path("/proc/cpuinfo").read_text():
    os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")  # it stays with AVX2 on AMD by itself

import ctranslate2  # noqa: E402  (after the number of threads is set)
import numpy  # noqa: E402

COMPUTE_TYPE = {"float32": "float32", "int8": "int8_float32", "bfloat16": "bfloat16"}
BATCH = {("score", "float32"): 4}  # one at a time elsewhere


class Subject:
    def __init__(self):
        folder = pathlib.Path(arguments.model) / "ct2"
        ctranslate2.set_random_seed(arguments.seed)
        self.batch = arguments.batch or BATCH.get((arguments.mode, arguments.dtype), 1)
        self.vocabulary = json.loads((folder / "shared_vocabulary.json").read_text(encoding="utf-8"))
        self.translator = ctranslate2.Translator(str(folder), device="cpu", inter_threads=1,
                                                 intra_threads=arguments.threads,
                                                 compute_type=COMPUTE_TYPE[arguments.dtype])

    def run(self, work, new_tokens):
        pieces = [[self.vocabulary[token] for token in row] for row in work]
        return self.generate(pieces, new_tokens) if arguments.mode == "generate" else self.score(pieces)

    def translate(self, pieces, **options):
        return self.translator.translate_batch(pieces, max_batch_size=self.batch, batch_type="examples", beam_size=1,
                                               max_input_length=0, return_scores=False, **options)

    def generate(self, pieces, new_tokens):
        results = self.translate(pieces, num_hypotheses=arguments.n, sampling_topk=0, sampling_temperature=0.7,
                                 max_decoding_length=new_tokens, min_decoding_length=new_tokens)
        samples = [tuple(sample) for result in results for sample in result.hypotheses]
        return {"new_tokens": sum(map(len, samples)), "distinct": len(set(samples))}

    def score(self, pieces):
        first, second = arguments.labels
        probabilities = []
        for result in self.translate(pieces, max_decoding_length=1, return_logits_vocab=True):
            logits = numpy.asarray(result.logits[0][0])
            difference = float(logits[first]) - float(logits[second])
            probabilities.append(1 / (1 + math.exp(-difference)))
        return {"probabilities": probabilities}


work, subject = worker.read_work(arguments), Subject()
worker.serve(lambda: subject.run(work[:1], 2), lambda: subject.run(work, arguments.new_tokens))
