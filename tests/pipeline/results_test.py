# SPDX-License-Identifier: Apache-2.0
"""results.h5 of a whole run: equal for any number of ranks, described, and the same as the files of the stages."""
import io
import json
import pathlib
import tempfile
import unittest

import h5py
import numpy as np

import runner

BASE_MODEL = pathlib.Path(__file__).parents[2] / "configs/toy/base-model"
TRAIN = "{steps: 4, batch: 8, optimizer: adamw, learning_rate: 1e-3, validate_every: 2}"
EXPERIMENT = """name: tiny
seed: 5
data: {{world: {{demonstrations: 40, labelled_pairs: 20, other_pairs: 12, validation_pairs: 12, test_pairs: {test_pairs},
  judge_pairs: 12, unlabelled_prompts: 18, test_prompts: {test_prompts}}}}}
policy: {{model: {model}, train: {train}}}
preference_model: {{train: {train}}}
generation: {{n: 8, max_new_tokens: 12}}
recipes:
  west_of_8: {{rule: tournament, n: 8, confidence: [0, 0.5]}}
  best_random: {{rule: best-random, n: 8, ratio: 0.5}}
reward_models:
  hf50: {{human: hf50, train: {train}}}
  west_of_n: {{recipe: west_of_8, train: {train}}}
  random: {{recipe: best_random, train: {train}}}
runtime: {{shard_size: 4, micro_batch: 2}}
evaluation: {{resamples: 100, judge: {{train: {train}}}}}
"""
#: What may differ between two runs of one experiment.
OF_THE_RUN = ("cost/", "versions/")


def datasets(path):
    """All datasets by path, and the attributes of the file and of each of them."""
    found = {}
    with h5py.File(path) as file:
        found["/"] = {name: str(value) for name, value in file.attrs.items()}
        file.visititems(lambda name, item: found.update({name: (item[()], dict(item.attrs))})
                        if isinstance(item, h5py.Dataset) else None)
    return found


class Text:
    """The rows of a text."""

    def __init__(self, file, path):
        self.data, self.at = file[f"{path}/bytes"][:].tobytes(), file[f"{path}/offsets"][:]

    def __getitem__(self, row):
        return self.data[self.at[row]:self.at[row + 1]].decode()

    def __len__(self):
        return len(self.at) - 1


