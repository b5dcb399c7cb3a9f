# SPDX-License-Identifier: Apache-2.0
"""What a wrong command line, experiment or file leads to: one message that says where and what, and nothing written."""
import collections
import gzip
import json
import pathlib
import struct
import tempfile
import unittest

import runner

Case = collections.namedtuple("Case", "name content parts")
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
    (["prepare", "e.yaml", "--dry-run=maybe"], ["--dry-run"]),
    (["prepare", "e.yaml", "--run-dir", ""], ["--run-dir", "must not be empty"]),
    (["prepare", "e.yaml", "--deadline", "0"], ["--deadline", "from 1 to 1000000", "'0'"]),
    (["prepare", "e.yaml", "--deadline", "nan"], ["--deadline", "'nan'"]),
    (["--max-hours", "-1", "prepare", "e.yaml"], ["--max-hours", "from 0 to 100000", "'-1'"]),
    (["--max-hours", "soon", "prepare", "e.yaml"], ["--max-hours", "'soon'"]),
    (["-q", "-v", "prepare", "e.yaml"], ["--quiet", "--verbose"]),
    (["validate"], ["experiment file", "--reference"]),
    (["make-world"], ["kind is required"]),
    (["make-world", "moon", "--out", "w"], ["kind", "'toy'"]),
    (["make-world", "toy"], ["--out is required"]),
    (["make-world", "toy", "--out", ""], ["--out", "must not be empty"]),
    (["make-world", "toy", "--out", "w", "--seed", "-1"], ["--seed", "'-1'"]),
    (["make-world", "toy", "--out", "."], ["not empty", "choose another"]),
    (["prepare", "none.yaml"], ["none.yaml", "No such file"]),
    (["validate", "."], ["it is a folder"]),
    (["validate", "p.jsonl"], ["p.jsonl"]),
]

OVERRIDES = [  # value of --set, parts of the message
    ("seed", ["KEY=VALUE"]),
    ("=3", ["empty name"]),
    ("seed=-1", ["seed: expected an integer", "'-1'"]),
    ("seed=1.5", ["seed: expected an integer", "'1.5'"]),
    ("name=../x", ["name: expected", "'../x'"]),
    ("sead=1", ["did you mean 'seed'?"]),
    ("data.pairs[0].format=hhh", ["data.pairs[0].format", "hh, summarize", "'hhh'"]),
    ("data.pairs[7].path=x", ["1 items", "7"]),
    ("data.pairs.path=x", ["'path'", "index"]),
    ("data.pairs=[", ["bracket"]),
    ("data.on_overlap=ignore", ["expected one of fail, drop", "'ignore'"]),
    ("data.shares.train=0.9", ["data.shares", "add up to 1"]),
    ("data.rows_per_file=0", ["from 1 to 1000000", "'0'"]),
    ("data.world.seed=1", ["either `world` or files"]),
]

