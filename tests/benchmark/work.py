# SPDX-License-Identifier: Apache-2.0
"""What is computed: token ids of a case, and how many floating-point operations they need."""
import gzip
import json
import pathlib

import numpy as np

END, FIRST_TEXT_ID, SENTINELS = 1, 3, 200
TEMPLATE = "[CONTEXT] {prompt} [RESPONSE A] {a} [RESPONSE B] {b}"
POINTWISE = "[CONTEXT] {prompt} [RESPONSE] {response}"


def read_config(model):
    return json.loads((pathlib.Path(model) / "config.json").read_text())


def fixed_ids(count, length, vocabulary, seed=1):
    """`count` sequences of exactly `length` random ids, the end token last."""
    ids = np.random.default_rng(seed).integers(FIRST_TEXT_ID, max(vocabulary - SENTINELS, FIRST_TEXT_ID + 1),
                                               size=(count, length))
    ids[:, -1] = END
    return ids.tolist()


def row_texts(row, mode):
    """What a model reads of a row {prompt, a, b} or {prompt, chosen, rejected}: the prompt, the filled template or, in
    training, that of each response."""
    if mode == "generate":
        return [row["prompt"]]
    a, b = (row["a"], row["b"]) if "a" in row else (row["chosen"], row["rejected"])
    if mode == "train":
        return [POINTWISE.format(prompt=row["prompt"], response=response) for response in (a, b)]
    return [TEMPLATE.format(prompt=row["prompt"], a=a, b=b)]


def real_ids(path, model, mode, count, longest):
    """The first `count` texts of a JSONL file as the model's tokenizer sees them, their start cut beyond `longest`."""
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor(model_file=str(pathlib.Path(model) / "spiece.model"))
    opener = gzip.open if str(path).endswith(".gz") else open
    ids = []
    with opener(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            if len(ids) == count:
                break
            if row.strip():
                texts = row_texts(json.loads(row), mode)
                ids += [processor.encode(text)[-(longest - 1):] + [END] for text in texts]
    if len(ids) < count:
        raise ValueError(f"{path} has {len(ids)} texts, {count} are wanted")
    return ids


def content(case, config, ids):
    """What workers read: the ids; in training with a head for the reward, the same for all."""
    if case["mode"] != "train":
        return ids
    head = np.random.default_rng(1).standard_normal(config["d_model"], np.float32) / config["d_model"]**0.5
    return {"head": head.tolist(), "rows": ids}


def layer_widths(config):
    """d_model, inner width of attention, multiply-adds of a feed-forward layer for one token."""
    d, inner = config["d_model"], config["num_heads"] * config["d_kv"]
    gated = config.get("feed_forward_proj", "relu").startswith("gated")
    return d, inner, (3 if gated else 2) * d * config["d_ff"]


def encoder_flops(config, source):
    """The encoder for one source, and keys and values of cross-attention once."""
    d, inner, feed_forward = layer_widths(config)
    layers = config["num_layers"] * (source * (8 * d * inner + 2 * feed_forward) + 4 * source**2 * inner)
    return layers + decoder_layers(config) * 4 * source * d * inner


def step_flops(config, source):
    """One decoder step of one sequence with its logits, without attention to earlier positions."""
    d, inner, feed_forward = layer_widths(config)
    layer = 12 * d * inner + 2 * feed_forward + 4 * source * inner
    return decoder_layers(config) * layer + 2 * d * config["vocab_size"]


def decoder_layers(config):
    return config.get("num_decoder_layers", config["num_layers"])


def generation_flops(config, source, n, new_tokens):
    """Useful work of one prompt, two a multiply-add, the same for every program whatever it really executes."""
    _, inner, _ = layer_widths(config)
    earlier = decoder_layers(config) * 2 * inner * new_tokens * (new_tokens + 1)
    return encoder_flops(config, source) + n * (new_tokens * step_flops(config, source) + earlier)


def scoring_flops(config, source):
    """Useful work of one sequence: the encoder and one decoder step."""
    return encoder_flops(config, source) + step_flops(config, source)


def training_flops(config, source):
    """Useful work of one response of a pair: forward without logits, and twice that backward."""
    return 3 * (scoring_flops(config, source) - 2 * config["d_model"] * config["vocab_size"])


def case_flops(config, case, ids):
    if case["mode"] == "train":
        return sum(training_flops(config, len(row)) for row in ids)
    if case["mode"] == "generate":
        return sum(generation_flops(config, len(row), case["n"], case["new_tokens"]) for row in ids)
    return sum(scoring_flops(config, len(row)) for row in ids)
