# SPDX-License-Identifier: Apache-2.0
"""Holds our T5 against transformers: small random models of every kind, saved by either side and opened by the other.

Usage: t5_parity.py T5_LOGITS
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration

SMALL = dict(vocab_size=61, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=3, dropout_rate=0.0,
             relative_attention_num_buckets=8, relative_attention_max_distance=24, decoder_start_token_id=0)


def build(seed, untied_head=False, **changes):
    """A random model; the head differs from the embedding if asked for."""
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(T5Config(**(SMALL | changes))).eval()
    if untied_head:
        model.lm_head.weight = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape))
    with torch.no_grad():  # the start values leave norms at one, and biases too small to matter
        for name, value in model.named_parameters():
            if "layer_norm" in name:
                value.uniform_(0.5, 1.5)
            if "relative_attention_bias" in name:
                value.normal_()
    return model


def save_relu_tied(folder):
    """As the first T5: config without the keys that came later."""
    model = build(1, feed_forward_proj="relu")
    model.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key in ("feed_forward_proj", "num_decoder_layers", "tie_word_embeddings", "scale_decoder_outputs"):
        config.pop(key, None)
    del config["relative_attention_max_distance"]
    path.write_text(json.dumps(config))


def save_gated_untied(folder):
    """As T5 v1.1 and FLAN: the config says that the head is not tied."""
    model = build(2, untied_head=True, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    save_with_head(model, folder, tie_word_embeddings=False)


def save_as_transformers_5(folder):
    """An untied model whose config calls it tied; more decoder than encoder layers, another start token."""
    model = build(3, untied_head=True, feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=3,
                  decoder_start_token_id=5)
    save_with_head(model, folder, tie_word_embeddings=True)


def save_sharded_bfloat16(folder):
    """Several files, two bytes a number, heads wider than the model."""
    model = build(4, feed_forward_proj="gated-gelu", d_kv=11).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").exists()


def save_with_head(model, folder, tie_word_embeddings):
    """save_pretrained may drop a head that it takes for tied, so the weights are written by hand."""
    model.save_pretrained(folder)
    weights = {name: value.detach().contiguous().numpy() for name, value in model.state_dict().items()
               if "embed_tokens" not in name}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    path = folder / "config.json"
    config = json.loads(path.read_text()) | {"tie_word_embeddings": tie_word_embeddings}
    path.write_text(json.dumps(config))


def inputs():
    """Sources and targets of mixed lengths, padded with zeros."""
    generator = np.random.default_rng(7)
    lengths = [3, 40, 1, 17]
    source = np.zeros((4, 40), dtype=np.int64)
    for row, length in enumerate(lengths):
        source[row, :length] = generator.integers(1, 61, length)
    return source, np.array(lengths), generator.integers(1, 61, (4, 30))


def expected_outputs(folder, source, lengths, target):
    model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    target = target.copy()
    target[:, 0] = model.config.decoder_start_token_id
    mask = torch.arange(source.shape[1])[None, :] < torch.tensor(lengths)[:, None]
    with torch.no_grad():
        out = model(input_ids=torch.tensor(source), attention_mask=mask.long(), decoder_input_ids=torch.tensor(target))
    return target, {"encoded": out.encoder_last_hidden_state.numpy(), "logits": out.logits.numpy(),
                    "first_logits": out.logits[:, 0].numpy()}


def check(name, found, expected, lengths):
    for key, value in expected.items():
        rows = range(len(lengths))
        a = np.concatenate([found[key][r, :lengths[r]].ravel() if key == "encoded" else found[key][r].ravel() for r in rows])
        b = np.concatenate([value[r, :lengths[r]].ravel() if key == "encoded" else value[r].ravel() for r in rows])
        error = np.abs(a - b).max() / np.abs(b).max()
        print(f"{name:24} {key:14} largest {np.abs(b).max():8.3f}  relative error {error:.2e}")
        assert error < 1e-4, f"{name}: {key} differs from transformers"


def main():
    program = sys.argv[1]
    source, lengths, target = inputs()
    for save in (save_relu_tied, save_gated_untied, save_as_transformers_5, save_sharded_bfloat16):
        with tempfile.TemporaryDirectory() as scratch:
            folder, again = Path(scratch) / "model", Path(scratch) / "again"
            folder.mkdir()
            again.mkdir()
            save(folder)
            theirs, expected = expected_outputs(folder, source, lengths, target)
            save_file({"source": source.astype(np.float64), "lengths": lengths.astype(np.float64),
                       "target": theirs.astype(np.float64)}, Path(scratch) / "in.safetensors")
            out = Path(scratch) / "out.safetensors"
            subprocess.run([program, folder, Path(scratch) / "in.safetensors", out, again], check=True)
            found = load_file(out)
            check(save.__name__, found, expected, lengths)
            check(save.__name__ + " again", found, expected_outputs(again, source, lengths, target)[1], lengths)


if __name__ == "__main__":
    main()
