# SPDX-License-Identifier: Apache-2.0
"""`cmake --install` makes a folder that is small, holds what a GPU machine lacks, and nothing that it has."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

LIMIT = 64 << 20
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# What a run takes along beside the installed folder.
COMPANY = [REPOSITORY / "tests" / "gpu", REPOSITORY / "configs" / "toy" / "base-model"]
PROGRAMS = ["westofn", "westofn-env", "gpu_parity_test", "gpu_speed", "device_group_test", "mpirun", "orted"]


def size_of(*folders):
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def problems_of(prefix):
    """What is wrong with an installed folder, in words."""
    names = {path.name for path in (prefix / "lib").iterdir()}
    problems = [f"bin/{name} is missing" for name in PROGRAMS if not (prefix / "bin" / name).is_file()]
    problems += [f"no lib/{stem}*" for stem in ("libmpi.so", "libopen-pal.so", "libpmix.so", "libhdf5", "libsentencepiece.so",
                                                "openmpi", "pmix") if not any(name.startswith(stem) for name in names)]
    foreign = ("libc.so", "libm.so", "libstdc++", "libgcc_s", "ld-linux", "libtorch", "libc10", "libnccl", "libcu", "libnv")
    problems += [f"lib/{name} belongs to the machine" for name in sorted(names)
                 if name.startswith(foreign) and not name.startswith("libcurl")]
    notice = prefix / "share" / "NOTICE"
    if not notice.is_file() or "openmpi" not in notice.read_text():
        problems.append("share/NOTICE does not name Open MPI")
    total = size_of(prefix, *COMPANY)
    print(f"{prefix}: {size_of(prefix) / 2**20:.1f} MiB in {len(names)} libraries and folders; "
          f"with tests/gpu and the toy model {total / 2**20:.1f} MiB of {LIMIT >> 20}")
    if total > LIMIT:
        problems.append(f"{total} bytes are more than {LIMIT}")
    return problems


def wrapper_problems(prefix):
    """westofn-env without a LibTorch or a command ends with code 2 and says what is missing."""
    problems = []
    for command, expected in ((["westofn"], "no LibTorch in /nonexistent"), ([], "no command")):
        done = subprocess.run([prefix / "bin" / "westofn-env", *command], env=dict(os.environ, WESTOFN_TORCH="/nonexistent"),
                              capture_output=True, text=True)
        if done.returncode != 2 or expected not in done.stderr:
            problems.append(f"westofn-env {command}: exit {done.returncode}, {done.stderr!r} without {expected!r}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("--install", required=True, help="the build folder")
    parser.add_argument("--cmake", default="cmake")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.prefix, ignore_errors=True)
    subprocess.run([arguments.cmake, "--install", arguments.install, "--prefix", arguments.prefix], check=True,
                   stdout=subprocess.DEVNULL)
    problems = problems_of(arguments.prefix) + wrapper_problems(arguments.prefix)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
