# SPDX-License-Identifier: Apache-2.0
"""The benchmark does what it says, on a model of a few kilobytes: no time is judged here.

Usage: benchmark_test.py INFERENCE_BENCHMARK TRAINING_BENCHMARK [unittest arguments]
"""
import contextlib
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import compare
import machine
import programs
import summary
import work

HERE = pathlib.Path(__file__).resolve().parent
WORKER = TRAINER = ""
FOLDER = tempfile.TemporaryDirectory()
MODEL = pathlib.Path(FOLDER.name) / "tiny"


def setUpModule():
    subprocess.run([sys.executable, "-B", str(HERE / "make_model.py"), "--shape", "tiny", "--out", str(MODEL)],
                   check=True, stdout=subprocess.DEVNULL)


def tearDownModule():
    FOLDER.cleanup()


def start(case, ids, program="westofn:float32"):
    path = pathlib.Path(FOLDER.name) / "work.json"
    path.write_text(json.dumps(work.content(case, work.read_config(MODEL), ids)))
    worker = TRAINER if case["mode"] == "train" else WORKER
    return programs.Worker(program, programs.command(program, worker, case, str(path)), os.sched_getaffinity(0), 1)


def case_of(mode, **changes):
    return dict(model=str(MODEL), mode=mode, n=3, new_tokens=5, prompts=2, pairs=4, steps=3, micro_batch=2,
                optimizer="adamw", runs=2, threads=1) | changes


class OurWorker(unittest.TestCase):
    def test_answers_every_go_with_a_run_of_the_work_that_was_asked_for(self):
        with start(case_of("generate"), work.fixed_ids(2, 9, 512)) as worker:
            worker.wait_ready()
            answers = [worker.measure(), worker.measure()]
        for answer in answers:
            self.assertEqual(answer["new_tokens"], 2 * 3 * 5)
            self.assertEqual(answer["distinct"], 2 * 3)
            self.assertGreater(answer["seconds"], 0)
            self.assertGreater(answer["cpu_seconds"], 0)
            self.assertGreaterEqual(answer["peak_rss_mib"], answer["loaded_rss_mib"])
        self.assertEqual(worker.process.returncode, 0)

    def test_scores_every_sequence_in_its_order(self):
        ids = [*work.fixed_ids(2, 9, 512), *work.fixed_ids(1, 4, 512, seed=2)]
        with start(case_of("score"), ids) as worker:
            worker.wait_ready()
            together = worker.measure()["probabilities"]
        with start(case_of("score"), ids[::-1]) as worker:
            worker.wait_ready()
            backwards = worker.measure()["probabilities"]
        self.assertEqual(len(set(together)), 3)
        for a, b in zip(together, backwards[::-1]):
            self.assertAlmostEqual(a, b, places=5)

    def test_that_fails_is_reported_with_its_message(self):
        with start(case_of("generate", model=str(MODEL / "missing")), [[5, 1]]) as worker:
            with self.assertRaisesRegex(programs.WorkerError, "(?s)code 1:.*missing"):
                worker.wait_ready()


class OurTrainer(unittest.TestCase):
    def losses(self, runs=2, program="westofn:float32", **changes):
        """Those of all steps after the first, which nobody sees."""
        case = case_of("train", **changes)
        with start(case, work.fixed_ids(2 * case["pairs"] * case["steps"], 9, 512), program) as worker:
            worker.wait_ready()
            answers = [worker.measure() for _ in range(runs)]
        self.assertEqual(worker.process.returncode, 0)
        for answer in answers:
            self.assertEqual((answer["pairs"], answer["tokens"]), (12, 12 * 2 * 9))
            self.assertEqual(len(answer["losses"]), case["steps"])
            self.assertGreater(answer["seconds"], 0)
            self.assertGreater(answer["cpu_seconds"], 0)
            self.assertGreaterEqual(answer["cpu_seconds_of_all"], answer["cpu_seconds"])
            self.assertGreaterEqual(answer["peak_rss_mib"], answer["loaded_rss_mib"])
        return [loss for answer in answers for loss in answer["losses"]]

    def test_goes_on_training_from_run_to_run(self):
        losses = self.losses()
        self.assertEqual(len(set(losses)), 6)
        for before, after in zip(losses[:3], losses[3:]):  # the same pairs once more
            self.assertLess(after, before)

    def test_gives_the_same_losses_for_any_number_of_ranks(self):
        alone = self.losses()
        self.assertEqual(self.losses(program="westofn:float32:1"), alone)
        for one, two in zip(alone, self.losses(program="westofn:float32:2")):
            self.assertAlmostEqual(one, two, places=12)  # a mean is added up in another order

    def test_with_adafactor_trains_otherwise(self):
        self.assertNotEqual(self.losses(optimizer="adafactor")[1], self.losses()[1])

    def test_refuses_pairs_that_fill_no_step(self):
        with start(case_of("train"), work.fixed_ids(10, 9, 512)) as worker:
            with self.assertRaisesRegex(programs.WorkerError, "(?s)code 3:.*10 rows"):
                worker.wait_ready()


