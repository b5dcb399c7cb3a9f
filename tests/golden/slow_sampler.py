# SPDX-License-Identifier: Apache-2.0
"""A plain slow sampler: what `westofn generate` has to write, from the logits of transformers and its logits warpers.

Written from the definition of the random numbers and not from the C++ code: Philox 4x32-10 (Salmon et al. 2011) with key =
XXH3-64(purpose, seed, round, prompt id) and counter (sample, position, 0, 0); 53 bits make a uniform number, which inverts
the cumulative distribution, summed in float64 in the order of ids.
"""
import dataclasses
import struct

import numpy as np
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.modeling_outputs import BaseModelOutput

END = 1
MASK_32, MASK_64 = 2**32 - 1, 2**64 - 1
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e"
    "e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d"
    "8a51e04bcdb45931c89f7ec9d9787364")


def xxh3_64(data):
    """XXH3-64 of 17 to 128 bytes, seed 0."""
    assert 17 <= len(data) <= 128

    def mix(at, key):
        low, high = struct.unpack_from("<QQ", data, at)
        key_low, key_high = struct.unpack_from("<QQ", SECRET, key)
        product = (low ^ key_low) * (high ^ key_high)
        return (product ^ (product >> 64)) & MASK_64

    size = len(data)
    total = size * 0x9E3779B185EBCA87
    for i in range((size - 1) // 32, -1, -1):
        total += mix(16 * i, 32 * i) + mix(size - 16 * (i + 1), 32 * i + 16)
    total &= MASK_64
    total ^= total >> 37
    total = total * 0x165667919E3779F9 & MASK_64
    return total ^ (total >> 32)


def philox_key(prompt_id, seed, purpose="sample", round_number=0):
    return xxh3_64(purpose.encode() + b"\0" + struct.pack("<QQ", seed, round_number) + str(prompt_id).encode())


def uniforms(key, samples, position):
    """One number in [0, 1) for every sample."""
    counter = [np.array(samples, dtype=np.uint64), np.full(len(samples), position, dtype=np.uint64),
               np.zeros(len(samples), dtype=np.uint64), np.zeros(len(samples), dtype=np.uint64)]
    keys = [key & MASK_32, key >> 32]
    for _ in range(10):
        one, two = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        low = np.uint64(MASK_32)
        counter = [(two >> np.uint64(32)) ^ counter[1] ^ np.uint64(keys[0]), two & low,
                   (one >> np.uint64(32)) ^ counter[3] ^ np.uint64(keys[1]), one & low]
        keys = [(keys[0] + 0x9E3779B9) & MASK_32, (keys[1] + 0xBB67AE85) & MASK_32]
    bits = (counter[0] << np.uint64(21)) | (counter[1] >> np.uint64(11))
    return bits.astype(np.float64) * 2.0**-53


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of `westofn generate`."""
    n: int = 8
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    max_new_tokens: int = 12
    min_new_tokens: int = 0
    seed: int = 1

    def arguments(self):
        return ["--n", self.n, "--temperature", self.temperature, "--top-k", self.top_k, "--top-p", self.top_p,
                "--max-new-tokens", self.max_new_tokens, "--min-new-tokens", self.min_new_tokens, "--seed", self.seed]


@dataclasses.dataclass
class SlowSample:
    ids: list = dataclasses.field(default_factory=list)
    log_likelihood: float = 0.0
    finished: bool = False
    # (position, token): tokens that a draw would have given had its sums differed by rounding
    close: list = dataclasses.field(default_factory=list)


def probabilities(logits, settings, position):
    """Rows of float64 probabilities: the end token masked, then temperature, top-k and top-p as transformers does it."""
    scores = logits.double().clone()
    if position < settings.min_new_tokens:
        scores[:, END] = -torch.inf
    if settings.temperature == 0:
        return torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).double().numpy()
    scores = TemperatureLogitsWarper(float(settings.temperature))(None, scores)
    if settings.top_k:
        scores = TopKLogitsWarper(min(settings.top_k, scores.shape[-1]))(None, scores)
    if settings.top_p < 1:
        scores = TopPLogitsWarper(settings.top_p)(None, scores)
    return torch.softmax(scores, -1).numpy()


def draw(weights, uniform, rounding=5e-6):
    """(token, tokens that the draw is as good as: those within rounding of the uniform number)."""
    able = np.flatnonzero(weights)
    sums = np.cumsum(weights[able])
    target = uniform * sums[-1]
    low, place, high = np.minimum(
        np.searchsorted(sums, [target - rounding, target, target + rounding], side="right"), len(able) - 1)
    return int(able[place]), [int(able[i]) for i in range(low, high + 1) if i != place]


@torch.no_grad()
def slow_samples(reference, prompt, prompt_id, settings, samples=None, forced=None):
    """The samples (all of settings.n, or the given numbers) of a prompt; `forced` maps a position to the token there."""
    numbers = list(range(settings.n)) if samples is None else list(samples)
    key = philox_key(prompt_id, settings.seed)
    encoded = reference.read(prompt).expand(len(numbers), -1, -1)
    result = [SlowSample() for _ in numbers]
    tokens, cache = torch.full((len(numbers), 1), reference.start), None
    for position in range(settings.max_new_tokens):
        out = reference.model(encoder_outputs=BaseModelOutput(encoded), decoder_input_ids=tokens[:, -1:],
                              past_key_values=cache, use_cache=True)
        cache, logits = out.past_key_values, out.logits[:, -1]
        likelihoods = torch.log_softmax(logits.double(), -1)
        weights = probabilities(logits, settings, position)
        numbers_now = uniforms(key, numbers, position)
        column = torch.zeros((len(numbers), 1), dtype=torch.long)
        for row, sample in enumerate(result):
            if sample.finished:
                continue
            token, others = draw(weights[row], numbers_now[row])
            if forced and position in forced:
                token = forced[position]
            else:
                sample.close += [(position, other) for other in others]
            sample.ids.append(token)
            sample.log_likelihood += likelihoods[row, token].item()
            sample.finished = token == END
            column[row] = token
        tokens = torch.cat([tokens, column], 1)
        if all(sample.finished for sample in result):
            break
    return result


def text_of(reference, ids):
    """The response: end and padding say nothing, ids beyond the sentinels have no text, unknown is as in SentencePiece."""
    known = [token for token in ids if 1 < token < len(reference.tokenizer)]
    return reference.tokenizer.decode(known, skip_special_tokens=False).replace("<unk>", " \u2047 ")
