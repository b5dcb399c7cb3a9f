# SPDX-License-Identifier: Apache-2.0
"""Reads results.h5 as the schema in README.md says; all scripts of this folder read through it."""
import argparse
import contextlib
import os
import pathlib
import sys

import h5py
import numpy as np

MAJOR = 1
KINDS = ("reward model", "preference model", "baseline", "judge")
VERDICTS = ("no difference seen", "better", "worse")
OUTCOMES = ("kept", "one response", "inverted", "too long", "not finite", "confidence", "chosen likelihood",
            "rejected likelihood", "joint likelihood")
LENGTHS = ("much shorter", "shorter", "equal", "longer", "much longer")
SPLITS = ("train", "validation", "test", "judge")
PROMPT_SETS = ("unlabelled", "validation", "test")
BRACKETS = ("first", "best", "worst", "final", "only")

# What every version of the schema has.
NEEDED = ("models/name", "models/kind", "models/reference", "models/accuracy", "models/high_confidence", "differences/model",
          "calibration/brier", "best_of_n/n", "pairs/confidence", "recipes/name", "synthetic/recipe", "curves/model")


class ResultsError(Exception):
    """What is wrong with a run folder, for the user."""


class Results:
    """The results.h5 of a run; arrays by their path in the file. Nothing is read before it is asked for."""

    def __init__(self, run):
        path = pathlib.Path(run)
        self.folder = path if path.is_dir() else path.parent
        self.path = path / "results.h5" if path.is_dir() else path
        if not self.path.exists():
            raise ResultsError(f"{self.path}: there is no such file; run `westofn evaluate` first")
        try:
            self.file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise ResultsError(f"{self.path}: is no intact HDF5 file: {error}") from error
        filetype = text_of(self.file.attrs.get("filetype", b""))
        if filetype != "westofn/results":
            raise ResultsError(f"{self.path}: holds '{filetype}', expected 'westofn/results'")
        version = self.file.attrs.get("version", [0, 0])
        if version[0] != MAJOR:
            raise ResultsError(f"{self.path}: has schema version {version[0]}, this program reads {MAJOR}")
        for needed in NEEDED:
            self._dataset(needed)
        self.names = self.text("models/name")
        self.kinds = [KINDS[k] for k in self["models/kind"]]
        if not self.names:
            raise ResultsError(f"{self.path}: names no model")
        self.reference = int(self["models/reference"][0])
        self.n = int(self.file.attrs["n"])

    def __contains__(self, path):
        return path in self.file

    def _dataset(self, path):
        if path not in self.file:
            raise ResultsError(f"{self.path}: lacks {path}")
        return self.file[path]

    def __getitem__(self, path):
        try:
            return self._dataset(path)[:]
        except OSError as error:
            raise ResultsError(f"{self.path}: {path} cannot be read: {error}") from error

    def get(self, path, shape, fill=np.nan):
        """The array, or one full of `fill` where an older file does not have it."""
        return self[path] if path in self else np.full(shape, fill)

    def size(self, path):
        """Rows of a dataset or of a text; 0 where there is none."""
        if path not in self:
            return 0
        item = self.file[path]
        return len(item["offsets"]) - 1 if isinstance(item, h5py.Group) else len(item)

    def text(self, path, size=None):
        """All rows of a text; with `size`, as many empty ones where there is none."""
        if size is not None and path not in self:
            return [""] * size
        data, offsets = self[f"{path}/bytes"].tobytes(), self[f"{path}/offsets"]
        return [data[a:b].decode(errors="replace") for a, b in zip(offsets[:-1], offsets[1:])]

    def text_row(self, path, row):
        """One row of a text; reads nothing else."""
        begin, end = self._dataset(f"{path}/offsets")[row:row + 2]
        return self._dataset(f"{path}/bytes")[begin:end].tobytes().decode(errors="replace")

    def labels(self, path, names):
        """A column that is a text, or an index into `names` (-1: none)."""
        if path not in self or isinstance(self.file[path], h5py.Group):
            return self.text(path, self.size(path))
        return [names[i] if 0 <= i < len(names) else "" for i in self[path]]

    def blocks(self, *paths, rows=1 << 20):
        """Long datasets of equal length, some rows at a time."""
        for begin in range(0, self.size(paths[0]), rows):
            yield [self._dataset(path)[begin:begin + rows] for path in paths]

    def estimate(self, path, size=None):
        """An array of shape [rows, 3]: value, low, high; NaN where an older file does not have it."""
        if size is not None and path not in self:
            return np.full((size, 3), np.nan)
        return np.stack([self[f"{path}/{part}"] for part in ("value", "low", "high")], axis=-1)

    def models(self, *kinds):
        """Indices of the models of these kinds; of all without any."""
        return [i for i, kind in enumerate(self.kinds) if not kinds or kind in kinds]

    @property
    def has_gold(self):
        return "prompts/gold" in self or ("best_of_n/win" in self and not np.isnan(self["best_of_n/win"]).all())


def text_of(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


def percent(estimate):
    """"77.4 [75.5, 79.2]", or "–" where there is nothing."""
    value, low, high = 100 * np.asarray(estimate, dtype=float)
    if np.isnan(value):
        return "–"
    return f"{value:.1f}" if np.isnan(low) else f"{value:.1f} [{low:.1f}, {high:.1f}]"


def points(estimate):
    """"+0.2 [-1.1, +1.5]"."""
    value, low, high = 100 * np.asarray(estimate, dtype=float)
    if np.isnan(value):
        return "–"
    return f"{value:+.1f}" if np.isnan(low) else f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside `path`, which takes its place at the end; nothing is left of it after an error."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def parser_of(description, argument="run", text="run folder with results.h5, or such a file", nargs=None):
    """A parser with the path that every script reads."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(argument, type=pathlib.Path, nargs=nargs, help=text)
    return parser


def main(program):
    """Runs a command line program: wrong input is a message and exit code 3, a file that cannot be written code 4."""
    try:
        program()
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(4)
