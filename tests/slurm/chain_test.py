# SPDX-License-Identifier: Apache-2.0
"""submit.sh on four nodes: the chain makes the bytes of a plain run, stops at a task that fails and goes on later;
jobs and experiments side by side do not disturb each other."""
import re
import shutil

import runs
from runs import runner

FAILING = """#!/usr/bin/env bash
# Task 1 of an array cannot write its second file.
if [ "${{SLURM_ARRAY_TASK_ID:-}}" = 1 ] && [ -e {flag} ]; then export WESTOFN_FAULT=pools.write:0:2:EIO; fi
exec {program} "$@"
"""

class Chain(runs.SlurmTest):
    def test_the_chain_on_four_nodes_makes_the_bytes_of_a_plain_run(self):
        site = self.site(nodes=1, more="nodes_models=4\nnodes_select=4\nnodes_reward=2\n")
        dry, none = self.submit("chain", "--dry-run", site=site)
        self.assertEqual(none, [])
        self.assertEqual(len(re.findall(r"^sbatch .*--signal=B:USR1@30", dry.stdout, re.MULTILINE)), 6, dry.stdout)
        for text in ("Estimate of the experiment", "node-hours", "afterok:ID_OF_POOLS", "--array=0-1%2"):
            self.assertIn(text, dry.stdout)
        self.assertFalse((self.folder / "chain").exists(), "a dry run leaves nothing")
        self.assertEqual(self.cluster.active(), set())

        done, jobs = self.submit("chain", site=site)
        self.assertEqual(len(jobs), 6)
        for text in ("squeue", "status", "scancel", "log/STOP"):
            self.assertIn(text, done.stdout)
        refused, _ = self.submit("chain", site=site, check=False)
        self.assertEqual(refused.returncode, 2, refused.stdout)
        self.assertIn("in the queue already", refused.stdout)
        self.wait(jobs)
        self.assert_as_undisturbed("chain")
        self.check_log("chain")
        again, jobs = self.submit("chain", site=site)
        self.assertEqual(jobs, [])
        self.assertIn("all stages", again.stdout)

    def check_log(self, run):
        log = self.log(run)
        # Four nodes, a rank on each: the ranks know that they do not share a node.
        self.assertRegex(log, r"rank +local rank +GPU +threads +cores +host\n +0 +0 +none +1 ")
        costs = self.costs(run)
        by_stage = {cost["stage"].split("-")[0]: cost for cost in costs}
        self.assertEqual((by_stage["sft"]["ranks"], by_stage["sft"]["nodes"]), (4, 4), costs)
        self.assertEqual((by_stage["reward"]["ranks"], by_stage["reward"]["nodes"]), (2, 2), costs)
        pools = [cost for cost in costs if cost["stage"].startswith("pools")]
        self.assertEqual({cost["part"] for cost in pools}, {"0/2", "1/2"})
        self.assertIn("complete", {cost["outcome"] for cost in pools})
        self.assertTrue(all(cost["job"] for cost in costs))
        self.assertGreater(sum(cost["samples"] for cost in pools), 24 * 8)
        self.assertRegex(log, r"cost of \d+ attempts at 7 stages: \S+ node-hours, 0 GPU-hours, \S+ core-hours; "
                              r"\d+ tokens, \d+ samples \(\S+ samples a core-hour\)")

    def test_a_failing_task_stops_the_chain_which_goes_on_when_it_is_submitted_again(self):
        flag, program = self.folder / "flag", self.folder / "failing-task"
        flag.touch()
        program.write_text(FAILING.format(flag=flag, program=runner.WESTOFN))
        program.chmod(0o755)
        site = self.site("failing-site", program=program)
        _, jobs = self.submit("failing", site=site)
        self.wait(jobs)
        log = self.chain_log("failing")
        models, pools, *later = jobs
        self.assertRegex(log, rf"westofn-pools {pools}_1 ends with code 4: `westofn synthesize` failed with code 4; the "
                              rf"message is above in \S+/slurm-westofn-pools-{pools}_1.out", self.show("failing"))
        self.assertIn("submit again to go on", log)
        out = (self.folder / f"failing/log/slurm-westofn-pools-{pools}_1.out").read_text()
        self.assertIn("westofn: error: injected at pools.write", out)
        self.assertRegex(log, rf"westofn-pools {pools}_0 is done")
        self.assertEqual({job: self.cluster.state(job) for job in later}, {job: "CANCELLED" for job in later})
        self.assertEqual(self.cluster.state(models), "COMPLETED")
        made = {path: path.stat().st_mtime_ns for path in (self.folder / "failing").glob("pools-*/*.h5")}
        self.assertGreater(len(made), 1)

        flag.unlink()
        done, jobs = self.submit("failing", site=site)
        self.assertEqual(len(jobs), 5, "the models are there")
        self.wait(jobs)
        self.assert_as_undisturbed("failing")
        self.assertEqual(made, {path: path.stat().st_mtime_ns for path in made}, "what was there is not made again")

    def test_the_stop_file_ends_the_chain_in_time(self):
        long = self.write_experiment("long", steps=4000)
        _, jobs = self.submit("stopped", experiment=long)
        self.wait_for_stage("stopped", "sft")
        stop = self.folder / "stopped/log/STOP"
        stop.touch()
        self.wait(jobs, 60)
        log = self.chain_log("stopped")
        self.assertRegex(log, r"westofn-models \d+ ends with code 85: stopped because of \S+/STOP", self.show("stopped"))
        self.assertIn("a checkpoint is kept", self.log("stopped"))
        self.assertEqual({self.cluster.state(job) for job in jobs[1:]}, {"CANCELLED"})
        refused, _ = self.submit("stopped", experiment=long, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("remove it first", refused.stdout)

    def test_two_jobs_on_one_node_do_not_disturb_each_other(self):
        site = self.site("one-node", more="sbatch_options=(--nodelist=h3)\nranks_per_node=2\n")
        jobs = [self.submit(run, "--one-job", site=site)[1][0] for run in ("left", "right")]
        self.wait(jobs)
        for run in ("left", "right"):
            self.assert_as_undisturbed(run)
            self.assertIn("begins on h3,", self.chain_log(run))
        spans = [(job["StartTime"], job["EndTime"]) for job in map(self.cluster.job, jobs)]
        self.assertLess(max(start for start, _ in spans), min(end for _, end in spans), "they ran at the same time")

    def test_two_experiments_in_one_folder_do_not_disturb_each_other(self):
        other = self.write_experiment("other", steps=8)
        self.undisturbed("other-reference", other)
        _, first = self.submit("both")
        done, second = self.submit("both", experiment=other)
        self.assertIn("these jobs wait for", done.stdout)
        self.wait(first + second)
        together = self.published("both")
        for reference in ("reference", "other-reference"):
            self.assertTrue(self.published(reference).items() <= together.items(), self.show("both"))
        self.assertEqual(together.keys(), self.published("reference").keys() | self.published("other-reference").keys())
        shutil.rmtree(self.folder / "both")

if __name__ == "__main__":
    runs.main()
