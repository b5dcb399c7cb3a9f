# SPDX-License-Identifier: Apache-2.0
"""What the pipeline tests share: starting westofn on some ranks, and comparing run folders byte by byte."""
import json
import os
import pathlib
import random
import subprocess
import time

WESTOFN = os.environ["WESTOFN"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
PRELOAD = os.environ.get("WESTOFN_PRELOAD", "")
FULL = os.environ.get("WESTOFN_TEST_FULL") == "1"
PEERS = {70: "internal", 4: "storage", 5: "communication"}


class Result:
    """How a job ended."""

    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def errors(self):
        """The messages of our program; what the launcher says is left out."""
        return [line for line in self.stderr.splitlines() if line.startswith("westofn: error:")]

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.stdout}\n{self.stderr}"


def environment(**extra):
    env = dict(os.environ)
    env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1",
               OMPI_MCA_hwloc_base_binding_policy="none", OMP_NUM_THREADS="1")
    env.update(extra)
    return env


def start(arguments, ranks=1, cwd=None, new_session=False, **extra):
    """Starts westofn; ranks=0: without a launcher. A job in a session of its own can be killed with all its ranks."""
    command = [WESTOFN, *map(str, arguments)]
    if ranks > 0:
        forwarded = [part for name in extra for part in ("-x", name)]
        command = [MPIEXEC, "-n", str(ranks), *forwarded, *command]
    return subprocess.Popen(command, cwd=cwd, env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, start_new_session=new_session)


def kill_session(process):
    """Ends a job that was started with new_session as a lost node does: launcher and ranks at once, without a word."""
    subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
    process.wait()


def finish(process, timeout=120, begin=None):
    """Waits for a job that was started, and ends it where it takes too long."""
    begin = time.monotonic() if begin is None else begin
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Result(process.returncode, stdout, stderr, time.monotonic() - begin)


def run(arguments, ranks=1, cwd=None, timeout=120, **extra):
    """Runs westofn; ranks=0 starts it without a launcher."""
    begin = time.monotonic()
    return finish(start(arguments, ranks, cwd, **extra), timeout, begin)


def contents(folder):
    """Relative name -> bytes of all files of a run but its log, which holds clocks and hosts."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.relative_to(folder).parts[0] != "log"}


def differences(one, two):
    """The names of files that differ or are missing on one side."""
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def damaged(found, reference):
    """Published files that are not what an undisturbed run makes; temporary files begin with a dot."""
    return sorted(name for name in found if not pathlib.Path(name).name.startswith(".") and found[name] != reference.get(name))


def write_jsonl(path, rows):
    pathlib.Path(path).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def hh_rows(count, seed=1):
    """Transcripts in the style of HH, with every reason for dropping a row among them."""
    rng = random.Random(seed)
    words = "why how can i bake fix a cake bike lamp né 你好 quickly with care".split()

    def text(n):
        return " ".join(rng.choice(words) for _ in range(n))

    rows = []
    for i in range(count):
        prompt = f"\n\nHuman: {text(4)} {i // 2}?\n\nAssistant:"
        if i % 3 == 0:
            prompt += f" {text(3)}.\n\nHuman: {text(2)}\n\nAssistant:"
        chosen, rejected = f" {text(6)} {i}", f" {text(5)} -{i}"
        if i % 17 == 5:
            rejected += "\n\nHuman: and then?\n\nAssistant: no"
        elif i % 17 == 9:
            rejected = ""
        elif i % 17 == 12:
            rejected = chosen
        rows.append({"chosen": prompt + chosen, "rejected": prompt + rejected})
        if i % 13 == 7:
            rows.append(rows[-1])
    return rows


def write_experiment(folder, rows=60, rows_per_file=16):
    """A folder with a small HH experiment in it; returns the path of the YAML file."""
    folder = pathlib.Path(folder)
    write_jsonl(folder / "hh.jsonl", hh_rows(rows))
    (folder / "e.yaml").write_text(f"""name: small
seed: 7
data:
  pairs:
    - path: {folder}/hh.jsonl
      format: hh
  rows_per_file: {rows_per_file}
""")
    return folder / "e.yaml"
