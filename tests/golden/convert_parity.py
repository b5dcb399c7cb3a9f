# SPDX-License-Identifier: Apache-2.0
"""Pickle folders that analysis/convert_hf.py converts: transformers reads the same logits out of the old and the new
folder, and so do we; what is wrong or dangerous is refused and leaves nothing.

Usage: convert_parity.py T5_LOGITS CONVERT_HF
"""
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(sys.argv[2]).parent))
import convert_hf  # the script under test
from t5_parity import build, check, expected_outputs, inputs

ALIASES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


def write_config(model, folder, **changes):
    folder.mkdir()
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text("{}")
    (folder / "spiece.model").write_bytes(b"pieces")


def whole_state(model):
    """All names that old files have: aliases that share memory, and the bias that nothing uses."""
    state = dict(model.state_dict())
    state.update(dict.fromkeys(ALIASES, state["shared.weight"]))
    state.setdefault("lm_head.weight", state["shared.weight"])
    state[UNUSED] = torch.ones(8, 3)
    return state


def save_tied_single(folder):
    """As t5-small: one file of the oldest format, ReLU, the head tied."""
    model = build(1, feed_forward_proj="relu")
    write_config(model, folder, tie_word_embeddings=True)
    torch.save(whole_state(model), folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return {"shared.weight"}


def save_untied_sharded(folder):
    """As FLAN-T5: gated, a head of its own, three shards with an index."""
    model = build(2, untied_head=True, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    write_config(model, folder, tie_word_embeddings=False)
    state = whole_state(model)
    weight_map = {}
    for number in range(3):
        shard = f"pytorch_model-{number + 1:05}-of-00003.bin"
        part = {name: state[name] for name in sorted(state)[number::3]}
        torch.save(part, folder / shard)
        weight_map.update(dict.fromkeys(part, shard))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return {"shared.weight", "lm_head.weight"}


def convert(script, *arguments):
    return subprocess.run([sys.executable, "-B", script, *map(str, arguments)], capture_output=True, text=True,
                          env=dict(os.environ, HF_HUB_OFFLINE="1"))


def refusal(folder, out):
    """The message that the conversion gives; empty if there is none."""
    try:
        convert_hf.convert(folder, out)
    except convert_hf.ConvertError as error:
        return str(error)
    return ""


def our_outputs(program, folder, source, lengths, target, scratch):
    save_file({"source": source.astype(np.float64), "lengths": lengths.astype(np.float64),
               "target": target.astype(np.float64)}, scratch / "in.safetensors")
    subprocess.run([program, folder, scratch / "in.safetensors", scratch / "out.safetensors"], check=True)
    return load_file(scratch / "out.safetensors")


def stored(folder):
    """Name -> type of all tensors of a folder."""
    types = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                assert name not in types, f"{name} stands in two files"
                types[name] = file.get_tensor(name).dtype
    return types


def check_conversion(program, script, save, scratch):
    old, new = scratch / "old", scratch / "new"
    embeddings = save(old)
    done = convert(script, old, new)
    assert done.returncode == 0 and str(new) in done.stdout, done
    source, lengths, target = inputs()
    target, before = expected_outputs(old, source, lengths, target)
    after = expected_outputs(new, source, lengths, target)[1]
    for key, value in before.items():
        assert np.array_equal(value, after[key]), f"{save.__name__}: {key} changed"
    check(save.__name__, our_outputs(program, new, source, lengths, target, scratch), before, lengths)
    types = stored(new)
    assert {name for name in types if "shared" in name or "embed" in name or "lm_head" in name} == embeddings, types
    assert UNUSED not in types and set(types.values()) == {torch.float32}
    assert sorted(path.name for path in new.iterdir()) == ["config.json", "generation_config.json", "model.safetensors",
                                                          "spiece.model"]
    assert (new / "config.json").read_bytes() == (old / "config.json").read_bytes()

    narrow = scratch / "narrow"
    convert_hf.convert(old, narrow, "bfloat16", shard_bytes=9000)
    shards = sorted(path.name for path in narrow.glob("*.safetensors"))
    assert len(shards) > 1 and shards[0] == f"model-00001-of-{len(shards):05}.safetensors", shards
    assert set(stored(narrow)) == set(types) and set(stored(narrow).values()) == {torch.bfloat16}
    assert json.loads((narrow / "config.json").read_text())["torch_dtype"] == "bfloat16"
    theirs = expected_outputs(narrow, source, lengths, target)[1]
    check(save.__name__ + " narrow", our_outputs(program, narrow, source, lengths, target, scratch), theirs, lengths)

    assert "exists already" in refusal(old, new)
    assert stored(new) == types


class Attack:
    """Code in a pickle: makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def check_refusals(script, scratch):
    good = scratch / "good"
    save_tied_single(good)
    state = torch.load(good / "pytorch_model.bin", weights_only=True)
    victim = scratch / "victim"

    def weights(**changes):
        return lambda folder: torch.save(state | changes, folder / "pytorch_model.bin")

    def attack(folder):
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"shared.weight": Attack(victim)}))

    def change_config(folder):
        (folder / "config.json").write_text('{"model_type": "bart"}')

    cases = [  # what is wrong, how to make it, part of the message
        ("code", attack, "pytorch_model.bin: is damaged, or holds more than tensors"),
        ("cut off", lambda folder: os.truncate(folder / "pytorch_model.bin", 5000), "pytorch_model.bin: is damaged"),
        ("not T5", change_config, "config.json: model_type is 'bart'"),
        ("no config", lambda folder: (folder / "config.json").unlink(), "config.json: there is no such file"),
        ("no weights", lambda folder: (folder / "pytorch_model.bin").unlink(), "has neither pytorch_model.bin nor"),
        ("safetensors", lambda folder: (folder / "model.safetensors").touch(), "has safetensors already"),
        ("alias differs", weights(**{ALIASES[0]: state["shared.weight"] + 1}), ALIASES[0]),
        ("no tensors", weights(step=3), "'step' is not a tensor"),
        ("integers", weights(step=torch.tensor([1])), "torch.int64"),
        ("not finite", weights(**{"decoder.final_layer_norm.weight": torch.full((16,), torch.nan)}), "not finite"),
        ("shard elsewhere", lambda folder: ((folder / "pytorch_model.bin").unlink(), (folder / "pytorch_model.bin.index.json")
         .write_text('{"weight_map": {"a": "../good/pytorch_model.bin"}}')), "not the name of a file"),
    ]
    for name, spoil, part in cases:
        folder, out = scratch / "bad" / "in", scratch / "bad" / "out"
        shutil.copytree(good, folder)
        spoil(folder)
        if name == "code":  # of one case, all that the user sees
            done = convert(script, folder, out)
            assert done.returncode == 3 and part in done.stderr and len(done.stderr.splitlines()) == 1, done
        assert part in refusal(folder, out), (name, refusal(folder, out))
        assert [path.name for path in folder.parent.iterdir()] == ["in"], name
        shutil.rmtree(folder.parent)
    assert not victim.exists(), "code of a pickle was executed"


def main():
    program, script = sys.argv[1:]
    assert "OUT" in convert(script, "--help").stdout
    for save in (save_tied_single, save_untied_sharded):
        with tempfile.TemporaryDirectory() as scratch:
            check_conversion(program, script, save, Path(scratch))
    with tempfile.TemporaryDirectory() as scratch:
        check_refusals(script, Path(scratch))


if __name__ == "__main__":
    main()