class Results(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-results-")
        self.folder = pathlib.Path(temporary.name)
        self.addCleanup(temporary.cleanup)

    def run_chain(self, run, ranks=2, test_pairs=20, test_prompts=6):
        experiment = self.folder / f"{run}.yaml"
        experiment.write_text(EXPERIMENT.format(model=BASE_MODEL, train=TRAIN, test_pairs=test_pairs,
                                                test_prompts=test_prompts))
        done = runner.run(["run", experiment, "--run-dir", self.folder / run], ranks=ranks)
        self.assertEqual(done.code, 0, done)
        return done

    def results(self, run):
        return self.folder / run / "results.h5"

    def stage(self, run, name):
        return next((self.folder / run).glob(f"{name}-????????"))

    def test_one_and_four_ranks_write_equal_data_and_describe_all_of_it(self):
        for ranks in (1, 2, 4):
            self.run_chain(f"run{ranks}", ranks)
        one = datasets(self.results("run1"))
        self.assertGreater(len(one), 120)
        for ranks in (2, 4):
            other = datasets(self.results(f"run{ranks}"))
            self.assertEqual(one.keys(), other.keys())
            for name, value in one.items():
                if name == "/" or name.startswith(OF_THE_RUN):
                    continue
                np.testing.assert_array_equal(value[0], other[name][0], err_msg=name)
                self.assertEqual(value[0].dtype, other[name][0].dtype, name)
        for name, value in one.items():
            if name != "/":
                self.assertTrue(value[1].get("description") and value[1].get("units"), name)

    def test_it_holds_what_the_files_of_the_stages_hold(self):
        self.run_chain("run", ranks=3)
        with h5py.File(self.results("run")) as file:
            self.check_pools(file)
            self.check_pairs(file)
            self.check_mixtures(file)
            self.check_stages(file)
        done = runner.run(["inspect", self.results("run")], ranks=0)
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.stdout, r"samples +\d+\n")
        self.assertIn((self.stage("run", "evaluate") / "table.txt").read_text().splitlines()[3], done.stdout)

    def check_pools(self, file):
        responses, prompts = Text(file, "samples/response"), Text(file, "pools/prompt")
        first, row = file["pools/first_sample"][:], 0
        for kind, name in enumerate(("unlabelled", "validation", "test")):
            for path in sorted(self.stage("run", "pools").glob(f"{name}-*.h5")):
                with h5py.File(path) as shard:
                    texts, shard_prompts = Text(shard, "samples/response"), Text(shard, "prompt")
                    n = int(shard.attrs["n"])
                    for i in range(len(shard_prompts)):
                        self.assertEqual(file["pools/set"][row], kind)
                        self.assertEqual(prompts[row], shard_prompts[i])
                        self.assertEqual(first[row + 1] - first[row], n)
                        self.assertEqual([responses[first[row] + k] for k in range(n)], [texts[i * n + k] for k in range(n)])
                        np.testing.assert_array_equal(file["samples/log_likelihood"][first[row]:first[row + 1]],
                                                      shard["samples/log_likelihood"][i])
                        row += 1
        self.assertEqual(row, len(prompts))
        np.testing.assert_array_equal(file["samples/pool"][:], np.repeat(np.arange(row), np.diff(first)))
        matches = sum(len(h5py.File(path)["a"]) for path in (self.folder / "run").glob("matches-*/*.h5")
                      if path.parent.name in [Text(file, "match_sets/name")[i] for i in range(2)])
        self.assertEqual(len(file["matches/a"]), matches)

    def check_pairs(self, file):
        """A pair is two samples of its pool, better and worse by the matches between them."""
        responses, first = Text(file, "samples/response"), file["pools/first_sample"][:]
        names = Text(file, "recipes/name")
        self.assertEqual([names[i] for i in range(len(names))],
                         ["west_of_8@confidence=0.0", "west_of_8@confidence=0.5", "best_random"])
        np.testing.assert_array_equal(file["recipes/confidence_quantile"][:], [0, 0.5, 0])
        np.testing.assert_array_equal(file["recipes/ratio"][:], [1, 1, 0.5])
        for i, recipe in enumerate(file["synthetic/recipe"][:]):
            if file["synthetic/chosen"][i] < 0:
                continue
            pool, chosen, rejected = (int(file[f"synthetic/{name}"][i]) for name in ("pool", "chosen", "rejected"))
            self.assertNotEqual(responses[first[pool] + chosen], responses[first[pool] + rejected])
            self.assertEqual(file["samples/log_likelihood"][first[pool] + chosen], file["synthetic/chosen_log_likelihood"][i])
            met = ((file["matches/set"][:] == file["recipes/match_set"][recipe]) & (file["matches/pool"][:] == pool) &
                   np.isin(file["matches/a"][:], (chosen, rejected)) & np.isin(file["matches/b"][:], (chosen, rejected)))
            place = np.flatnonzero(met)[-1]
            p = (file["matches/p_ab"][place] + 1 - file["matches/p_ba_swapped"][place]) / 2
            confidence = p if file["matches/a"][place] == chosen else 1 - p
            self.assertAlmostEqual(confidence, file["synthetic/confidence"][i], places=12)

    def check_mixtures(self, file):
        human = (file["human/split"][:] == 0) & (file["human/labelled_half"][:] == 1)
        for recipe, ratio in enumerate(file["recipes/ratio"][:]):
            mine = file["mixture/recipe"][:] == recipe
            source, row = file["mixture/source"][mine], file["mixture/row"][mine]
            self.assertEqual(set(row[source == 0]), set(range(int(human.sum()))))
            self.assertEqual(set(row[source == 1]), set(range(int(file["recipes/kept"][recipe]))))
            self.assertAlmostEqual((source == 1).sum() / (source == 0).sum(), ratio, delta=0.1)

    def check_stages(self, file):
        stages, tokens = Text(file, "cost/stage"), file["cost/tokens"][:]
        folders = {Text(file, "stages/folder")[i] for i in range(len(Text(file, "stages/folder")))}
        attempts = [stages[i] for i in range(len(stages))]
        self.assertEqual(len(set(attempts)), len(attempts), "one attempt a stage")
        self.assertEqual({name.rsplit("-", 1)[0] for name in set(attempts) - folders}, {"world", "evaluate"})
        for i in range(len(stages)):
            if stages[i].startswith(("sft", "pools", "matches", "judge", "evaluate")):
                self.assertGreater(tokens[i], 0, stages[i])
        names = Text(file, "stages/folder")
        for i in range(len(names)):
            manifest = json.loads((self.folder / "run" / names[i] / "manifest.json").read_text())
            counts = {Text(file, "counts/name")[k]: int(file["counts/value"][k])
                      for k in np.flatnonzero(file["counts/stage"][:] == i)}
            self.assertEqual(counts, manifest["counts"])
        chosen = file["choices/chosen"][:]
        self.assertEqual(chosen.sum(), 1)
        best = np.argmax(file["choices/validation_accuracy"][:])
        self.assertEqual(np.argmax(chosen), best)
        self.assertEqual(file["models/recipe"][1], file["choices/recipe"][best])
        names = Text(file, "recipes/name")
        recorded = json.loads((self.stage("run", "reward-west_of_n") / "choice.json").read_text())
        self.assertEqual(recorded["chosen"], names[file["choices/recipe"][best]])
        self.assertEqual({one["recipe"]: one["accuracy"] for one in recorded["candidates"]},
                         {names[recipe]: accuracy for recipe, accuracy in
                          zip(file["choices/recipe"][:], file["choices/validation_accuracy"][:])})
        self.assertEqual(list(file["models/recipe"][:3]), [-1, file["choices/recipe"][best], 2])

    def test_three_pairs_and_one_prompt_give_sensible_results(self):
        done = self.run_chain("run", test_pairs=3, test_prompts=1)
        self.assertIn("3 test pairs", done.stderr)
        self.assertNotIn("nan", (self.stage("run", "evaluate") / "table.txt").read_text())
        with h5py.File(self.results("run")) as file:
            self.assertEqual(set(file["differences/accuracy/verdict"][:]), {0})
            self.assertEqual(set(file["differences/win_over_pool/verdict"][:]), {0})

    def evaluate(self, ranks=2, **extra):
        return runner.run(["evaluate", self.folder / "run.yaml", "--run-dir", self.folder / "run"], ranks=ranks, **extra)

    def test_a_fault_on_one_rank_ends_all_and_leaves_the_old_results(self):
        self.run_chain("run")
        before = self.results("run").read_bytes()
        for fault, code in (("evaluate.results:0:1", 70), ("results.read:1:1", 70), ("shared_hdf5.open:1:1", 70),
                            ("shared_hdf5.write:1:5:ENOSPC", 4), ("shared_hdf5.write:0:20:kill", 137),
                            ("shared_hdf5.close:1:1", 70), ("io.rename:0:2:kill", 137)):
            with self.subTest(fault=fault):
                done = self.evaluate(WESTOFN_FAULT=fault)
                self.assertEqual(done.code, code, done)
                self.assertEqual(self.results("run").read_bytes(), before)
        self.assertEqual(self.evaluate().code, 0)
        self.assertEqual(list((self.folder / "run").glob(".results*")), [], "what killed jobs have left is gone")
        after = datasets(self.results("run"))
        self.assertEqual(after.keys(), datasets(io.BytesIO(before)).keys())

    def test_a_damaged_sample_ends_the_job_with_its_name_and_leaves_the_old_results(self):
        self.run_chain("run")
        before = self.results("run").read_bytes()
        pool = sorted(self.stage("run", "pools").glob("test-*.h5"))[0]
        data = bytearray(pool.read_bytes())
        data[len(data) // 2] ^= 1
        pool.write_bytes(data)
        done = self.evaluate(ranks=4)
        self.assertEqual(done.code, 3, done)
        self.assertIn(pool.name, done.stderr)
        self.assertEqual(self.results("run").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
