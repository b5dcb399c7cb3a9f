# SPDX-License-Identifier: Apache-2.0
"""`westofn prepare` on 2 ranks under every fault: the job ends in time with the documented code and one message, what
was published stays whole, and the same command again ends with the bytes of an undisturbed run.

  fault_campaign.py points   named fault points (WESTOFN_FAULT): exception, EIO, ENOSPC, kill, stop, hang
  fault_campaign.py calls    the k-th write, fsync or rename of a rank (LD_PRELOAD): EIO, ENOSPC, short write, kill

A sample by default; all of them with WESTOFN_TEST_FULL=1. Prints the table of outcomes.
"""
import collections
import os
import pathlib
import re
import sys
import tempfile

import runner

RANKS = 2
DEADLINE_S = 3
# A job that notices a stopped rank after the deadline still has to be ended by the launcher.
LIMIT_S = DEADLINE_S + 20
CODES = {"exception": 70, "EIO": 4, "ENOSPC": 4, "short": 4, "kill": 137, "stop": 5, "hang": 5}


class Campaign:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.experiment = runner.write_experiment(self.folder, rows=60, rows_per_file=24)
        self.outcomes, self.failures, self.slowest, self.count = collections.Counter(), [], 0.0, 0
        done = self.prepare("reference")
        assert done.code == 0, done
        self.reference = runner.contents(self.folder / "reference")

    def prepare(self, name, **extra):
        return runner.run(["--deadline", DEADLINE_S, "prepare", self.experiment, "--run-dir", self.folder / name],
                          ranks=RANKS, timeout=120, **extra)

    def case(self, label, action, harmless=lambda: False, **extra):
        """One fault, then the same command without it; notes what is not as promised."""
        name = f"run{self.count}"
        self.count += 1
        hit = self.prepare(name, **extra)
        problems = []
        expected = 0 if harmless() else CODES[action]
        if hit.code != expected:
            problems.append(f"exit {hit.code}, expected {expected}")
        if len(hit.errors()) != (0 if expected in (0, 137) else 1):
            problems.append(f"{len(hit.errors())} messages")
        if hit.seconds > LIMIT_S:
            problems.append(f"took {hit.seconds:.0f} s")
        broken = runner.damaged(runner.contents(self.folder / name), self.reference)
        if broken:
            problems.append(f"published and not whole: {broken}")
        again = self.prepare(name)
        rest = runner.differences(runner.contents(self.folder / name), self.reference)
        if again.code != 0 or rest:
            problems.append(f"the rerun ended with {again.code}, different: {rest}\n{again}")
        self.slowest = max(self.slowest, hit.seconds)
        self.outcomes[(label, action, f"exit {hit.code}", "as promised" if not problems else "NOT AS PROMISED")] += 1
        if problems:
            self.failures.append(f"{label} {action} {extra}: {'; '.join(problems)}\n{hit}")

    def report(self):
        print(f"{'where':<34}{'fault':<11}{'job':<10}{'cases':>6}  rerun and files")
        for (label, action, code, verdict), count in sorted(self.outcomes.items()):
            print(f"{label:<34}{action:<11}{code:<10}{count:>6}  {verdict}")
        print(f"{self.count} faults, slowest end {self.slowest:.1f} s (deadline {DEADLINE_S} s), {len(self.failures)} not as promised")
        for failure in self.failures[:10]:
            print("\n" + failure)
        return 1 if self.failures or self.count == 0 else 0


def points(campaign):
    trace = campaign.prepare("trace", WESTOFN_FAULT_TRACE="1")
    passed = collections.defaultdict(int)
    for name, rank, count in re.findall(r"fault point (\S+) rank (\d+) count (\d+)", trace.stderr):
        passed[(name, int(rank))] = max(passed[(name, int(rank))], int(count))
    assert len(passed) > 20, trace
    for number, ((name, rank), last) in enumerate(sorted(passed.items())):
        disk = name.startswith("io.")
        if runner.FULL:
            chosen = [(count, action) for count in range(1, last + 1)
                      for action in ("exception", "EIO", "ENOSPC", "kill", "stop", "hang") if disk or action not in ("EIO", "ENOSPC")]
        else:
            chosen = [[(1, "exception"), (last, "kill"), (last, "stop"), ((last + 1) // 2, "kill"), (1, "hang")][number % 5]]
        for count, action in chosen:
            campaign.case(name, action, WESTOFN_FAULT=f"{name}:{rank}:{count}:{action}")


def calls(campaign):
    assert runner.PRELOAD, "WESTOFN_PRELOAD names the library"
    report = campaign.folder / "report"

    def hooks(folder, fault=""):
        report.unlink(missing_ok=True)
        return {"LD_PRELOAD": runner.PRELOAD, "WESTOFN_CALL_FOLDER": str(campaign.folder / folder),
                "WESTOFN_CALL_REPORT": str(report), "WESTOFN_CALL_FAULT": fault}

    counted = campaign.prepare("counted", **hooks("counted"))
    assert counted.code == 0, counted
    total = {rank: max(map(int, re.findall(rf"rank {rank} calls (\d+)", report.read_text()))) for rank in range(RANKS)}
    print(f"calls below the run folder: {total}")
    assert total[0] > 30 and total[1] > 8, total

    missed = 0

    def struck():
        return re.search(r"strike (\w+) (\S+)", report.read_text() if report.exists() else "")

    for rank, last in total.items():
        for k in range(1, last + 1):
            sampled = ["EIO", "ENOSPC", "kill", "short"][k % 4]
            for action in ("EIO", "ENOSPC", "short", "kill") if runner.FULL else (sampled,) if k % 5 == rank else ():
                options = hooks(f"run{campaign.count}", f"{rank}:{k}:{action}")
                campaign.case(f"call of rank {rank}", action,
                              harmless=lambda a=action: struck() is None or (a != "kill" and is_harmless(struck(), a)), **options)
                missed += struck() is None
    # How often the heartbeat is written depends on time, so the last calls of a run may not be there in the next.
    print(f"{missed} calls were not reached")
    assert missed <= 4, "most faults must strike"


def is_harmless(strike, action):
    """The heartbeat is for `westofn status` only, the costs of stages for their sum; a short write of a file is continued, fsync and rename cannot be short."""
    call, path = strike.groups()
    if pathlib.Path(path).name.startswith(("heartbeat.json", "stages.jsonl")):
        return True
    return action == "short" and call == "write"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="westofn-faults-") as name:
        campaign = Campaign(os.path.realpath(name))
        {"points": points, "calls": calls}[sys.argv[1]](campaign)
        sys.exit(campaign.report())
