# SPDX-License-Identifier: Apache-2.0
"""The tables of command_line_test.py: wrong command lines, experiments, rows and files, and parts of their messages."""
import gzip
import json
import struct

GOOD = {"prompt": "p", "chosen": "a", "rejected": "b"}
DEEP = b'{"prompt": ' + b"[" * 70 + b"]" * 70 + b"}"
LONG = b'{"prompt": "' + b"x" * (16 << 20) + b'"}'

USAGE = [  # arguments, parts of the message
    ([], ["no command is given", "prepare", "westofn --help"]),
    (["-q"], ["no command is given"]),
    (["prepar"], ["unknown command 'prepar'", "did you mean 'prepare'?"]),
    (["-q", "inspct", "x"], ["unknown command 'inspct'", "did you mean 'inspect'?"]),
    (["\x1b[31mred"], ["unknown command '\\x1b[31mred'"]),
    (["--quite", "doctor"], ["unknown option '--quite'", "did you mean '--quiet'?"]),
    (["prepare"], ["experiment is required", "westofn prepare --help"]),
    (["prepare", "e.yaml", "--run-dirr", "x"], ["unknown option '--run-dirr'", "did you mean '--run-dir'?"]),
    (["prepare", "e.yaml", "other.yaml"], ["other.yaml", "not expected"]),
    (["prepare", "e.yaml", "--set"], ["--set", "KEY=VALUE"]),
    (["prepare", "e.yaml", "--run-dir", ""], ["--run-dir", "must not be empty"]),
    (["prepare", "e.yaml", "--deadline", "0"], ["--deadline", "from 1 to 1000000", "'0'"]),
    (["prepare", "e.yaml", "--deadline", "nan"], ["--deadline", "'nan'"]),
    (["--max-hours", "-1", "prepare", "e.yaml"], ["--max-hours", "from 0 to 100000", "'-1'"]),
    (["-q", "-v", "prepare", "e.yaml"], ["--quiet", "--verbose"]),
    (["validate"], ["experiment file", "--reference"]),
    (["estimate"], ["experiment file", "--model DIR"]),
    (["estimate", "e.yaml"], ["policy", "nothing to estimate"]),
    (["estimate", "e.yaml", "--ranks", "0"], ["--ranks", "from 1 to 1000000", "'0'"]),
    (["estimate", "e.yaml", "--memory", "0"], ["--memory", "above 0", "'0'"]),
    (["estimate", "e.yaml", "--tflops", "nan"], ["--tflops", "above 0", "'nan'"]),
    (["estimate", "e.yaml", "--prompts", "1.5"], ["--prompts", "1.5"]),
    (["estimate", "e.yaml", "--model", "m"], ["--model"]),
    (["estimate", "e.yaml", "--dtype", "bfloat16"], ["--dtype", "--model"]),
    (["estimate", "e.yaml", "--set", "data.pairs[0].path=none.jsonl"], ["--prompts", "--pairs"]),
    (["make-world", "moon", "--out", "w"], ["kind", "'toy'"]),
    (["make-world", "toy", "--out", ""], ["--out", "must not be empty"]),
    (["make-world", "toy", "--out", "w", "--seed", "-1"], ["--seed", "'-1'"]),
    (["make-world", "toy", "--out", "."], ["not empty", "choose another"]),
    (["prepare", "none.yaml"], ["none.yaml", "No such file"]),
    (["validate", "."], ["it is a folder"]),
]

OVERRIDES = [  # value of --set, parts of the message
    ("seed", ["KEY=VALUE"]),
    ("seed=-1", ["seed: expected an integer", "'-1'"]),
    ("name=../x", ["name: expected", "'../x'"]),
    ("sead=1", ["did you mean 'seed'?"]),
    ("data.pairs[0].format=hhh", ["data.pairs[0].format", "hh, summarize", "'hhh'"]),
    ("data.pairs[7].path=x", ["1 items", "7"]),
    ("data.on_overlap=ignore", ["expected one of fail, drop", "'ignore'"]),
    ("data.shares.train=0.9", ["data.shares", "add up to 1"]),
    ("data.rows_per_file=0", ["from 1 to 1000000", "'0'"]),
    ("data.world.seed=1", ["either `world` or files"]),
]

