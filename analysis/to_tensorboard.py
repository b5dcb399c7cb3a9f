# SPDX-License-Identifier: Apache-2.0
"""Writes the curves of a run for TensorBoard (RUN/tensorboard by default): tensorboard --logdir RUN/tensorboard

One TensorBoard run for each model that was trained; Best-of-n stands over n, in the place of the step. Two calls write
the same bytes: the clock of an event is its step.
"""
import pathlib

import numpy as np

import tables
from results import Results, ResultsError, main, parser_of, replacing

SERIES = {"loss": "training/loss", "learning_rate": "training/learning_rate", "gradient_norm": "training/gradient_norm",
          "validation_loss": "validation/loss", "validation_accuracy": "validation/accuracy"}
BEST_OF_N = {"win": "best_of_n/win_by_gold", "gold": "best_of_n/gold_reward", "score": "best_of_n/own_score"}
LAST = {"accuracy": "evaluation/accuracy", "high_confidence": "evaluation/high_confidence_accuracy",
        "win_over_pool": "evaluation/win_by_gold", "win_by_judge": "evaluation/win_by_judge"}


def scalars(results):
    """Model -> list of (tag, step, value), in the order of the steps."""
    found = {}
    for frame, series, step in ((tables.curves(results), SERIES, "step"), (tables.best_of_n(results), BEST_OF_N, "n")):
        for model, rows in frame.groupby("model", sort=False):
            for column, tag in series.items():
                rows_with = rows[rows[column].notna()]
                found.setdefault(model, []).extend(zip([tag] * len(rows_with), rows_with[step], rows_with[column]))
    for row in tables.models(results).to_dict("records"):
        found.setdefault(row["model"], []).extend((tag, 0, row[c]) for c, tag in LAST.items() if not np.isnan(row[c]))
    return {model: sorted(rows, key=lambda row: row[1]) for model, rows in found.items() if rows}


def folder_name(model, taken):
    """A name of a folder for a model, which may be called anything."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in model)[:100].strip(".") or "model"
    while safe in taken:
        safe += "_"
    taken.add(safe)
    return safe


def write_events(path, rows):
    """One event file."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise ResultsError(f"the package tensorboard is missing ({error}); pip install -r requirements.txt") from error
    with replacing(path) as temporary, open(temporary, "wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=0, file_version="brain.Event:2").SerializeToString())
        for tag, step, value in rows:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=float(value))])
            writer.write(Event(wall_time=float(step), step=int(step), summary=summary).SerializeToString())
        writer.flush()


def program():
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=pathlib.Path, help="folder for the event files (default: RUN/tensorboard)")
    options = parser.parse_args()
    results = Results(options.run)
    folder, taken = options.out or results.folder / "tensorboard", set()
    for model, rows in scalars(results).items():
        path = folder / folder_name(model, taken) / "events.out.tfevents.0.westofn"
        write_events(path, rows)
        print(f"{len(rows):>8} values  {path}")


if __name__ == "__main__":
    main(program)
