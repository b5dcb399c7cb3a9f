# SPDX-License-Identifier: Apache-2.0
"""The part that the peers share: arguments and the protocol of inference_benchmark.cpp."""
import argparse
import json
import os
import resource
import sys
import time


def parse_arguments():
    """Call before numeric libraries are imported: they read the number of threads when they start."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--mode", choices=("generate", "score"), default="generate")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--batch", type=int, default=0, help="prompts or sequences at once; 0: this peer's best")
    parser.add_argument("--labels", type=int, nargs=2, default=(71, 272))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return arguments


def read_work(arguments):
    with open(arguments.work, encoding="utf-8") as file:
        return json.load(file)


def peak_rss_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def batches(work, size):
    """Places of the rows, `size` at a time, longest first, so that little is padded."""
    order = sorted(range(len(work)), key=lambda place: -len(work[place]))
    return [order[start:start + size] for start in range(0, len(order), size)]


def serve(work, new_tokens, run):
    """Answers "go" with one measured run(work, new_tokens), which returns what it found as a dictionary."""
    loaded = peak_rss_mib()
    run(work[:1], 2)  # first calls are slower
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        wall, cpu = time.perf_counter(), time.process_time()
        answer = run(work, new_tokens)
        answer |= {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu,
                   "peak_rss_mib": peak_rss_mib(), "loaded_rss_mib": loaded}
        print(json.dumps(answer), flush=True)
