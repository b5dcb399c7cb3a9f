#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include of src and jobs against layers.txt, and the rule on who may see MPI, NCCL, HDF5 and LibTorch."""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Foreign headers that only these libraries (or folders in them) may include.
RESERVED = {
    re.compile(r"mpi\.h"): {"comm"},
    re.compile(r"nccl\.h"): {"comm"},
    re.compile(r"(hdf5|H5\w+)\.h"): {"io"},
    re.compile(r"(torch|ATen|c10)/"): {"comm/device", "model", "inference", "gradient", "training", "generation", "scoring", "synthesis", "evaluation"},
    re.compile(r"yaml-cpp/"): {"config"},
    re.compile(r"CLI/"): {"jobs"},
}


# Own headers that only these libraries may include: the gold reward is for simulating people and for evaluating.
PRIVATE = {"world/gold.h": {"world", "evaluation"}}


def read_layers(path):
    layers = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, allowed = line.split(":")
            layers[name.strip()] = set(allowed.split())
    return layers


def check_file(path, library, root, layers):
    problems = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        where = f"{path.relative_to(root)}:{number}"
        quote, header = match.groups()
        if quote == '"':
            other = header.split("/")[0]
            if "/" not in header:
                problems.append(f'{where}: write #include "{library}/{header}", not "{header}"')
            elif library not in PRIVATE.get(header, {library}):
                problems.append(f"{where}: only {', '.join(sorted(PRIVATE[header]))} may include {header}")
            elif other != library and other not in layers[library]:
                problems.append(f"{where}: {library} may not use {other} (tests/architecture/layers.txt)")
            elif other == library and not (path.parents[0] / header.split("/")[-1]).exists() and not any(
                    (base / header).exists() for base in (root / "src", root)):
                problems.append(f"{where}: no such file {header}")
            continue
        for pattern, owners in RESERVED.items():
            if pattern.match(header):
                place = str(path.relative_to(root / "src" if library != "jobs" else root))
                if not any(place.startswith(owner) for owner in owners):
                    problems.append(f"{where}: only {', '.join(sorted(owners))} may include <{header}>")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, help="the checkout")
    root = parser.parse_args().root.resolve()
    layers = read_layers(root / "tests/architecture/layers.txt")
    problems, files = [], 0
    folders = [(p, p.name) for p in sorted((root / "src").iterdir()) if p.is_dir() and p.name != "cmake"]
    for folder, library in folders + [(root / "jobs", "jobs")]:
        if library not in layers:
            problems.append(f"src/{library}: not in tests/architecture/layers.txt")
            continue
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".h", ".cpp", ".cu"):
                files += 1
                problems += check_file(path, library, root, layers)
    print("\n".join(problems) if problems else f"{files} files keep to the layers")
    return 1 if problems or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