EXPERIMENTS = [  # command, e.yaml, parts of the message
    ("validate", "", ["e.yaml", "no settings"]),
    ("validate", "- name: x\n", ["e.yaml:1", "'key: value'"]),
    ("prepare", 'name: "x\nseed: 1\n', ["e.yaml", "not valid YAML"]),
    ("validate", "name: x\ndata: {pairs: [\n", ["e.yaml"]),
    ("validate", "name: x\ndata:\n\tpairs: []\n", ["e.yaml:3"]),
    ("validate", "name: x\nseed: 1\nseed: 2\n", ["e.yaml:3", "'seed' stands here twice"]),
    ("validate", "name: &n x\n", ["e.yaml:1", "anchors"]),
    ("validate", "name: x\nseed: \x1b[31m1\n", ["e.yaml:2", "control character \\x1b"]),
    ("validate", b"name: x\nseed: \xff\n", ["e.yaml:2", "not valid UTF-8"]),
    ("validate", "name: x\ndata: " + "[" * 80 + "]" * 80 + "\n", ["e.yaml:2", "nested more than 64 deep"]),
    ("prepare", "name: x\ndata:\n  pair: []\n", ["e.yaml:3", "data.pair", "did you mean 'pairs'?"]),
    ("validate", "name: x\n", ["e.yaml:1", "missing required key 'data'"]),
    ("validate", "name: x\ndata: p.jsonl\n", ["e.yaml:2", "'key: value'", "'p.jsonl'"]),
    ("validate", "name: x\ndata: {}\n", ["e.yaml:2", "`world`", "at least one file"]),
    ("validate", "name: x\ndata:\n  pairs:\n    - format: hh\n", ["e.yaml:4", "missing required key 'path'"]),
    ("validate", "name: x\ndata: {world: {test_pairs: many}}\n", ["e.yaml:2", "test_pairs", "'many'"]),
]


def row(**fields):
    return json.dumps(fields).encode()


def summarize(**changed):
    fields = {"info": {"id": "t", "subreddit": "s", "title": "t", "post": "p"}, "choice": 0,
              "summaries": [{"text": "a"}, {"text": "b"}], "split": "train"}
    fields.update(changed)
    return row(**{name: value for name, value in fields.items() if value is not None})


def user(text):
    return [{"role": "user", "content": text}]


