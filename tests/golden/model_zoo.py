# SPDX-License-Identifier: Apache-2.0
"""Small T5 folders of every kind that is published, with random weights that are far from uniform.

make(name, folder) writes the folder of KINDS[name]: config.json, safetensors, spiece.model and reward_head.safetensors.
The weights come from numpy's frozen generator and depend on the kind only, so that golden files can be held against
them: logits have a standard deviation of 2 to 4, attention looks at few places, the end token is likely now and then.
"""
import dataclasses
import functools
import gzip
import json
import pathlib
import tempfile

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from sentencepiece import sentencepiece_model_pb2
from transformers import T5Config, T5ForConditionalGeneration

HERE = pathlib.Path(__file__).resolve().parent
PIECES = 1000  # with <pad>, </s>, <unk>; 100 sentinels follow
END = 1
SMALL = dict(vocab_size=PIECES + 100, d_model=48, d_kv=16, d_ff=96, num_layers=2, num_heads=3,
             relative_attention_num_buckets=32, relative_attention_max_distance=128, dropout_rate=0.0,
             decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
GATED = {"feed_forward_proj": "gated-gelu"}
OLD_KEYS = ("feed_forward_proj", "num_decoder_layers", "relative_attention_max_distance", "tie_word_embeddings",
            "scale_decoder_outputs")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way to publish a T5."""
    seed: int                   # one that spreads pair probabilities over 0.05 to 0.95
    changes: dict               # of SMALL
    tied: bool                  # the head is the embedding, and the output is scaled
    written: dict               # keys of config.json as they are published
    dropped: tuple = ()         # keys of config.json that are not there
    dtype: torch.dtype = torch.float32
    files: int = 1
    pieces: int = PIECES        # of the tokenizer
    gain: float = 1             # of what blocks add; deep models with much of it blow rounding up


KINDS = {
    # The first T5: relu, tied, scaled; its config has no key that came later.
    "v1_0": Kind(5, {"feed_forward_proj": "relu"}, True, {}, OLD_KEYS),
    # v1.1: gated, untied, the vocabulary padded.
    "v1_1": Kind(14, GATED | {"vocab_size": 1152}, False,
                 {"tie_word_embeddings": False, "scale_decoder_outputs": False}),
    # FLAN and the LM-adapted ones: as they are on the hub, where nothing but tie_word_embeddings tells of the scale.
    "flan": Kind(12, GATED | {"vocab_size": 1128}, False, {"tie_word_embeddings": False, "n_positions": 512,
                                                         "output_past": True}, ("scale_decoder_outputs",)),
    # As transformers 5 saves an untied model: called tied, with a head of its own in the file.
    "transformers_5": Kind(23, GATED, False, {"tie_word_embeddings": True, "scale_decoder_outputs": False}),
    # Heads whose width has nothing to do with that of the model, and an odd number of them.
    "odd_heads": Kind(22, GATED | {"d_model": 40, "d_kv": 11, "num_heads": 5, "d_ff": 72}, False,
                      {"tie_word_embeddings": False}),
    # More encoder than decoder; tied, scaled and said so, with few and short buckets.
    "deep_encoder": Kind(2, {"num_layers": 4, "num_decoder_layers": 1, "feed_forward_proj": "relu",
                             "relative_attention_num_buckets": 12, "relative_attention_max_distance": 40}, True,
                         {"tie_word_embeddings": True, "scale_decoder_outputs": True}),
    # More decoder than encoder, another start token.
    "deep_decoder": Kind(6, GATED | {"num_layers": 1, "num_decoder_layers": 4, "decoder_start_token_id": 5}, False,
                         {"tie_word_embeddings": False}),
    "sharded_bfloat16": Kind(2, GATED, False, {"tie_word_embeddings": False}, dtype=torch.bfloat16, files=3),
    "float16": Kind(7, GATED, False, {"tie_word_embeddings": False}, dtype=torch.float16),
    # A shape nearer to real ones.
    "wide": Kind(18, GATED | {"d_model": 128, "d_kv": 64, "num_heads": 4, "d_ff": 256, "num_layers": 4}, False,
                 {"tie_word_embeddings": False}, gain=0.6),
    # So small that the law of its first tokens can be written down.
    "tiny": Kind(53, GATED | {"vocab_size": 40}, False, {"tie_word_embeddings": False}, pieces=40),
}
FULL_SIZE = [name for name in KINDS if name != "tiny"]


def texts():
    """200 real texts {"prompt", "response"} of 1 to about 750 tokens, for all tests.

    Harmless dialogues of Anthropic's HH-RLHF (MIT licence), paragraphs of the Apache licence, article 1 of the
    Universal Declaration of Human Rights in 17 languages, single words and nothing.
    """
    with gzip.open(HERE / "texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@functools.cache
def normalisation():
    """A SentencePiece model with the normalisation of T5 (nmt_nfkc), whose pieces do not matter."""
    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g"]), model_prefix=f"{folder}/any", vocab_size=12, pad_id=0, eos_id=1,
            unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2)
        return pathlib.Path(folder, "any.model").read_bytes()


def tokenizer_bytes(count=PIECES):
    """spiece.model: the first pieces of zoo_vocabulary.tsv, which was trained on texts() by SentencePiece (unigram)."""
    model = sentencepiece_model_pb2.ModelProto.FromString(normalisation())
    types = {0: model.SentencePiece.CONTROL, 1: model.SentencePiece.CONTROL, 2: model.SentencePiece.UNKNOWN}
    del model.pieces[:]
    lines = (HERE / "zoo_vocabulary.tsv").read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:count]):
        piece, score = line.split("\t")
        model.pieces.add(piece=piece, score=float(score), type=types.get(number, model.SentencePiece.NORMAL))
    model.trainer_spec.vocab_size = count
    return model.SerializeToString(deterministic=True)


def spread(name, shape, config, tied, gain):
    """Standard deviation of a weight matrix, so that every stage passes on what it reads (T5 does not scale q k)."""
    fan_in = shape[1]
    if name == "shared.weight":
        return 1.0
    if "relative_attention_bias" in name:
        return 1.0
    if name.endswith((".q.weight", ".k.weight")):
        return (1.5 / config.d_kv ** 0.5) ** 0.5 / fan_in ** 0.5
    if name.endswith(".o.weight"):
        return gain * (4.0 if "EncDec" in name else 2.0) / fan_in ** 0.5
    if name.endswith(".wo.weight"):
        return gain * (4.0 if config.is_gated_act else 2.0) / fan_in ** 0.5
    if name == "lm_head.weight":
        return 2.6 / fan_in ** 0.5
    return 1.0 / fan_in ** 0.5


def build(kind):
    """The model in float32."""
    config = T5Config(**(SMALL | kind.changes), tie_word_embeddings=kind.tied)
    model = T5ForConditionalGeneration(config).eval()
    if not kind.tied:
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
    random = np.random.RandomState(kind.seed)
    with torch.no_grad():
        for name, value in sorted(model.named_parameters()):
            if value.dim() == 1:
                numbers = random.uniform(0.5, 1.5, value.shape)
                if kind.tied and name == "decoder.final_layer_norm.weight":
                    numbers *= 2.6
            else:
                numbers = random.standard_normal(value.shape) * spread(name, value.shape, config, kind.tied, kind.gain)
            if name == ("shared.weight" if kind.tied else "lm_head.weight"):
                numbers[END] *= 2.5
            value.copy_(torch.from_numpy(numbers))
    return model


def write_weights(folder, weights, files):
    """One file, or several with an index, as transformers names them."""
    names = sorted(weights)
    if files == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    where = {}
    for part in range(files):
        file = f"model-{part + 1:05}-of-{files:05}.safetensors"
        save_file({name: weights[name] for name in names[part::files]}, folder / file, metadata={"format": "pt"})
        where.update(dict.fromkeys(names[part::files], file))
    size = sum(value.numel() * value.element_size() for value in weights.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))


def make(name, folder):
    """Writes the folder; returns it."""
    kind, folder = KINDS[name], pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = build(kind)
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text()) | kind.written
    config["architectures"] = ["T5ForConditionalGeneration"]
    config["dtype"] = str(kind.dtype).removeprefix("torch.")
    for key in kind.dropped:
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    weights = {key: value.detach().to(kind.dtype).contiguous() for key, value in model.named_parameters()}
    write_weights(folder, weights, kind.files)
    (folder / "spiece.model").write_bytes(tokenizer_bytes(kind.pieces))
    random = np.random.RandomState(100 + kind.seed)
    head = {"weight": torch.from_numpy(random.standard_normal((1, model.config.d_model)).astype(np.float32)),
            "bias": torch.tensor([0.25])}
    save_file(head, folder / "reward_head.safetensors", metadata={"format": "pt"})
    return folder
