# SPDX-License-Identifier: Apache-2.0
"""Jobs that Slurm ends too soon - at their time limit, for other jobs, with a node - go on by themselves and end with
the bytes of an undisturbed run; those that get nowhere are given up."""
import re

import runs
from runs import runner
from cluster import wait_for

NEVER_DONE = """#!/usr/bin/env bash
# Says that it was stopped in time, and never gets on.
case " $* " in *" run "*) exit 85 ;; esac
exec {program} "$@"
"""


class Restart(runs.SlurmTest):
    STEPS = 150

    def finish(self, run, jobs, least_restarts):
        self.wait(jobs, 120 + 12 * self.seconds)
        self.assertIn("is done after", self.chain_log(run), self.show(run))
        self.assert_as_undisturbed(run)
        counts = self.restarts(run)
        self.assertEqual(counts, list(range(len(counts))), "one start after the other")
        self.assertGreaterEqual(counts[-1], least_restarts, self.show(run))
        print(f"{run}: {counts[-1]} restarts\n{self.chain_log(run)}")

    def test_a_job_with_too_short_a_limit_finishes_over_several_requeues(self):
        # All but a second of the shortest limit is margin: a job does one step of training, and nothing else.
        self.undisturbed("short", command="prepare")
        _, jobs = self.submit("short", "--one-job", site=self.limited_site(margin=59))
        self.assertEqual(self.cluster.job(jobs[0])["TimeLimit"], "00:01:00")
        wait_for(lambda: max(self.restarts("short"), default=0) >= 3, "three restarts", 200)
        # Step by step the rest would take too long to wait for. A job reads the margin when it begins.
        self.limited_site(margin=5)
        self.finish("short", jobs, least_restarts=3)
        steps = [int(step) for step in re.findall(r"stopped in time after step (\d+);", self.log("short"))]
        self.assertGreaterEqual(len(steps), 2)
        self.assertEqual(steps, sorted(set(steps)), "each goes on where the one before has stopped")
        # 138: the signal of Slurm came while the program was being loaded.
        self.assertEqual(len(re.findall("code (?:85|138) after `westofn run`; goes back", self.chain_log("short"))),
                         self.restarts("short")[-1])
        print(f"stopped after steps {steps}")

    def limited_site(self, margin):
        new = self.site("limited-new", more=f"hours=0.01\nmargin_s={margin}\nranks_per_node=2\n")
        return new.rename(self.folder / "limited.conf")

    def test_a_signalled_job_stops_in_time_and_goes_on(self):
        for launcher in ("srun", "mpirun"):
            run = f"signalled-{launcher}"
            more = "launcher=mpirun\nlauncher_options=(--oversubscribe --bind-to none)\n" if launcher == "mpirun" else ""
            _, jobs = self.submit(run, "--one-job", site=self.site(launcher, nodes=2, more=more))
            self.wait_for_stage(run, "sft")
            # As --signal=B:USR1@margin does it.
            self.cluster.run("scancel", "--batch", "--signal=USR1", jobs[0])
            wait_for(lambda r=run: "goes back" in self.chain_log(r), "the stop", 60)
            self.assertIn("is asked to stop", self.chain_log(run))
            self.assertRegex(self.log(run), r"stopped in time after step \d+; a checkpoint is kept")
            self.finish(run, jobs, least_restarts=1)

    def test_a_preempted_job_goes_on(self):
        _, jobs = self.submit("preempted", "--one-job", site=self.site(nodes=2, more="sbatch_options=(--nodelist=h1,h2)\n"))
        self.wait_for_stage("preempted", "sft")
        urgent = self.cluster.run("sbatch", "--parsable", "-p", "urgent", "-N2", "--nodelist=h1,h2", "--exclusive", "-o", "/dev/null",
                                  "--wrap", "sleep 1").strip()
        self.wait([urgent], 90)
        self.assertEqual(self.cluster.state(urgent), "COMPLETED")
        self.finish("preempted", jobs, least_restarts=1)
        self.assertRegex(self.log("preempted"), r"stopped in time after step \d+; a checkpoint is kept")

    def test_a_job_goes_on_when_a_node_dies(self):
        site = self.site("dying", nodes=2, more="sbatch_options=(--nodelist=h1)\n")
        _, jobs = self.submit("dying", "--one-job", "--set", "runtime.checkpoint_minutes=0.05", site=site)
        self.wait_for_stage("dying", "sft")
        first, second = self.nodes(jobs[0])
        self.cluster.kill_node(second)
        self.addCleanup(self.cluster.start_node, second)
        self.finish("dying", jobs, least_restarts=1)
        self.assertNotIn(second, self.nodes(jobs[0]))
        attempts = {cost["attempt"]: cost["outcome"] for cost in self.costs("dying") if cost["stage"].startswith("sft")}
        self.assertEqual(len(attempts), 2, attempts)
        self.assertEqual(list(attempts.values())[-1], "complete")
        self.assertIn(list(attempts.values())[0], ("unfinished", "failed"))

    def nodes(self, job):
        return self.cluster.run("scontrol", "show", "hostnames", self.cluster.job(job)["NodeList"]).split()

    def test_a_job_that_gets_nowhere_is_given_up(self):
        program = self.folder / "never-done"
        program.write_text(NEVER_DONE.format(program=runner.WESTOFN))
        program.chmod(0o755)
        _, jobs = self.submit("never", "--one-job", site=self.site("never", program, more="max_idle_restarts=1\n"))
        self.wait(jobs, 60)
        self.assertEqual(self.restarts("never"), [0, 1], self.show("never"))
        self.assertIn("1 restarts have made no new file (max_idle_restarts=1)", self.chain_log("never"))
        self.assertEqual(self.cluster.state(jobs[0]), "FAILED")


if __name__ == "__main__":
    runs.main()
