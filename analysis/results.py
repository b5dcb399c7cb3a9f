# SPDX-License-Identifier: Apache-2.0
"""Reads results.h5 as the schema in README.md says; shared by report.py and compare.py."""
import pathlib
import sys

import h5py
import numpy as np

MAJOR = 1
KINDS = ("reward model", "preference model", "baseline")
VERDICTS = ("no difference seen", "better", "worse")
OUTCOMES = ("kept", "one response", "inverted", "too long", "not finite", "confidence", "chosen likelihood",
            "rejected likelihood", "joint likelihood")
LENGTHS = ("much shorter", "shorter", "equal", "longer", "much longer")


class ResultsError(Exception):
    """What is wrong with a run folder, for the user."""


class Results:
    """The results.h5 of a run; arrays by their path in the file."""

    def __init__(self, run):
        path = pathlib.Path(run)
        self.folder = path if path.is_dir() else path.parent
        self.path = path / "results.h5" if path.is_dir() else path
        if not self.path.exists():
            raise ResultsError(f"{self.path}: there is no such file; run `westofn evaluate` first")
        try:
            self.file = h5py.File(self.path, "r")
        except OSError as error:
            raise ResultsError(f"{self.path}: is no intact HDF5 file: {error}") from error
        filetype = self.file.attrs.get("filetype", b"")
        filetype = filetype.decode() if isinstance(filetype, bytes) else filetype
        if filetype != "westofn/results":
            raise ResultsError(f"{self.path}: holds '{filetype}', expected 'westofn/results'")
        version = self.file.attrs.get("version", [0, 0])
        if version[0] != MAJOR:
            raise ResultsError(f"{self.path}: has schema version {version[0]}, this program reads {MAJOR}")
        self.names = self.text("models/name")
        self.kinds = [KINDS[k] for k in self["models/kind"]]
        self.reference = int(self["models/reference"][0])
        self.n = int(self.file.attrs["n"])

    def __contains__(self, path):
        return path in self.file

    def __getitem__(self, path):
        if path not in self.file:
            raise ResultsError(f"{self.path}: lacks {path}")
        return self.file[path][:]

    def text(self, path):
        data, offsets = self[f"{path}/bytes"].tobytes(), self[f"{path}/offsets"]
        return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]

    def estimate(self, path):
        """An array of shape [models, 3]: value, low, high."""
        return np.stack([self[f"{path}/{part}"] for part in ("value", "low", "high")], axis=-1)

    def models(self, kind=None):
        """Indices of the models of a kind."""
        return [i for i, k in enumerate(self.kinds) if kind in (None, k)]


def percent(estimate):
    """"77.4 [75.5, 79.2]", or "–" where there is nothing."""
    value, low, high = 100 * np.asarray(estimate)
    if np.isnan(value):
        return "–"
    return f"{value:.1f}" if np.isnan(low) else f"{value:.1f} [{low:.1f}, {high:.1f}]"


def points(estimate):
    """"+0.2 [-1.1, +1.5]"."""
    value, low, high = 100 * np.asarray(estimate)
    if np.isnan(value):
        return "–"
    return f"{value:+.1f}" if np.isnan(low) else f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def main(program):
    """Runs a command line program; a ResultsError becomes a message and exit code 3."""
    try:
        program()
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
