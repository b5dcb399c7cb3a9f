#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of configs/README.md from what `westofn validate --reference` prints; what stands above them is kept.

    configs/make_reference.py build/release/westofn            writes
    configs/make_reference.py build/release/westofn --check    fails if the file would change
"""
import argparse
import pathlib
import re
import subprocess
import sys

README = pathlib.Path(__file__).with_name("README.md")
MARK = "## All keys\n"
ENTRY = re.compile(r"(?P<lead>[ #-]*)(?P<key>\w+):(?P<rest>.*)")


def read_keys(reference):
    """(path, type, default, meaning) of each key, in order. An item of a list is `[]`, an entry of a map NAME."""
    keys, above = [], []
    for line in reference.splitlines():
        entry = ENTRY.fullmatch(line)
        default, described, comment = entry["rest"].partition("  # ")
        if not described and entry["key"] != "NAME":
            continue  # an entry of a map that is there by default; its keys come again below NAME
        column = len(entry["lead"])
        while above and above[-1][0] >= column:
            above.pop()
        path = f"{above[-1][1] if above else ''}.{entry['key']}".lstrip(".")
        type_, _, meaning = comment.partition(": ")
        if described:
            keys.append((path, type_, default.strip(), meaning))
        above.append((column, path + ("[]" if type_.startswith("list of section") else "")))
    return keys


HEAD = "\n| key | type | default | meaning |\n|---|---|---|---|\n"


def row_of(key, type_, default, meaning):
    required = type_.endswith(", required")
    value = "*required*" if required else f"`{default}`" if default else ""
    cells = (f"`{key}`", type_.removesuffix(", required"), value, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def tables(keys):
    """A table of the keys outside of sections, then a heading and a table for each section."""
    sections = {path.split(".")[0] for path, *_ in keys if "." in path}
    out = [HEAD]
    for path, type_, default, meaning in keys:
        if path in sections:
            absent = " Left out by default." if default == "null" else ""
            out.append(f"\n### {path}\n{meaning[0].upper()}{meaning[1:]}.{absent}\n{HEAD}")
        else:
            out.append(row_of(path.split(".", 1)[-1], type_, default, meaning))
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("westofn", help="the program")
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    reference = subprocess.run([options.westofn, "validate", "--reference"], check=True, capture_output=True, text=True).stdout
    old = README.read_text(encoding="utf-8")
    head, mark, _ = old.partition(MARK)
    new = head + mark + tables(read_keys(reference))
    if options.check and new != old:
        sys.exit(f"{README}: is not what {sys.argv[0]} writes; run it without --check")
    if not options.check:
        README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
