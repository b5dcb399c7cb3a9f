# SPDX-License-Identifier: Apache-2.0
"""Makes a random T5 v1.1 folder in Hugging Face format: make_model.py --shape small --out FOLDER

The head is untied and scaled for logits with a standard deviation of about 3, queries and position biases are large
enough for attention that is not flat: sampling then does the work that it does for a trained model. The tokenizer is
trained on made-up words and, for real lengths of real texts, on --text.
"""
import argparse
import gzip
import io
import json
import pathlib

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

SHAPES = {
    "small": dict(d_model=512, d_kv=64, num_heads=6, d_ff=1024, num_layers=8, num_decoder_layers=8, vocab_size=32128),
    "mini": dict(d_model=256, d_kv=64, num_heads=4, d_ff=512, num_layers=4, num_decoder_layers=4, vocab_size=8192),
    "tiny": dict(d_model=32, d_kv=8, num_heads=2, d_ff=48, num_layers=2, num_decoder_layers=2, vocab_size=512),
}
ROOM = 128  # for 100 sentinels, and 28 ids that nothing uses, as in the published models


def make_weights(shape, seed):
    """The tensors under their Hugging Face names."""
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(T5Config(**shape, feed_forward_proj="gated-gelu", dropout_rate=0.0,
                                                tie_word_embeddings=False, decoder_start_token_id=0))
    # transformers 5 ties every T5, so the head is made here.
    head = torch.empty(shape["vocab_size"], shape["d_model"]).normal_(0, 3 / shape["d_model"]**0.5)
    model.lm_head.weight = torch.nn.Parameter(head)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith(".q.weight"):
                value.mul_(4)
            if "relative_attention_bias" in name:
                value.normal_()
    return {name: value.detach().clone() for name, value in model.state_dict().items()
            if not name.endswith("embed_tokens.weight")}


def make_config(shape):
    return shape | dict(
        architectures=["T5ForConditionalGeneration"], model_type="t5", feed_forward_proj="gated-gelu",
        tie_word_embeddings=False, is_encoder_decoder=True, relative_attention_num_buckets=32,
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