ROWS = [  # format of the pairs (or another kind), the third line of the file, parts of the message beside FILE:3
    ("trl", b"{", ["not valid JSON", "column 2"]),
    ("trl", b'{"prompt": "p"} {"prompt": "q"}', ["not valid JSON"]),
    ("trl", b'["a", "b"]', ["expected a JSON object"]),
    ("trl", b'{"prompt": "p", "prompt": "q"}', ["\"prompt\" stands twice"]),
    ("trl", b'{"prompt": "\\ud800"}', ["not valid JSON"]),
    ("trl", b'{"prompt": "\xff"}', ["not valid JSON"]),
    ("trl", b'{"prompt": "\x00"}', ["zero byte"]),
    ("trl", DEEP, ["64 JSON containers"]),
    ("trl", LONG, ["longer than 16.0 MiB"]),
    ("trl", row(prompt="p", rejected="b"), ["'chosen'", "is missing"]),
    ("trl", row(prompt="p", chosen=1, rejected="b"), ["'chosen'", "a string", "number 1"]),
    ("trl", row(id=1.5, **GOOD), ["'id'", "a string or an integer"]),
    ("trl", row(confidence="high", **GOOD), ["'confidence'", "a number"]),
    ("trl", row(split="dev", **GOOD), ["'split'", "found dev"]),
    ("trl", row(prompt=[{"role": "robot", "content": "x"}], chosen="a", rejected="b"), ["prompt[0].role", "robot"]),
    ("trl", row(prompt=[{"role": "user"}], chosen="a", rejected="b"), ["prompt[0].content", "is missing"]),
    ("trl", row(prompt="p", chosen=user("a"), rejected=user("b")), ["'chosen'", "assistant"]),
    ("hh", row(prompt="p", rejected="b"), ["'chosen'", "is missing"]),
    ("hh", row(chosen=[], rejected="b"), ["'chosen'", "a string"]),
    ("summarize", summarize(info=None), ["'info'", "is missing"]),
    ("summarize", summarize(info={"id": "t", "title": "t", "post": "p"}), ["'info.subreddit'", "is missing"]),
    ("summarize", summarize(summaries=[{"text": "a"}]), ["'summaries'", "found 1"]),
    ("summarize", summarize(summaries=[{}, {"text": "b"}]), ["'summaries[0].text'", "is missing"]),
    ("summarize", summarize(choice=None), ["'choice'", "is missing"]),
    ("summarize", summarize(choice=2), ["'choice'", "0 or 1"]),
    ("summarize", summarize(split="dev"), ["'split'", "valid1"]),
    ("ultrafeedback", row(instruction="i", completions={}), ["'completions'", "a list"]),
    ("ultrafeedback", row(instruction="i", completions=[{"response": "a"}]), ["'completions[0].fine-grained_score'"]),
    ("ultrafeedback", row(completions=[{"response": c, "overall_score": s} for c, s in (("a", 1), ("b", 2))]),
     ["'instruction'", "is missing"]),
    ("ultrafeedback", row(score_chosen=1, score_rejected=2, **GOOD), ["'score_chosen'", "below"]),
    ("prompts", row(text="p"), ["'prompt'", "is missing"]),
    ("prompts", row(prompt=7), ["'prompt'"]),
    ("demonstrations", row(prompt="p"), ["'response'", "'completion'"]),
    ("demonstrations", row(prompt="p", response=True), ["'response'", "a string"]),
]


def good_rows(layout):
    """Two lines that are read without complaint, so that the broken one is the third."""
    rows = {"hh": [row(chosen=f"\n\nHuman: q{i}\n\nAssistant: a", rejected=f"\n\nHuman: q{i}\n\nAssistant: b")
                   for i in range(2)],
            "summarize": [summarize(info={"id": str(i), "article": f"a{i}"}) for i in range(2)],
            "prompts": [row(prompt=f"q{i}") for i in range(2)],
            "demonstrations": [row(prompt=f"q{i}", response="r") for i in range(2)]}
    return rows.get(layout, [row(prompt=f"q{i}", chosen="a", rejected="b") for i in range(2)])


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"w": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


FILES = [  # name, bytes, parts of the message
    ("a.txt", b"x", ["a.txt", "unknown kind of file"]),
    ("a.yaml", b"name: x\n", ["westofn validate"]),
    ("empty.h5", b"", []),
    ("text.h5", b"not HDF5 at all", []),
    ("head.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), []),
    ("empty.safetensors", b"", []),
    ("huge.safetensors", safetensors({}, length=1 << 62), []),
    ("json.safetensors", safetensors(b"{"), []),
    ("dtype.safetensors", safetensors(tensor(dtype="X9"), bytes(8)), ["X9"]),
    ("shape.safetensors", safetensors(tensor(shape=(3,)), bytes(8)), ["w"]),
    ("cut.safetensors", safetensors(tensor(), bytes(7)), []),
    ("a.json", b'{"a": 1,\n "b"}', ["a.json:2", "not valid JSON"]),
    ("manifest.json", b"{}", ["manifest.json", "'format'"]),
    ("a.jsonl", b'{"a": 1}\n\n{"a": }\n', ["a.jsonl:3", "not valid JSON"]),
    ("b.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 999)[:-9], ["b.jsonl.gz", "cut off"]),
    ("c.jsonl.gz", gzip.compress(b'{"a": 1}\n')[:-8] + bytes(8), ["c.jsonl.gz", "damaged"]),
]
