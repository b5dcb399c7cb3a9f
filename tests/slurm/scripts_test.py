# SPDX-License-Identifier: Apache-2.0
"""The scripts without a Slurm: their syntax, what submit.sh refuses, and that the README knows every setting."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
SLURM = ROOT / "slurm"
SCRIPTS = sorted([*SLURM.glob("*.sh"), *SLURM.glob("*.sbatch")])
SITES = [SLURM / "site.conf", *sorted((SLURM / "sites").glob("*.conf"))]
DEMO = ROOT / "configs/toy/demo.yaml"


def run(*command, **env):
    return subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **env}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


class Scripts(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="westofn-scripts-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def dry_run(self, *arguments, site=""):
        path = self.folder / "site.conf"
        path.write_text(f'source "$westofn_slurm/site.conf"\nprogram="{os.environ["WESTOFN"]}"\n{site}')
        return run(SLURM / "submit.sh", *arguments, "--dry-run", "--site", path, "--run-dir", self.folder / "run")

    def test_bash_and_shellcheck_find_nothing(self):
        self.assertEqual(len(SCRIPTS), 10)
        for path in SCRIPTS + SITES:
            done = run("bash", "-n", path)
            self.assertEqual((done.returncode, done.stdout), (0, ""), path)
        if shutil.which("shellcheck"):
            done = run("shellcheck", "-x", *(path.relative_to(ROOT) for path in SCRIPTS + SITES))
            self.assertEqual(done.returncode, 0, done.stdout)
        else:
            print("no shellcheck here: bash -n only")

    def test_a_dry_run_needs_no_slurm(self):
        done = self.dry_run(DEMO, "--set", "seed=3", "--array", "8", site="partition_reward=big\nnodes_reward=3\n")
        self.assertEqual(done.returncode, 0, done.stdout)
        commands = [line for line in done.stdout.splitlines() if line.startswith("sbatch ")]
        names = [re.search(r"--job-name=westofn-(\w+)", line).group(1) for line in commands]
        self.assertEqual(names, ["models", "pools", "matches", "select", "reward", "evaluate"])
        for before, name, line in zip(["", *names], names, commands):
            self.assertEqual(f"--dependency=afterok:ID_OF_{before.upper()}" in line, before != "", line)
            self.assertEqual("--partition=big" in line and "--nodes=3" in line, name == "reward", line)
            self.assertEqual("--array=0-7%4" in line, name in ("pools", "matches"), line)
            for option in ("--kill-on-invalid-dep=yes", "--signal=B:USR1@300", "--set seed=3", f"/{name}.sbatch"):
                self.assertIn(option, line)
        self.assertEqual(list(self.folder.iterdir()), [self.folder / "site.conf"])

    def test_gpus_are_asked_for_as_the_site_wants_it(self):
        done = self.dry_run(DEMO, site="gpus_per_node=2\ngpu_option=--gres=gpu:\n")
        self.assertEqual(done.stdout.count("--gres=gpu:2"), 6, done.stdout)
        self.assertEqual(self.dry_run(DEMO, "--one-job").stdout.count("--gpus"), 0)

    def test_wrong_input_is_refused_with_what_to_do(self):
        self.assertEqual(self.dry_run(DEMO).returncode, 0)
        for arguments, site, text in [
                ([], "", "no experiment is given"),
                ([DEMO, "--what"], "", "unknown argument --what"),
                ([DEMO, "more"], "", "unknown argument more"),
                ([DEMO, "--array", "0"], "", "--array 0: expected"),
                ([DEMO, "--set", "sed=1"], "", "seed"),
                ([self.folder / "none.yaml"], "", "none.yaml"),
                ([DEMO], "nodes=two\n", "nodes=two: expected a whole number"),
                ([DEMO], "hours=long\n", "hours=long: expected a number"),
                ([DEMO], "launcher=aprun\n", "expected srun or mpirun"),
                ([DEMO], "program=/nowhere/westofn\n", "there is no program /nowhere/westofn"),
                ([DEMO], "hours=0.05\n", "margin_s=300 leaves nothing of the 3 minutes of models"),
                ([DEMO, "--set", "runtime.threads=4"], "", "runtime.threads is 4, but a rank has 1 cores"),
                ([DEMO], "load_modules() { false; }\n", "load_modules of")]:
            done = self.dry_run(*arguments, site=site)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertIn(text, done.stdout)
            self.assertNotIn("sbatch --parsable", done.stdout)

    def test_the_readme_explains_every_setting(self):
        keys = set(re.findall(r"^(\w+)(?:=|\(\))", (SLURM / "site.conf").read_text(), re.MULTILINE))
        self.assertGreater(len(keys), 20)
        told = set(re.findall(r"^\| `(\w+)` \|", (SLURM / "README.md").read_text(), re.MULTILINE))
        self.assertEqual(keys, told)
        for site in SITES:
            self.assertLessEqual(set(re.findall(r"^(\w+)(?:=|\(\))", site.read_text(), re.MULTILINE)), keys, site)


if __name__ == "__main__":
    unittest.main()