class Comparison(unittest.TestCase):
    """compare.py from its arguments to its table and JSON, against transformers."""

    def compare(self, *arguments, peers="transformers:float32"):
        out = pathlib.Path(FOLDER.name) / "out.json"
        printed = io.StringIO()
        worker = TRAINER if {"train", "--ranks"} & set(arguments) else WORKER
        sys.argv = ["compare.py", "--worker", worker, "--model", str(MODEL), "--out", str(out), "--no-ceiling",
                    "--peers", peers, "--runs", "2", *arguments]
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            compare.main()
        return printed.getvalue(), json.loads(out.read_text())["results"][0]

    def test_of_scores_shows_that_both_computed_the_same(self):
        table, result = self.compare("--mode", "score", "--source", "30", "--prompts", "3")
        ours, theirs = result["rows"]
        self.assertEqual((ours["program"], theirs["program"]), ("westofn", "transformers"))
        self.assertLess(theirs["difference"], 1e-5)
        self.assertEqual(ours["ratios"]["westofn:float32"], {"ratio": 1, "least": 1, "largest": 1})
        self.assertEqual([len(runs) for runs in result["runs"].values()], [2, 2])
        self.assertIn("| transformers", table)

    @unittest.skipUnless(importlib.util.find_spec("ctranslate2"), "no ctranslate2 here")
    def test_finds_the_converted_model_to_be_the_same_model(self):
        _, result = self.compare("--mode", "score", "--source", "30", "--prompts", "3", peers="ctranslate2:float32")
        self.assertLess(result["rows"][1]["difference"], 1e-5)

    def test_of_samples_has_the_same_amount_of_work_in_both(self):
        _, result = self.compare("--source", "12", "--n", "2", "--new-tokens", "4", "--prompts", "2")
        self.assertEqual({run["new_tokens"] for runs in result["runs"].values() for run in runs}, {2 * 2 * 4})


    def test_of_training_shows_that_both_trained_the_same(self):
        for optimizer in ("adamw", "adafactor"):
            table, result = self.compare("--mode", "train", "--source", "30", "--optimizer", optimizer, "--steps", "4")
            rows = {f"{row['program']}:{row['precision']}": row for row in result["rows"]}
            self.assertEqual(list(rows), ["westofn:float32", "westofn:bfloat16", "transformers:float32"])
            self.assertLess(rows["transformers:float32"]["difference"], 1e-4)
            self.assertGreater(rows["westofn:bfloat16"]["difference"], 1e-4)  # so this would be seen
            self.assertEqual(result["case"]["tokens"], 4 * 2 * 2 * 30)
            self.assertIn("pairs/s", table)

    def test_of_training_takes_real_lengths(self):
        path = pathlib.Path(FOLDER.name) / "real.jsonl"
        row = dict(prompt="ba du", chosen="mi ba du la", rejected="ko")
        path.write_text(4 * (json.dumps(row) + "\n"))
        _, result = self.compare("--mode", "train", "--data", str(path), "--ours", "float32", "--micro-batch", "2",
                                 peers="transformers:float32:2")
        self.assertGreater(len(set(result["lengths"])), 1)
        self.assertLess(result["rows"][1]["difference"], 1e-4)

    @unittest.skipUnless(importlib.util.find_spec("trl"), "no trl here")
    def test_of_training_runs_the_trainer_of_trl(self):
        _, result = self.compare("--mode", "train", "--source", "30", peers="trl:autocast")
        self.assertGreater(result["rows"][-1]["cpu_seconds"], 0)

    def test_of_ranks_has_a_row_for_each_number(self):
        table, result = self.compare("--ranks", "1,2", "--source", "30", "--ours", "float32")
        self.assertEqual([row["ranks"] for row in result["rows"]], [1, 2])
        self.assertEqual(result["rows"][0]["speed_up"], {"ratio": 1, "least": 1, "largest": 1})
        self.assertLess(result["rows"][1]["difference"], 1e-12)
        self.assertIn("speed-up", table)


