# SPDX-License-Identifier: Apache-2.0
"""Runs westofn's T5 and its peers on the same model, data, cores and threads, in turn, and prints ratios.

  compare.py --model FOLDER --mode generate --source 512 --n 64 --new-tokens 48 --prompts 2 --runs 3
  compare.py --model FOLDER --mode score --source 608 --prompts 8
  compare.py --model FOLDER --mode score --data pairs.jsonl --source 608 --prompts 32      real lengths up to 608
  compare.py --model FOLDER --sharing                  time and memory of 64 samples against one
  compare.py --model FOLDER --suite [--data pairs.jsonl]
  compare.py --model FOLDER --mode train --source 560 --pairs 2 --steps 2       training of a reward model
  compare.py --model FOLDER --ranks 1,2 --ours bfloat16 --source 560            the same by ranks, a core each
"""
import argparse
import json
import os
import pathlib
import sys
import time

import machine
import programs
import summary
import work

OURS, PEERS = "float32", "ctranslate2:float32,ctranslate2:int8,transformers:float32"
TRAINING_OURS, TRAINING_PEERS = "float32,bfloat16", "transformers:float32,transformers:autocast,trl:autocast"
BFLOAT16_OURS, BFLOAT16_PEERS = ",bfloat16", ",transformers:bfloat16"  # of the suite, where the processor has it
SHARED_N = 64


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of make_model.py, or any T5 with its spiece.model")
    parser.add_argument("--mode", choices=("generate", "score", "train"), default="generate")
    parser.add_argument("--source", type=int, default=512, help="tokens of each source; with --data the most")
    parser.add_argument("--data", help="JSONL with prompt (and a, b or chosen, rejected): real lengths")
    parser.add_argument("--n", type=int, default=64, help="samples of a prompt")
    parser.add_argument("--new-tokens", type=int, default=48, help="tokens of every sample, no more and no fewer")
    parser.add_argument("--prompts", type=int, default=2, help="prompts to sample for, or sequences to score")
    parser.add_argument("--pairs", type=int, default=2, help="of an optimizer step")
    parser.add_argument("--micro-batch", type=int, default=1, help="pairs at once of ours")
    parser.add_argument("--steps", type=int, default=2, help="of a run, each with pairs of its own")
    parser.add_argument("--optimizer", choices=("adamw", "adafactor"), default="adamw")
    parser.add_argument("--ranks", help="as 1,2: train with so many ranks on so many cores, without peers")
    parser.add_argument("--runs", type=int, default=3, help="rounds in which every program runs once")
    parser.add_argument("--ours", help=f"precisions of ours, as float32,bfloat16; or none ({OURS}; in training "
                        f"{TRAINING_OURS})")
    parser.add_argument("--peers", help=f"NAME:PRECISION[:BATCH],...; none: ours alone ({PEERS}; in training "
                        f"{TRAINING_PEERS})")
    parser.add_argument("--batch", type=int, default=0, help="prompts or sequences at once of ours; 0: our default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cores", help="cores to run on, as 1 or 0,1; the last ones that are allowed")
    parser.add_argument("--clock", choices=("cpu", "wall"), help="of ratios and rates; cpu with one thread, else wall")
    parser.add_argument("--worker", type=pathlib.Path, help="our inference_benchmark or training_benchmark; the one "
                        "built last")
    parser.add_argument("--no-ceiling", action="store_true", help="do not measure matrix products")
    parser.add_argument("--sharing", action="store_true", help="64 samples against one, every program started afresh")
    parser.add_argument("--suite", action="store_true", help="all cases: see README.md")
    parser.add_argument("--out", type=pathlib.Path, help="write all that was measured as JSON")
    settings = parser.parse_args(arguments)
    settings.mode = "train" if settings.ranks else settings.mode
    with_bfloat16 = settings.suite and machine.computes_bfloat16(machine.describe())
    if settings.mode == "train":
        settings.ours, settings.peers = settings.ours or TRAINING_OURS, settings.peers or TRAINING_PEERS
    settings.ours = settings.ours or OURS + BFLOAT16_OURS * with_bfloat16
    settings.peers = settings.peers or PEERS + BFLOAT16_PEERS * with_bfloat16
    allowed = sorted(os.sched_getaffinity(0))
    settings.ranks = [int(ranks) for ranks in settings.ranks.split(",")] if settings.ranks else []
    needed = settings.threads * max(settings.ranks, default=1)
    settings.cores = [int(core) for core in settings.cores.split(",")] if settings.cores else allowed[-needed:]
    settings.clock = {"cpu": "cpu_seconds", "wall": "seconds"}[
        settings.clock or ("cpu" if settings.threads == 1 else "wall")]
    settings.worker = settings.worker or (None if settings.ours == "none" else programs.find_worker(settings.mode))
    return settings


def program_list(settings):
    batch = f":{settings.batch}" if settings.batch and settings.mode != "train" else ""
    ours = [f"{programs.OURS}:{dtype}{batch}" for dtype in settings.ours.split(",") if dtype != "none"]
    return ours + [peer for peer in settings.peers.split(",") if peer != "none"]


def make_case(settings, **changes):
    case = {key: getattr(settings, key) for key in ("model", "mode", "source", "data", "n", "new_tokens", "prompts",
                                                    "pairs", "steps", "micro_batch", "optimizer", "runs", "threads")}
    return case | changes


def case_ids(case):
    count = 2 * case["pairs"] * case["steps"] if case["mode"] == "train" else case["prompts"]
    if case["data"]:
        return work.real_ids(case["data"], case["model"], case["mode"], count, case["source"])
    return work.fixed_ids(count, case["source"], work.read_config(case["model"])["vocab_size"])


