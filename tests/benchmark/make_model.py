# SPDX-License-Identifier: Apache-2.0
"""Makes a random T5 v1.1 folder in Hugging Face format: make_model.py --shape small --out FOLDER

Untied, as v1.1 is; logits have a standard deviation of about 3, and queries and position biases are large enough for
attention that is not flat. The tokenizer is trained on made-up words and, for real lengths of real texts, on --text.
"""
import argparse
import gzip
import io
import itertools
import json
import pathlib

import numpy as np
import sentencepiece
from safetensors.numpy import save_file

SHAPES = {
    "small": dict(d_model=512, d_kv=64, num_heads=6, d_ff=1024, num_layers=8, num_decoder_layers=8, vocab_size=32128),
    "mini": dict(d_model=256, d_kv=64, num_heads=4, d_ff=512, num_layers=4, num_decoder_layers=4, vocab_size=8192),
    "tiny": dict(d_model=32, d_kv=8, num_heads=2, d_ff=48, num_layers=2, num_decoder_layers=2, vocab_size=512),
}
BUCKETS = 32  # of relative positions
LOGIT_SPREAD = 3  # a head as T5 initialises it gives 22, with which every sample is the same
ROOM = 128  # for 100 sentinels, and 28 ids that nothing uses, as in the published models


def weight_shapes(shape):
    """Name -> (shape, standard deviation) of every matrix, deviations as T5 initialises them with queries of four times
    that. Norms are left out: they are one."""
    d, f, inner = shape["d_model"], shape["d_ff"], shape["num_heads"] * shape["d_kv"]
    attention = {"q": ((inner, d), 4 * (d * shape["d_kv"])**-0.5), "k": ((inner, d), d**-0.5),
                 "v": ((inner, d), d**-0.5), "o": ((d, inner), inner**-0.5)}
    feed_forward = {"wi_0": ((f, d), d**-0.5), "wi_1": ((f, d), d**-0.5), "wo": ((d, f), f**-0.5)}
    matrices = {"shared": ((shape["vocab_size"], d), 1), "lm_head": ((shape["vocab_size"], d), LOGIT_SPREAD * d**-0.5)}
    for stack, layers in (("encoder", shape["num_layers"]), ("decoder", shape["num_decoder_layers"])):
        parts = ["SelfAttention", "EncDecAttention", "DenseReluDense"][::1 if stack == "decoder" else 2]
        for layer, (place, part) in itertools.product(range(layers), enumerate(parts)):
            for name, kind in (feed_forward if part == "DenseReluDense" else attention).items():
                matrices[f"{stack}.block.{layer}.layer.{place}.{part}.{name}"] = kind
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"
        matrices[bias] = ((BUCKETS, shape["num_heads"]), 1)
    return matrices


def make_weights(shape, seed):
    """The tensors, float32, under their Hugging Face names."""
    random = np.random.default_rng(seed)
    weights = {f"{name}.weight": random.standard_normal(size, np.float32) * np.float32(deviation)
               for name, (size, deviation) in weight_shapes(shape).items()}
    ones = np.ones(shape["d_model"], np.float32)
    for stack, layers, parts in (("encoder", shape["num_layers"], 2), ("decoder", shape["num_decoder_layers"], 3)):
        for layer, place in itertools.product(range(layers), range(parts)):
            weights[f"{stack}.block.{layer}.layer.{place}.layer_norm.weight"] = ones
        weights[f"{stack}.final_layer_norm.weight"] = ones
    return weights


def make_config(shape):
    return shape | dict(
        architectures=["T5ForConditionalGeneration"], model_type="t5", feed_forward_proj="gated-gelu",
        tie_word_embeddings=False, is_encoder_decoder=True, relative_attention_num_buckets=BUCKETS,
        relative_attention_max_distance=128, layer_norm_epsilon=1e-6, dropout_rate=0.0, initializer_factor=1.0,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, torch_dtype="float32")


def made_up_sentences(words, seed):
    """Lines of pronounceable words, each word at least twice, so that the tokenizer finds enough pieces."""
    random = np.random.default_rng(seed)
    onsets, vowels = list("bcdfghjklmnprstvwz") + ["st", "tr", "pl"], "a e i o u ai ou".split()

    def word():
        return "".join(random.choice(onsets) + random.choice(vowels) for _ in range(random.integers(2, 5)))

    known = np.array([word() for _ in range(words)])
    for _ in range(2):
        for line in random.permutation(known).reshape(-1, 20):
            yield " ".join(line)


def text_lines(paths):
    """The strings of JSONL rows (.jsonl, .jsonl.gz), or the lines of other files."""
    for path in paths:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                texts = json.loads(line).values() if ".jsonl" in path.suffixes else [line]
                yield from (part for text in texts if isinstance(text, str) for part in text.splitlines())


def train_tokenizer(pieces, texts, seed):
    """The bytes of spiece.model."""
    lines = [*text_lines(texts), *made_up_sentences(2 * pieces // 20 * 20, seed)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=pieces, model_type="unigram", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, num_threads=1, num_sub_iterations=1, hard_vocab_limit=False, minloglevel=2)
    return model.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, nargs="*", default=[], help="more text for the tokenizer")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    shape = SHAPES[arguments.shape]
    arguments.out.mkdir(parents=True)
    (arguments.out / "config.json").write_text(json.dumps(make_config(shape), indent=1) + "\n")
    save_file(make_weights(shape, arguments.seed), arguments.out / "model.safetensors", metadata={"format": "pt"})
    pieces = train_tokenizer(shape["vocab_size"] - ROOM, arguments.text, arguments.seed)
    (arguments.out / "spiece.model").write_bytes(pieces)


if __name__ == "__main__":
    main()