class Arithmetic(unittest.TestCase):
    def test_ratio_is_of_medians_with_the_range_over_rounds(self):
        ratio = summary.paired_ratio([4, 6, 20], [2, 2, 4])
        self.assertEqual(ratio, {"ratio": 3, "least": 2, "largest": 5})

    def test_rows_rate_by_the_chosen_clock(self):
        runs = {"westofn:float32": [dict(seconds=9, cpu_seconds=2, peak_rss_mib=5, loaded_rss_mib=4)],
                "ctranslate2:int8": [dict(seconds=9, cpu_seconds=6, peak_rss_mib=7, loaded_rss_mib=1)]}
        ours, peer = summary.summarise(case_of("generate", prompts=4), runs, "cpu_seconds", 8e9,
                                       {"float32": {"square": 16, "model": 8}})
        self.assertEqual((ours["rate"], ours["gflops"]), (4 * 3 * 5 / 2, 4))
        self.assertEqual((ours["share_square"], ours["share_model"]), (0.25, 0.5))
        self.assertIsNone(peer["share_square"])
        self.assertEqual(peer["ratios"]["westofn:float32"]["ratio"], 3)
        lines = summary.table(case_of("generate"), [ours, peer]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertIn("3.00 (3.00..3.00)", lines[-1])

    def test_operations_are_those_of_a_count_by_hand(self):
        config = dict(d_model=2, d_kv=3, num_heads=1, d_ff=5, num_layers=1, num_decoder_layers=1, vocab_size=7,
                      feed_forward_proj="gated-gelu")
        # Encoder, 2 tokens: q, k, v, o 2*4*6, feed-forward 2*3*10 each; scores and sums 2*2*2*6; K and V of cross.
        encoder = 2 * 48 + 48 + 2 * 60 + 2 * 2 * 2 * 6
        # A step: q, k, v, o and the q, o of cross 2*6*6, feed-forward 60, attention to 2 source tokens, logits 2*2*7.
        step = 72 + 60 + 2 * 2 * 2 * 3 + 28
        self.assertEqual(work.scoring_flops(config, 2), encoder + step)
        # Two samples of two tokens; attention to the 1 and 2 positions so far, 4*3 each.
        self.assertEqual(work.generation_flops(config, 2, 2, 2), encoder + 2 * (2 * step + 12 * (1 + 2)))

    def test_operations_of_training_are_three_times_those_of_a_forward_pass_without_logits(self):
        config = dict(d_model=2, d_kv=3, num_heads=1, d_ff=5, num_layers=1, num_decoder_layers=1, vocab_size=7,
                      feed_forward_proj="gated-gelu")
        self.assertEqual(work.training_flops(config, 2), 3 * (work.scoring_flops(config, 2) - 28))

    def test_real_texts_keep_their_lengths_up_to_the_limit(self):
        path = pathlib.Path(FOLDER.name) / "pairs.jsonl"
        rows = [dict(prompt="ba du", chosen="mi", rejected="ko"), dict(prompt="ba " * 99, a="mi", b="ko")]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        short, long = work.real_ids(path, MODEL, "score", 2, 60)
        self.assertEqual((len(long), long[-1], short[-1]), (60, 1, 1))
        self.assertLess(len(work.real_ids(path, MODEL, "generate", 1, 60)[0]), len(short))
        with self.assertRaisesRegex(ValueError, "2 texts, 3 are wanted"):
            work.real_ids(path, MODEL, "score", 3, 60)
        self.assertEqual(len(work.real_ids(path, MODEL, "train", 4, 60)), 4)  # two of each row

    def test_bfloat16_instructions_are_found(self):
        text = "processor\t: 0\nmodel name\t: A: B\nflags\t\t: avx2 {}\n\nprocessor\t: 1\nmodel name\t: C\n"
        about = machine.describe(text.format("avx512_bf16"))
        self.assertEqual((about["processor"], about["avx512f"]), ("A: B", False))
        self.assertTrue(machine.computes_bfloat16(about))
        self.assertFalse(machine.computes_bfloat16(machine.describe(text.format("avx512f"))))


if __name__ == "__main__":
    WORKER, TRAINER = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