EXPERIMENTS = [  # name, e.yaml, parts of the message
    Case("empty", "", ["e.yaml", "no settings"]),
    Case("a list", "- name: x\n", ["e.yaml:1", "'key: value'"]),
    Case("open quote", 'name: "x\nseed: 1\n', ["e.yaml", "not valid YAML"]),
    Case("open bracket", "name: x\ndata: {pairs: [\n", ["e.yaml"]),
    Case("tab", "name: x\ndata:\n\tpairs: []\n", ["e.yaml:3"]),
    Case("key twice", "name: x\nseed: 1\nseed: 2\n", ["e.yaml:3", "'seed' stands here twice"]),
    Case("anchor", "name: &n x\n", ["e.yaml:1", "anchors"]),
    Case("tag", "name: !!str x\n", ["e.yaml:1", "tags"]),
    Case("two documents", "name: x\n---\nname: y\n", ["more than one YAML document"]),
    Case("control byte", "name: x\nseed: \x1b[31m1\n", ["e.yaml:2", "control character \\x1b"]),
    Case("not UTF-8", b"name: x\nseed: \xff\n", ["e.yaml:2", "not valid UTF-8"]),
    Case("deep", "name: x\ndata: " + "[" * 80 + "]" * 80 + "\n", ["e.yaml:2", "nested more than 64 deep"]),
    Case("unknown key", "name: x\ndata:\n  pair: []\n", ["e.yaml:3", "data.pair", "did you mean 'pairs'?"]),
    Case("no data", "name: x\n", ["e.yaml:1", "missing required key 'data'"]),
    Case("no name", "data: {world: {}}\n", ["missing required key 'name'"]),
    Case("data is a text", "name: x\ndata: p.jsonl\n", ["e.yaml:2", "'key: value'", "'p.jsonl'"]),
    Case("no files", "name: x\ndata: {}\n", ["e.yaml:2", "`world`", "at least one file"]),
    Case("no path", "name: x\ndata:\n  pairs:\n    - format: hh\n", ["e.yaml:4", "missing required key 'path'"]),
    Case("wrong size", "name: x\ndata: {world: {test_pairs: many}}\n", ["e.yaml:2", "test_pairs", "'many'"]),
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
    ("trl", b'{"prompt": "p" "chosen": 1}', ["not valid JSON"]),
    ("trl", b'{"prompt": "p"} {"prompt": "q"}', ["not valid JSON"]),
    ("trl", b'{"prompt": NaN}', ["not valid JSON"]),
    ("trl", b'["a", "b"]', ["expected a JSON object"]),
    ("trl", b'"text"', ["expected a JSON object"]),
    ("trl", b'{"prompt": "p", "prompt": "q"}', ["\"prompt\" stands twice"]),
    ("trl", b'{"prompt": "\\ud800"}', ["not valid JSON"]),
    ("trl", b'{"prompt": "\xff"}', ["not valid JSON"]),
    ("trl", b'{"prompt": "\xed\xa0\x80"}', ["not valid JSON"]),
    ("trl", b'{"prompt": "\x00"}', ["zero byte"]),
    ("trl", DEEP, ["64 JSON containers"]),
    ("trl", LONG, ["longer than 16.0 MiB"]),
    ("trl", row(prompt="p", rejected="b"), ["'chosen'", "is missing"]),
    ("trl", row(prompt="p", chosen="a"), ["'rejected'", "is missing"]),
    ("trl", row(prompt="p", chosen=1, rejected="b"), ["'chosen'", "a string", "number 1"]),
    ("trl", row(prompt={}, chosen="a", rejected="b"), ["'prompt'"]),
    ("trl", row(prompt="p", chosen="a", rejected=None), ["'rejected'", "null"]),
    ("trl", row(id=1.5, **GOOD), ["'id'", "a string or an integer"]),
    ("trl", row(id="", **GOOD), ["'id'", "must not be empty"]),
    ("trl", row(confidence="high", **GOOD), ["'confidence'", "a number"]),
    ("trl", row(split="dev", **GOOD), ["'split'", "found dev"]),
    ("trl", row(half="third", **GOOD), ["'half'", "labelled or unlabelled"]),
    ("trl", row(prompt=[{"role": "robot", "content": "x"}], chosen="a", rejected="b"), ["prompt[0].role", "robot"]),
    ("trl", row(prompt=[{"role": "user"}], chosen="a", rejected="b"), ["prompt[0].content", "is missing"]),
    ("trl", row(prompt="p", chosen=user("a"), rejected=user("b")), ["'chosen'", "assistant"]),
    ("hh", row(prompt="p", rejected="b"), ["'chosen'", "is missing"]),
    ("hh", row(chosen=[], rejected="b"), ["'chosen'", "a string"]),
    ("summarize", summarize(info=None), ["'info'", "is missing"]),
    ("summarize", summarize(info={"id": "t"}), ["'info.subreddit'", "is missing"]),
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
    """Two lines that are read without complaint, so that the broken one is the third (with a blank line: the fourth)."""
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
    Case("a.txt", b"x", ["a.txt", "unknown kind of file"]),
    Case("a.yaml", b"name: x\n", ["westofn validate"]),
    Case("empty.h5", b"", ["empty.h5"]),
    Case("text.h5", b"not HDF5 at all", ["text.h5"]),
    Case("head.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), ["head.h5"]),
    Case("empty.safetensors", b"", ["empty.safetensors"]),
    Case("short.safetensors", b"\x08\0\0", ["short.safetensors"]),
    Case("huge.safetensors", safetensors({}, length=1 << 62), ["huge.safetensors"]),
    Case("json.safetensors", safetensors(b"{"), ["json.safetensors"]),
    Case("dtype.safetensors", safetensors(tensor(dtype="X9"), bytes(8)), ["dtype.safetensors", "X9"]),
    Case("shape.safetensors", safetensors(tensor(shape=(3,)), bytes(8)), ["shape.safetensors", "w"]),
    Case("cut.safetensors", safetensors(tensor(), bytes(7)), ["cut.safetensors"]),
    Case("more.safetensors", safetensors(tensor(), bytes(9)), ["more.safetensors"]),
    Case("a.json", b'{"a": 1,\n "b"}', ["a.json:2", "not valid JSON"]),
    Case("manifest.json", b"{}", ["manifest.json", "'format'"]),
    Case("a.jsonl", b'{"a": 1}\n\n{"a": }\n', ["a.jsonl:3", "not valid JSON"]),
    Case("b.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 999)[:-9], ["b.jsonl.gz", "cut off"]),
    Case("c.jsonl.gz", gzip.compress(b'{"a": 1}\n')[:-8] + bytes(8), ["c.jsonl.gz", "damaged"]),
]


def tree(folder):
    """Every file and folder below, with the bytes of the files."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in pathlib.Path(folder).rglob("*")}


class Folder(unittest.TestCase):
    """A folder with a good experiment in it, and what every refusal promises."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-command-line-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.experiment(good_rows("trl"))

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def experiment(self, lines, layout="trl", more=""):
        """p.jsonl with these lines, and e.yaml that reads it."""
        self.write("p.jsonl", b"\n".join(lines) + b"\n")
        key, extra = ("pairs", f", format: {layout}") if layout in ("trl", "hh", "summarize", "ultrafeedback") else (layout, "")
        self.write("e.yaml", f"name: x\ndata:\n  {key}: [{{path: p.jsonl{extra}}}]\n{more}")

    def run_here(self, arguments, ranks=0):
        return runner.run(arguments, ranks=ranks, cwd=self.folder)

    def assert_refused(self, done, code, parts):
        self.assertEqual(done.code, code, done)
        self.assertEqual(len(done.errors()), 1, done)
        self.assertEqual(done.stdout, "", "an error leaves the standard output empty")
        self.assertLess(len(done.stderr), 2000, done)
        self.assertTrue(all(c.isprintable() or c == "\n" for c in done.stderr), repr(done.stderr))
        for part in parts:
            self.assertIn(part, done.stderr)

    def assert_refused_before_anything(self, arguments, code, parts):
        before = tree(self.folder)
        self.assert_refused(self.run_here(arguments), code, parts)
        self.assertEqual(tree(self.folder), before, "nothing may be written")

    def written_results(self):
        """What stands in the run folder beside the log, the resolved experiment and empty folders."""
        return [name for name, content in tree(self.folder / "runs" / "x").items()
                if content is not None and name != "experiment.yaml" and not name.startswith("log/")]


class CommandLine(Folder):
    def test_a_wrong_command_line_is_told_in_one_line(self):
        for arguments, parts in USAGE:
            with self.subTest(arguments):
                self.assert_refused_before_anything(arguments, 2, parts)

    def test_a_wrong_override_is_told_with_its_key(self):
        for value, parts in OVERRIDES:
            with self.subTest(value):
                self.assert_refused_before_anything(["validate", "e.yaml", "--set", value], 2, ["--set", *parts]
                                                    if "world" not in value else parts)

    def test_a_wrong_experiment_is_told_with_file_and_line(self):
        for case in EXPERIMENTS:
            with self.subTest(case.name):
                self.write("e.yaml", case.content)
                self.assert_refused_before_anything(["validate", "e.yaml"], 2, case.parts)
                self.assert_refused_before_anything(["prepare", "e.yaml", "--run-dir", "r"], 2, case.parts)

    def test_a_wrong_row_is_told_with_file_line_and_field(self):
        for layout, line, parts in ROWS:
            with self.subTest(layout=layout, line=line[:80]):
                self.experiment([*good_rows(layout), line], layout)
                self.assert_refused(self.run_here(["prepare", "e.yaml"]), 3, ["p.jsonl:3: ", *parts])
                self.assertEqual(self.written_results(), [])

    def test_a_blank_line_counts_as_a_line(self):
        self.experiment([*good_rows("trl"), b"", b"{}"])
        self.assert_refused(self.run_here(["prepare", "e.yaml"]), 3, ["p.jsonl:4: ", "'chosen'"])

    def test_a_file_that_cannot_be_read_is_told_by_name(self):
        for name, content, parts in [("none.jsonl", None, ["no such file"]),
                                     ("cut.jsonl.gz", gzip.compress(row(**GOOD) * 99)[:-9], ["cut off"]),
                                     ("bad.jsonl.gz", gzip.compress(row(**GOOD))[:-8] + bytes(8), ["damaged"])]:
            with self.subTest(name):
                if content is not None:
                    self.write(name, content)
                overrides = ["--set", f"data.pairs[0].path={name}"]
                self.assert_refused(self.run_here(["prepare", "e.yaml", *overrides]), 3, [name, *parts])
                self.assertEqual(self.written_results(), [])
        self.assert_refused(self.run_here(["validate", "e.yaml", "--set", "data.pairs[0].path=none.jsonl"]), 3,
                            ["none.jsonl", "no such file"])

    def test_a_damaged_file_is_refused_by_inspect(self):
        for case in FILES:
            with self.subTest(case.name):
                self.write(case.name, case.content)
                self.assert_refused_before_anything(["inspect", case.name], 3, case.parts)
        for command in ("inspect", "status", "clean"):
            with self.subTest(command):
                self.assert_refused_before_anything([command, "none"], 3, ["none"])
                self.assert_refused_before_anything([command, "."], 3, ["run folder"])

    def test_two_ranks_tell_it_once(self):
        self.experiment([*good_rows("trl"), b"{"])
        for arguments, code, parts in [(["prepar"], 2, ["did you mean"]), (["validate", "none.yaml"], 2, ["none.yaml"]),
                                       (["prepare", "none.yaml"], 2, ["none.yaml"]),
                                       (["prepare", "e.yaml", "--set", "seed=x"], 2, ["seed", "'x'"]),
                                       (["prepare", "e.yaml"], 3, ["p.jsonl:3: "]),
                                       (["prepare", "e.yaml", "--set", "data.rows_per_file=2"], 3, ["p.jsonl:3: "])]:
            with self.subTest(arguments):
                self.assert_refused(self.run_here(arguments, ranks=2), code, parts)
        self.assertEqual(self.written_results(), [])

    def test_help_is_for_everyone_and_printed_once(self):
        commands = ("prepare", "make-world", "validate", "inspect", "status", "clean", "doctor")
        done = self.run_here(["--help"], ranks=2)
        self.assertEqual((done.code, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("Usage:"), 1)
        for name in (*commands, "--quiet", "--verbose", "--deadline", "--max-hours", "--version", "Exit codes"):
            self.assertIn(name, done.stdout)
        for command in commands:
            done = self.run_here([command, "--help"])
            self.assertEqual((done.code, done.stderr), (0, ""))
            for text in (f"Usage: westofn {command}", "-q", "-v", "--deadline SECONDS", "--max-hours HOURS"):
                self.assertIn(text, done.stdout)
        self.assertIn("rows_per_file", self.run_here(["validate", "--reference"]).stdout)
        self.assertRegex(self.run_here(["--version"]).stdout, r"^westofn \d+\.\d+\.\d+")

    def test_options_may_stand_on_either_side_of_the_command(self):
        for arguments in (["-q", "validate", "e.yaml"], ["validate", "e.yaml", "-q"], ["validate", "-q", "e.yaml"],
                          ["validate", "-q", "--set", "seed=3", "--set", "name=y", "e.yaml"]):
            with self.subTest(arguments):
                done = self.run_here(arguments)
                self.assertEqual((done.code, done.stderr), (0, ""), done)
                self.assertIn("name: ", done.stdout)
        self.assertIn("e.yaml is valid", self.run_here(["validate", "e.yaml"]).stderr)

    def test_clean_removes_a_stage_that_never_finished_only_when_told_to(self):
        self.experiment([*good_rows("trl"), b"{"])
        self.assertEqual(self.run_here(["prepare", "e.yaml"]).code, 3)
        stage = next((self.folder / "runs" / "x").glob("prepare-*"))
        self.assertIn("not finished", self.run_here(["status", "runs/x"]).stdout)
        self.assertIn("not complete", self.run_here(["inspect", f"runs/x/{stage.name}/"]).stdout)
        listed = self.run_here(["clean", "runs/x"])
        self.assertIn(stage.name, listed.stdout)
        self.assertIn("--yes", listed.stderr)
        self.assertTrue(stage.exists())
        self.assertEqual(self.run_here(["clean", "runs/x", "--yes"]).code, 0)
        self.assertFalse(stage.exists())
        self.assertIn("nothing to remove", self.run_here(["clean", "runs/x"]).stderr)

    def test_a_damaged_stage_is_not_taken_for_whole(self):
        self.assertEqual(self.run_here(["prepare", "e.yaml", "-q"]).code, 0)
        stage = next((self.folder / "runs" / "x").glob("prepare-*"))
        self.assertIn("all files have the size and hash", self.run_here(["inspect", stage]).stdout)
        for name in ("manifest.json", "pairs-00000.h5"):
            whole = (stage / name).read_bytes()
            middle = len(whole) // 2
            for bad in (whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]):
                with self.subTest(name=name, bytes=len(bad)):
                    (stage / name).write_bytes(bad)
                    self.assert_refused(self.run_here(["inspect", stage]), 3, [f"{stage}/{name}"])
            (stage / name).write_bytes(whole)


class Choices(Folder):
    """What the experiment lets the user choose where the data are not perfect."""

    def balance(self):
        return json.loads(next((self.folder / "runs" / "x").glob("prepare-*/balance.json")).read_text())["files"]

    def two_files(self, more=""):
        """The same prompt in a training file and in a test file."""
        self.write("train.jsonl", row(id="a", **GOOD) + b"\n" + row(id="b", prompt="q", chosen="a", rejected="b") + b"\n")
        self.write("test.jsonl", row(id="c", prompt="p", chosen="c", rejected="d") + b"\n")
        self.write("e.yaml", "name: x\ndata:\n  pairs:\n    - {path: train.jsonl, split: train}\n"
                   f"    - {{path: test.jsonl, split: test}}\n{more}")

    def test_bad_rows_are_skipped_and_counted_if_wished(self):
        self.experiment([*good_rows("trl"), b"{", LONG, b"[1]", row(prompt="p"), row(**GOOD)], more="  on_bad_record: skip\n")
        for ranks in (0, 2):
            done = self.run_here(["prepare", "e.yaml", "--run-dir", f"runs/{'x' * (ranks + 1)}"], ranks=ranks)
            self.assertEqual(done.code, 0, done)
            for line in (3, 4, 5, 6):
                self.assertEqual(done.stderr.count(f"p.jsonl:{line}: "), 1, done)
        self.assertEqual(self.balance(), [{"file": "p.jsonl", "kind": "pairs", "rows": 7, "kept": 3, "bad_record": 4}])

    def test_skipping_does_not_hide_a_file_that_is_cut_off(self):
        self.write("p.jsonl.gz", gzip.compress(row(**GOOD) * 99)[:-9])
        self.write("e.yaml", "name: x\ndata:\n  pairs: [{path: p.jsonl.gz}]\n  on_bad_record: skip\n")
        self.assert_refused(self.run_here(["prepare", "e.yaml"]), 3, ["p.jsonl.gz", "cut off"])

    def test_an_overlap_is_told_with_both_rows(self):
        self.two_files()
        self.assert_refused(self.run_here(["prepare", "e.yaml"]), 3,
                            ["train.jsonl:1 (id 'a')", "test.jsonl:1 (id 'c')", "data.on_overlap: drop"])
        self.assertEqual(self.written_results(), [])

    def test_an_overlap_is_dropped_from_training_if_wished(self):
        self.two_files("  on_overlap: drop\n")
        done = self.run_here(["prepare", "e.yaml"])
        self.assertEqual(done.code, 0, done)
        self.assertEqual([(f["kept"], f.get("overlap", 0)) for f in self.balance()], [(1, 1), (1, 0)])

    def test_an_id_that_is_used_twice_is_told_with_both_rows(self):
        self.experiment([row(id=1, **GOOD), row(id="1", prompt="q", chosen="a", rejected="b")])
        self.assert_refused(self.run_here(["prepare", "e.yaml"]), 3, ["p.jsonl:2 (id '1')", "p.jsonl:1 (id '1')", "unique"])
        self.assertEqual(self.written_results(), [])

    def test_a_row_that_stands_twice_is_a_duplicate(self):
        self.experiment([row(id=1, **GOOD), row(id=1, **GOOD)])
        self.assertEqual(self.run_here(["prepare", "e.yaml"]).code, 0)
        self.assertEqual(self.balance(), [{"file": "p.jsonl", "kind": "pairs", "rows": 2, "kept": 1, "duplicate": 1}])


if __name__ == "__main__":
    unittest.main(verbosity=2)
