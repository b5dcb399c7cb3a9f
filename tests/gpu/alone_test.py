# SPDX-License-Identifier: Apache-2.0
"""The installed folder works where there is nothing but the base system and LibTorch: no Open MPI, no HDF5.

Everything runs in a root folder of its own, in a mount namespace: copies of the files of glibc, of the libraries of g++
and of bash, the installed folder, and the libraries of PyTorch. Exit code 77 where such a root cannot be made.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BASE_PACKAGES = ["libc6", "libc-bin", "libstdc++6", "libgcc-s1", "bash", "libtinfo6"]
# Run in the new namespace: $1 the root, $2 the installed folder, $3 LibTorch, the rest a command in the root.
ENTER = """
set -e
root=$1 installed=$2 torch=$3; shift 3
for name in proc sys dev; do mount --rbind /$name "$root/$name"; done
mount --bind "$installed" "$root/opt/westofn"
mount --bind "$torch" "$root/opt/site/torch"
[ ! -d "$torch/../nvidia" ] || mount --bind "$torch/../nvidia" "$root/opt/site/nvidia"
exec chroot "$root" /bin/bash /opt/westofn/bin/westofn-env "$@"
"""


def make_root(root):
    """Copies the base system; it must not hold anything of Open MPI or HDF5."""
    listed = subprocess.run(["dpkg-query", "--listfiles", *BASE_PACKAGES], capture_output=True, text=True, check=True)
    for name in ("usr/bin", "usr/lib", "usr/lib64"):
        (root / name).mkdir(parents=True)
        (root / name[4:]).symlink_to(name)
    for name in ("proc", "sys", "dev", "tmp", "etc", "data", "opt/westofn", "opt/site/torch", "opt/site/nvidia"):
        (root / name).mkdir(parents=True)
    for line in sorted(set(listed.stdout.splitlines())):
        path = pathlib.Path(line)
        if not line.startswith("/") or "/doc/" in line or path.is_dir() or not path.exists():
            continue
        target = root / line[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=True)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/bash\n")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    present = [path for path in root.rglob("*") if path.name.startswith(("libmpi", "libopen-", "libpmix", "libhdf5"))]
    assert not present, present


class Alone:
    """Commands in the new root."""

    def __init__(self, root, installed, torch):
        self.root, self.installed, self.torch = root, installed, torch

    def run(self, *command):
        environment = {"WESTOFN_TORCH": "/opt/site/torch", "PATH": "/usr/bin", "HOME": "/tmp"}
        unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
        return subprocess.run([*unshare, "/bin/sh", "-c", ENTER, "sh", self.root, self.installed, self.torch, *command],
                              env=dict(environment, PATH=os.environ["PATH"]), capture_output=True, text=True, timeout=120)

    def output_of(self, *command):
        """What a command printed; it must end well and complain about nothing."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        noise = [line for line in done.stderr.splitlines()
                 if "error" in line.lower() or "not found" in line or "mca" in line or "help" in line]
        assert not noise, f"{command} said:\n{done.stderr}"
        return done.stdout

    def rows(self, name):
        return [json.loads(line) for line in (self.root / "data" / name).read_text().splitlines()]


def write_inputs(folder):
    shutil.copytree(REPOSITORY / "configs" / "toy" / "base-model", folder / "model")
    rows = [{"id": i, "prompt": "my cat hissed " * i} for i in range(5)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [{"prompt": "my cat", "response": "hissed", "a": "hissed", "b": "rattled"}] * 3
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs))
    human = [{"prompt": f"question {i}", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(60)]
    (folder / "human.jsonl").write_text("".join(json.dumps(row) + "\n" for row in human))
    (folder / "e.yaml").write_text("name: alone\nseed: 1\ndata:\n  pairs:\n    - {path: /data/human.jsonl, format: trl}\n")


def check(alone):
    version = alone.output_of("westofn", "--version")
    assert "westofn" in version, version
    doctor = alone.output_of("westofn", "doctor", "--dir", "/tmp")
    assert "Open MPI" in doctor and "HDF5" in doctor and "parallel" in doctor, doctor
    generate = ["westofn", "generate", "--policy", "/data/model", "--prompts", "/data/prompts.jsonl", "--n", "4",
                "--max-new-tokens", "12"]
    alone.output_of(*generate, "--out", "/data/one.jsonl")
    assert len(alone.rows("one.jsonl")) == 20
    for kind, key in (("likelihood", "log_likelihood"), ("pairwise", "p_a_over_b")):
        alone.output_of("westofn", "score", "--model", "/data/model", "--kind", kind, "--data", "/data/data.jsonl",
                        "--out", f"/data/{kind}.jsonl")
        assert [key in row for row in alone.rows(f"{kind}.jsonl")] == [True] * 3
    # HDF5 files are written and read.
    alone.output_of("westofn", "prepare", "/data/e.yaml", "--run-dir", "/data/run")
    files = list((alone.root / "data" / "run").glob("prepare-*/pairs-*.h5"))
    assert files, "prepare wrote no pairs"
    seen = alone.output_of("westofn", "inspect", "/" + str(files[0].relative_to(alone.root)))
    assert "pairs" in seen, seen
    # The launcher that came along: two ranks give the bytes of one.
    alone.output_of("mpirun", "--oversubscribe", "-n", "2", *generate, "--out", "/data/two.jsonl")
    assert (alone.root / "data/one.jsonl").read_bytes() == (alone.root / "data/two.jsonl").read_bytes()
    tests = alone.output_of("device_group_test", "--gtest_filter=Cpu/*")
    assert "PASSED" in tests and "FAILED" not in tests, tests
    # The libraries are the ones beside the program.
    linked = alone.output_of("/usr/bin/ldd", "/opt/westofn/bin/westofn")
    assert "not found" not in linked, linked
    for line in linked.splitlines():
        if "libmpi.so" in line or "libhdf5" in line:
            assert "=> /opt/westofn/" in line, line


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("installed", type=pathlib.Path)
    parser.add_argument("--torch", type=pathlib.Path, required=True, help="the folder of LibTorch with lib/ in it")
    arguments = parser.parse_args()
    if not shutil.which("dpkg-query") or not shutil.which("unshare"):
        print("no dpkg-query or unshare here: skipped")
        return 77
    with tempfile.TemporaryDirectory(prefix="westofn-alone-") as folder:
        root = pathlib.Path(folder)
        make_root(root)
        alone = Alone(root, arguments.installed.resolve(), arguments.torch.resolve())
        first = alone.run("/bin/bash", "-c", "echo entered")
        if "entered" not in first.stdout:
            print(f"no mount namespace with a root of its own here: skipped\n{first.stderr}")
            return 77
        write_inputs(root / "data")
        check(alone)
    print("everything ran without Open MPI and HDF5 on the machine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