def describe_machine(about, settings):
    if settings.clock == "seconds" and about["load"] > 0.5:
        programs.tell(f"other programs are running here (load {about['load']:.1f}): wall times will show it")
    has = {True: "with", False: "without"}
    return (f"{about['processor']} (family/model {about['family_model']}), {has[about['avx512f']]} AVX-512, "
            f"{has[machine.computes_bfloat16(about)]} bfloat16 instructions; core {settings.cores}, threads "
            f"{settings.threads}, load {about['load']:.1f}; rates and ratios by {settings.clock}")


def describe_case(case, ids):
    lengths = sorted(map(len, ids))
    length = f"{lengths[0]}" if lengths[0] == lengths[-1] else f"{lengths[0]} to {lengths[-1]}"
    if case["mode"] == "generate":
        return (f"generate: {len(ids)} prompts of {length} tokens, N = {case['n']}, {case['new_tokens']} new tokens, "
                f"{case['runs']} rounds")
    if case["mode"] == "train":
        return (f"train, {case['optimizer']}: {case['steps']} steps of {case['pairs']} pairs, responses of {length} "
                f"tokens, {case['runs']} rounds")
    return f"score: {len(ids)} sequences of {length} tokens, {case['runs']} rounds"


def measure_ceilings(settings, config, ids):
    """GEMM rates of the precisions of ours, on as many rows as there are source tokens at once."""
    if settings.no_ceiling:
        return {}
    shapes = machine.model_shapes(config, max(map(len, ids)))
    dtypes = {name.split(":")[1] for name in program_list(settings)} & {"float32", "bfloat16"}
    return {dtype: machine.ceiling(dtype, shapes, settings.cores, settings.threads) for dtype in sorted(dtypes)}


def run_case(settings, case):
    names = program_list(settings)
    config, ids = work.read_config(case["model"]), case_ids(case)
    programs.prepare_model(case["model"], names)
    ceilings = measure_ceilings(settings, config, ids)
    measured = programs.take_turns(case, work.content(case, config, ids), names, settings)
    case |= {"tokens": sum(map(len, ids))}
    rows = summary.summarise(case, measured, settings.clock, work.case_flops(config, case, ids), ceilings)
    print(f"\n### {describe_case(case, ids)}\n\n{summary.table(case, rows)}")
    for dtype, rate in ceilings.items():
        print(f"\nGEMM {dtype}: {rate['square']:.0f} GFLOP/s at 2048^3, {rate['model']:.0f} at the shapes of the "
              "encoder")
    return {"case": case, "lengths": list(map(len, ids)), "ceilings": ceilings, "rows": rows, "runs": measured}


def run_ranks(settings, case):
    """Our trainer on several numbers of ranks, a core for each thread of each."""
    config, ids = work.read_config(case["model"]), case_ids(case)
    names = [f"{programs.OURS}:{dtype}:{ranks}" for dtype in settings.ours.split(",") for ranks in settings.ranks]
    measured = programs.take_turns(case, work.content(case, config, ids), names, settings)
    rows = summary.summarise_ranks(case, measured)
    print(f"\n### {describe_case(case, ids)}\n\n{summary.rank_table(rows)}")
    return {"case": case, "lengths": list(map(len, ids)), "rows": rows, "runs": measured}


def run_sharing(settings, case):
    """N = 64 against N = 1: each in a fresh process, so that a peak is its own."""
    lines = [["program", "precision", "N", "CPU s", "wall s", "peak MiB", "above loaded", "time against N = 1"]]
    results = []
    ids = case_ids(case)
    programs.prepare_model(case["model"], program_list(settings))
    for name in program_list(settings):
        base = None
        for n in (1, SHARED_N):
            rows = summary.summarise(case | {"n": n}, programs.take_turns(case | {"n": n}, ids, [name], settings),
                                     settings.clock, 0, {})
            row = rows[0] | {"n": n}
            results.append(row)
            base = base or row
            lines.append([row["program"], row["precision"], str(n), f"{row['cpu_seconds']:.3f}",
                          f"{row['seconds']:.3f}", f"{row['peak_rss_mib']:.0f}",
                          f"{row['peak_rss_mib'] - row['loaded_rss_mib']:.0f}",
                          f"{row[settings.clock] / base[settings.clock]:.2f}"])
    print(f"\n### 64 samples against one: {len(ids)} prompts of {len(ids[0])} tokens, {case['new_tokens']} new "
          f"tokens\n\n{summary.markdown(lines)}")
    return {"case": case, "sharing": results}


def suite(settings):
    """Every case that is asked of the engine."""
    yield from (run_case(settings, make_case(settings, mode="generate", source=source, data=None))
                for source in (512, 256, 100))
    yield run_case(settings, make_case(settings, mode="score", source=608, prompts=8, data=None))
    if settings.data:
        yield run_case(settings, make_case(settings, mode="score", source=608, prompts=32))
    yield run_sharing(settings, make_case(settings, mode="generate", source=512, prompts=1, data=None))


def main():
    settings = parse_arguments()
    about = machine.describe()
    print(describe_machine(about, settings))
    if settings.suite:
        results = list(suite(settings))
    elif settings.ranks:
        results = [run_ranks(settings, make_case(settings))]
    elif settings.sharing:
        results = [run_sharing(settings, make_case(settings, mode="generate"))]
    else:
        results = [run_case(settings, make_case(settings))]
    if settings.out:
        whole = {"machine": about, "date": time.strftime("%Y-%m-%d"), "clock": settings.clock, "results": results}
        settings.out.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (programs.WorkerError, OSError, ValueError) as error:
        sys.exit(f"compare.py: {error}")
