# SPDX-License-Identifier: Apache-2.0
"""What a wrong command line, experiment or file leads to: one message that says where and what, and nothing written."""
import concurrent.futures
import gzip
import json
import pathlib
import tempfile
import unittest

import runner
from command_line_cases import EXPERIMENTS, FILES, GOOD, LONG, OVERRIDES, ROWS, USAGE, good_rows, row


class Folder:
    """A folder with a good experiment in it."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.experiment(good_rows("trl"))

    def write(self, name, content):
        (self.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def experiment(self, lines, layout="trl", more=""):
        """p.jsonl with these lines, and e.yaml that reads it."""
        self.write("p.jsonl", b"\n".join(lines) + b"\n")
        is_kind = layout in ("prompts", "demonstrations")
        key, extra = (layout, "") if is_kind else ("pairs", f", format: {layout}")
        self.write("e.yaml", f"name: x\ndata:\n  {key}: [{{path: p.jsonl{extra}}}]\n{more}")

    def run(self, *arguments, ranks=0):
        return runner.run(arguments, ranks=ranks, cwd=self.path)

    def tree(self):
        """Every file and folder below, with the bytes of the files."""
        return {str(path.relative_to(self.path)): path.read_bytes() if path.is_file() else None
                for path in self.path.rglob("*")}

    def results(self):
        """The files of the run x beside its log and its resolved experiment."""
        return [name for name, content in self.tree().items() if name.startswith("runs/x/") and content is not None
                and name != "runs/x/experiment.yaml" and not name.startswith("runs/x/log/")]

    def stage(self):
        return next((self.path / "runs" / "x").glob("prepare-*"))

    def balance(self):
        return json.loads((self.stage() / "balance.json").read_text())["files"]


class Case(unittest.TestCase):
    """What every refusal promises."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-command-line-")
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.here = Folder(self.root / "here")

    def check_all(self, cases, check):
        """check(folder, *case) for every case, two at a time, each in a folder of its own."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(lambda i=i, case=case: check(Folder(self.root / str(i)), *case))
                       for i, case in enumerate(cases)]
        for case, future in zip(cases, futures):
            with self.subTest(str(case[:2])[:100]):
                future.result()

    def assert_refused(self, done, code, parts):
        self.assertEqual(done.code, code, done)
        self.assertEqual(len(done.errors()), 1, done)
        self.assertEqual(done.stdout, "", "an error leaves the standard output empty")
        self.assertLess(len(done.stderr), 2000, done)
        self.assertTrue(all(c.isprintable() or c == "\n" for c in done.stderr), repr(done.stderr))
        for part in parts:
            self.assertIn(part, done.stderr)

    def assert_refused_before_anything(self, folder, arguments, code, parts):
        before = folder.tree()
        self.assert_refused(folder.run(*arguments), code, parts)
        self.assertEqual(folder.tree(), before, "nothing may be written")


class CommandLine(Case):
    def test_a_wrong_command_line_is_told_in_one_line(self):
        self.check_all(USAGE, lambda folder, arguments, parts:
                       self.assert_refused_before_anything(folder, arguments, 2, parts))

    def test_a_wrong_override_is_told_with_its_key(self):
        self.check_all(OVERRIDES, lambda folder, value, parts:
                       self.assert_refused_before_anything(folder, ["validate", "e.yaml", "--set", value], 2, parts))

    def test_a_wrong_experiment_is_told_with_file_and_line(self):
        def check(folder, command, content, parts):
            folder.write("e.yaml", content)
            self.assert_refused_before_anything(folder, [command, "e.yaml"], 2, parts)

        self.check_all(EXPERIMENTS, check)

    def test_a_wrong_row_is_told_with_file_line_and_field(self):
        def check(folder, layout, line, parts):
            folder.experiment([*good_rows(layout), line], layout)
            self.assert_refused(folder.run("prepare", "e.yaml"), 3, ["error: p.jsonl:3: ", *parts])
            self.assertEqual(folder.results(), [])

        self.check_all(ROWS, check)

    def test_a_blank_line_counts_as_a_line(self):
        self.here.experiment([*good_rows("trl"), b"", b"{}"])
        self.assert_refused(self.here.run("prepare", "e.yaml"), 3, ["p.jsonl:4: ", "'chosen'"])

    def test_a_file_that_cannot_be_read_is_told_by_name(self):
        for name, content, parts in [("none.jsonl", None, ["no such file"]),
                                     ("cut.jsonl.gz", gzip.compress(row(**GOOD) * 99)[:-9], ["cut off"]),
                                     ("bad.jsonl.gz", gzip.compress(row(**GOOD))[:-8] + bytes(8), ["damaged"])]:
            with self.subTest(name):
                if content is not None:
                    self.here.write(name, content)
                overrides = ["--set", f"data.pairs[0].path={name}"]
                self.assert_refused(self.here.run("prepare", "e.yaml", *overrides), 3, [name, *parts])
                self.assertEqual(self.here.results(), [])
        self.assert_refused(self.here.run("validate", "e.yaml", "--set", "data.pairs[0].path=none.jsonl"), 3,
                            ["none.jsonl", "no such file"])

    def test_a_damaged_file_is_refused_by_inspect(self):
        def check(folder, name, content, parts):
            folder.write(name, content)
            self.assert_refused_before_anything(folder, ["inspect", name], 3, [*parts, name])

        self.check_all(FILES, check)

    def test_what_is_not_a_run_folder_is_left_alone(self):
        (self.root / "here" / "build-0123abcd").mkdir()
        for arguments in (["inspect", "none"], ["status", "none"], ["clean", "none", "--yes"]):
            with self.subTest(arguments):
                self.assert_refused_before_anything(self.here, arguments, 3, ["none"])
        for arguments in (["inspect", "."], ["status", "."], ["clean", ".", "--yes"]):
            with self.subTest(arguments):
                self.assert_refused_before_anything(self.here, arguments, 3, ["run folder"])

    def test_two_ranks_tell_it_once(self):
        self.here.experiment([*good_rows("trl"), b"{"])
        for arguments, code, parts in [(["prepar"], 2, ["did you mean"]), (["validate", "none.yaml"], 2, ["none.yaml"]),
                                       (["prepare", "none.yaml"], 2, ["none.yaml"]),
                                       (["prepare", "e.yaml", "--set", "seed=x"], 2, ["seed", "'x'"]),
                                       (["prepare", "e.yaml"], 3, ["p.jsonl:3: "]),
                                       (["prepare", "e.yaml", "--set", "data.rows_per_file=2"], 3, ["p.jsonl:3: "])]:
            with self.subTest(arguments):
                self.assert_refused(self.here.run(*arguments, ranks=2), code, parts)
        self.assertEqual(self.here.results(), [])

    def test_help_is_for_everyone_and_printed_once(self):
        commands = ("prepare", "make-world", "validate", "inspect", "status", "clean", "doctor")
        done = self.here.run("--help", ranks=2)
        # The launcher may say something of its own there (hwloc, network), the program says nothing.
        self.assertEqual((done.code, [line for line in done.stderr.splitlines() if "westofn" in line]), (0, []), done)
        self.assertEqual(done.stdout.count("Usage:"), 1)
        for name in (*commands, "--quiet", "--verbose", "--deadline", "--max-hours", "--version", "Exit codes"):
            self.assertIn(name, done.stdout)
        for command in commands:
            done = self.here.run(command, "--help")
            self.assertEqual((done.code, done.stderr), (0, ""))
            for text in (f"Usage: westofn {command}", "-q", "-v", "--deadline SECONDS", "--max-hours HOURS"):
                self.assertIn(text, done.stdout)
        self.assertIn("rows_per_file", self.here.run("validate", "--reference").stdout)
        self.assertRegex(self.here.run("--version").stdout, r"^westofn \d+\.\d+\.\d+")

    def test_options_may_stand_on_either_side_of_the_command(self):
        for arguments in (["-q", "validate", "e.yaml"], ["validate", "e.yaml", "-q"], ["validate", "-q", "e.yaml"],
                          ["validate", "-q", "--set", "seed=3", "--set", "name=y", "e.yaml"]):
            with self.subTest(arguments):
                done = self.here.run(*arguments)
                self.assertEqual((done.code, done.stderr), (0, ""), done)
                self.assertIn("name: ", done.stdout)
        self.assertIn("e.yaml is valid", self.here.run("validate", "e.yaml").stderr)

    def test_clean_removes_a_stage_that_never_finished_only_when_told_to(self):
        self.here.experiment([*good_rows("trl"), b"{"])
        self.assertEqual(self.here.run("prepare", "e.yaml").code, 3)
        stage = self.here.stage()
        self.assertIn("not finished", self.here.run("status", "runs/x").stdout)
        self.assertIn("not complete", self.here.run("inspect", f"runs/x/{stage.name}/").stdout)
        listed = self.here.run("clean", "runs/x")
        self.assertIn(stage.name, listed.stdout)
        self.assertIn("--yes", listed.stderr)
        self.assertTrue(stage.exists())
        self.assertEqual(self.here.run("clean", "runs/x", "--yes").code, 0)
        self.assertFalse(stage.exists())
        self.assertIn("nothing to remove", self.here.run("clean", "runs/x").stderr)

    def test_a_damaged_stage_is_not_taken_for_whole(self):
        self.assertEqual(self.here.run("prepare", "e.yaml", "-q").code, 0)
        stage = self.here.stage()
        self.assertIn("all files have the size and hash", self.here.run("inspect", stage).stdout)
        for name in ("manifest.json", "pairs-00000.h5"):
            whole = (stage / name).read_bytes()
            middle = len(whole) // 2
            for bad in (whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]):
                with self.subTest(name=name, bytes=len(bad)):
                    (stage / name).write_bytes(bad)
                    self.assert_refused(self.here.run("inspect", stage), 3, [f"{stage}/{name}"])
            (stage / name).write_bytes(whole)


class Estimates(Case):
    """`estimate` before and after the data are there."""
    MODEL = pathlib.Path(__file__).parents[2] / "configs" / "toy" / "base-model"

    def estimate(self, *options):
        done = self.here.run("estimate", "e.yaml", "--json", *options)
        self.assertEqual((done.code, done.stderr), (0, ""), done)
        return json.loads(done.stdout)

    def test_rows_are_counted_as_prepare_counts_them(self):
        rows = [row(prompt=f"p{i}", chosen=f"a{i}", rejected=f"b{i}") for i in range(90)]
        self.here.experiment([*rows, rows[0]], more=f"policy: {{model: {self.MODEL}}}\n")
        before = self.here.tree()
        files = self.estimate()
        self.assertEqual(self.here.tree(), before, "nothing may be written")
        self.assertEqual(files["data"]["rows_from"], "the input files")
        self.assertEqual(self.here.run("prepare", "e.yaml", "-q").code, 0)
        prepared = self.estimate()
        self.assertIn("prepare-", prepared["data"].pop("rows_from"))
        del files["data"]["rows_from"]
        self.assertEqual(files["data"], prepared["data"])
        counts = json.loads((self.here.stage() / "manifest.json").read_text())["counts"]
        for name in ("unlabelled", "validation", "test"):
            self.assertEqual(prepared["data"]["prompts"][name], counts[f"prompts.{name}"])
        self.assertEqual(prepared["data"]["pairs"]["hf50"], counts["labelled_half"])

    def test_options_change_what_they_say(self):
        self.here.write("e.yaml", f"name: x\ndata: {{world: {{}}}}\npolicy: {{model: {self.MODEL}}}\n")
        one = self.estimate("--tflops", "1", "--memory", "80")
        two = self.estimate("--tflops", "2", "--memory", "0.000001", "--prompts", "1200")
        self.assertEqual(one["data"]["prompts"]["unlabelled"], 600)
        self.assertEqual(two["data"]["prompts"]["unlabelled"], 1200)
        for first, second in zip(one["phases"], two["phases"]):
            if first["name"].startswith("matches"):
                self.assertEqual(second["work"]["operations"], 2 * first["work"]["operations"])
            elif first["name"] == "sft":
                self.assertEqual(second["hours"], first["hours"] / 2)
            if first["memory"]:
                self.assertEqual((first["fits"], second["fits"]), (True, False), first["name"])
        self.assertIsNone(self.estimate()["total"]["hours"])

    def test_a_model_is_enough(self):
        done = self.here.run("estimate", "--model", self.MODEL, "--memory", "1", "--json")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(json.loads(done.stdout)["weights"]["total"], 217088)
        self.assertIn("prompts at once", self.here.run("estimate", "--model", self.MODEL, "--memory", "1").stdout)
        self.assert_refused(self.here.run("estimate", "--model", "none"), 3, ["none/config.json"])


class Choices(Case):
    """What the experiment lets the user choose where the data are not perfect."""

    def two_files(self, more=""):
        """The same prompt in a training file and in a test file."""
        self.here.write("train.jsonl", row(id="a", **GOOD) + b"\n" + row(id="b", **{**GOOD, "prompt": "q"}) + b"\n")
        self.here.write("test.jsonl", row(id="c", prompt="p", chosen="c", rejected="d") + b"\n")
        self.here.write("e.yaml", "name: x\ndata:\n  pairs:\n    - {path: train.jsonl, split: train}\n"
                   f"    - {{path: test.jsonl, split: test}}\n{more}")

    def test_bad_rows_are_skipped_and_counted_if_wished(self):
        self.here.experiment([*good_rows("trl"), b"{", LONG, b"[1]", row(prompt="p"), row(**GOOD)],
                             more="  on_bad_record: skip\n")
        for ranks in (0, 2):
            done = self.here.run("prepare", "e.yaml", "--run-dir", f"runs/{'x' * (ranks + 1)}", ranks=ranks)
            self.assertEqual(done.code, 0, done)
            for line in (3, 4, 5, 6):
                self.assertEqual(done.stderr.count(f"p.jsonl:{line}: "), 1, done)
        self.assertEqual(self.here.balance(),
                         [{"file": "p.jsonl", "kind": "pairs", "rows": 7, "kept": 3, "bad_record": 4}])

    def test_skipping_does_not_hide_a_file_that_is_cut_off(self):
        self.here.write("p.jsonl.gz", gzip.compress(row(**GOOD) * 99)[:-9])
        self.here.write("e.yaml", "name: x\ndata:\n  pairs: [{path: p.jsonl.gz}]\n  on_bad_record: skip\n")
        self.assert_refused(self.here.run("prepare", "e.yaml"), 3, ["p.jsonl.gz", "cut off"])

    def test_an_overlap_is_told_with_both_rows(self):
        self.two_files()
        self.assert_refused(self.here.run("prepare", "e.yaml"), 3,
                            ["train.jsonl:1 (id 'a')", "test.jsonl:1 (id 'c')", "data.on_overlap: drop"])
        self.assertEqual(self.here.results(), [])

    def test_an_overlap_is_dropped_from_training_if_wished(self):
        self.two_files("  on_overlap: drop\n")
        done = self.here.run("prepare", "e.yaml")
        self.assertEqual(done.code, 0, done)
        self.assertEqual([(f["kept"], f.get("overlap", 0)) for f in self.here.balance()], [(1, 1), (1, 0)])

    def test_an_id_that_is_used_twice_is_told_with_both_rows(self):
        self.here.experiment([row(id=1, **GOOD), row(id="1", prompt="q", chosen="a", rejected="b")])
        self.assert_refused(self.here.run("prepare", "e.yaml"), 3,
                            ["p.jsonl:2 (id '1')", "p.jsonl:1 (id '1')", "unique"])
        self.assertEqual(self.here.results(), [])

    def test_a_row_that_stands_twice_is_a_duplicate(self):
        self.here.experiment([row(id=1, **GOOD), row(id=1, **GOOD)])
        self.assertEqual(self.here.run("prepare", "e.yaml").code, 0)
        self.assertEqual(self.here.balance(),
                         [{"file": "p.jsonl", "kind": "pairs", "rows": 2, "kept": 1, "duplicate": 1}])


if __name__ == "__main__":
    unittest.main(verbosity=2)
