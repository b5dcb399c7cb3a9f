# SPDX-License-Identifier: Apache-2.0
"""Turns a Hugging Face T5 folder that has only pickle weights (pytorch_model.bin, or shards with
pytorch_model.bin.index.json) into a new folder with safetensors, which westofn reads.

The pickle files are opened with torch.load(weights_only=True), which builds tensors and executes no code of the file.
Numbers are kept as they are unless --dtype says otherwise. The other names of the embedding and a bias that T5 never
used are left out; a head is kept unless it is the embedding itself and config.json calls it tied.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import warnings
import zipfile

import torch
from safetensors.torch import save_file

SINGLE, INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
SHARD_BYTES = 5_000_000_000
EMBEDDING, HEAD = "shared.weight", "lm_head.weight"
ALIASES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
COPIED = ("generation_config.json", "spiece.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class ConvertError(Exception):
    """A message for the user."""


def read_json(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConvertError(f"{path}: there is no such file; name the folder of a T5 model") from None
    except (OSError, ValueError) as error:
        raise ConvertError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConvertError(f"{path}: is not a JSON object")
    return value


def read_config(folder):
    config = read_json(folder / "config.json")
    if config.get("model_type") != "t5":
        raise ConvertError(f"{folder}/config.json: model_type is {config.get('model_type')!r}; only T5 folders are converted")
    return config


def list_pickles(folder):
    """The pickle files of the folder, in order of name."""
    if (folder / "model.safetensors").exists() or (folder / "model.safetensors.index.json").exists():
        raise ConvertError(f"{folder}: has safetensors already; westofn opens it as it is")
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    if not (folder / INDEX).exists():
        raise ConvertError(f"{folder}: has neither {SINGLE} nor {INDEX}")
    weight_map = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ConvertError(f"{folder / INDEX}: has no weight_map")
    for name in weight_map.values():
        if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\\" in name:
            raise ConvertError(f"{folder / INDEX}: {name!r} is not the name of a file in this folder")
    return [folder / name for name in sorted(set(weight_map.values()))]


def open_pickle(path):
    """Name -> tensor; the numbers stay in the file until they are used, if it is not of the oldest format."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except FileNotFoundError:
        raise ConvertError(f"{path}: there is no such file; the folder is not whole") from None
    except OSError:
        raise
    except Exception:  # damage shows as many kinds of errors
        # What torch says of them includes the advice to let the file run its code.
        raise ConvertError(f"{path}: is damaged, or holds more than tensors and is not opened, since it could run "
                           "code; download it again, or have its owner save the weights alone") from None
    if not isinstance(state, dict) or not state:
        raise ConvertError(f"{path}: does not hold tensors by name")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise ConvertError(f"{path}: {name!r} is not a tensor; give the weights alone, as save_pretrained writes them")
        if tensor.dtype not in (*DTYPES.values(), torch.float64):
            raise ConvertError(f"{path}: tensor {name!r} is of type {tensor.dtype}, not a float of 16, 32 or 64 bits")
    return state


def find_embedding(states, folder):
    """The embedding; the names that T5 has for it must agree."""
    found = [(name, state[name]) for name in (EMBEDDING, *ALIASES) for state in states if name in state]
    if not found:
        raise ConvertError(f"{folder}: the weights have no {EMBEDDING}; this is no T5 with encoder and decoder")
    for name, other in found[1:]:
        if not torch.equal(found[0][1], other):
            raise ConvertError(f"{folder}: {name} differs from {found[0][0]}, but both are the embedding")
    return found[0][1]


def kept_tensors(states, config, folder):
    """The (name, tensor) pairs that the new folder gets, one by one."""
    embedding = find_embedding(states, folder)
    tied = config.get("tie_word_embeddings", True)
    seen = {UNUSED, *ALIASES}
    yield EMBEDDING, embedding
    seen.add(EMBEDDING)
    for state in states:
        for name, tensor in state.items():
            if name == HEAD and tied and torch.equal(tensor, embedding):
                continue
            if name in seen:
                if name not in (UNUSED, EMBEDDING, *ALIASES):
                    raise ConvertError(f"{folder}: tensor {name!r} is in two files")
                continue
            seen.add(name)
            yield name, tensor


def write_weights(tensors, out, dtype, shard_bytes):
    """Files of at most `shard_bytes` (or one tensor), and their index if there are several."""
    parts, part, size, total = [], {}, 0, 0

    def flush():
        path = out / f"part-{len(parts)}.safetensors"
        save_file(part, path, metadata={"format": "pt"})
        parts.append((path, list(part)))

    for name, tensor in tensors:
        # A copy: tensors of one pickle may share memory, which safetensors does not allow.
        tensor = tensor.detach().to(dtype or tensor.dtype).clone(memory_format=torch.contiguous_format)
        if not torch.isfinite(tensor).all():
            raise ConvertError(f"tensor {name!r} has numbers that are not finite as {tensor.dtype}" +
                               ("; try --dtype bfloat16 or none" if dtype == torch.float16 else "; the model is damaged"))
        if part and size + tensor.nbytes > shard_bytes:
            flush()
            part, size = {}, 0
        part[name] = tensor
        size, total = size + tensor.nbytes, total + tensor.nbytes
    flush()
    if len(parts) == 1:
        parts[0][0].rename(out / "model.safetensors")
        return
    weight_map = {}
    for number, (path, names) in enumerate(parts, 1):
        shard = f"model-{number:05}-of-{len(parts):05}.safetensors"
        path.rename(out / shard)
        weight_map.update(dict.fromkeys(names, shard))
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def convert(folder, out, dtype=None, shard_bytes=SHARD_BYTES):
    """Writes `out`, which must not exist; it is there only when it is whole."""
    if out.exists() or out.is_symlink():
        raise ConvertError(f"{out}: exists already; choose another folder")
    if not folder.is_dir():
        raise ConvertError(f"{folder}: there is no such folder")
    config = read_config(folder)
    states = [open_pickle(path) for path in list_pickles(folder)]
    work = out.with_name(f".{out.name}.{os.getpid()}")
    work.mkdir(parents=True)
    try:
        write_weights(kept_tensors(states, config, folder), work, DTYPES.get(dtype), shard_bytes)
        if dtype:
            config.pop("dtype", None)
            config["torch_dtype"] = dtype
            (work / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        else:
            shutil.copyfile(folder / "config.json", work / "config.json")
        for name in COPIED:
            if (folder / name).exists():
                shutil.copyfile(folder / name, work / name)
        work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="IN", help="the Hugging Face folder with pytorch_model*.bin")
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="the new folder; must not exist")
    parser.add_argument("--dtype", choices=sorted(DTYPES), help="convert the numbers (default: as they are)")
    parser.add_argument("--shard-bytes", type=int, default=SHARD_BYTES, metavar="N",
                        help="files are cut at so many bytes (default: 5 GB)")
    options = parser.parse_args()
    if options.shard_bytes < 1:
        parser.error("--shard-bytes must be positive")
    try:
        convert(options.folder, options.out, options.dtype, options.shard_bytes)
    except ConvertError as error:
        print(f"convert_hf: error: {error}", file=sys.stderr)
        sys.exit(3)
    except OSError as error:
        print(f"convert_hf: error: {error.filename or options.out}: {error.strerror or error}", file=sys.stderr)
        sys.exit(4)
    print(f"{options.out}: written; `westofn inspect {options.out}` describes it")
    if not (options.out / "spiece.model").exists():
        print(f"{options.folder} has no spiece.model: copy that of its T5 into {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
