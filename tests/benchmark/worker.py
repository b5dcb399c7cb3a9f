# SPDX-License-Identifier: Apache-2.0
"""The part that the peers share: arguments and the protocol of inference_benchmark.cpp, training_benchmark.cpp."""
import argparse
import json
import os
import resource
import sys
import time


def parse_arguments():
    """Of a peer in inference. Call before numeric libraries are imported: they read the number of threads when they
    start."""
    parser = common_parser()
    parser.add_argument("--mode", choices=("generate", "score"), default="generate")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--batch", type=int, default=0, help="prompts or sequences at once; 0: this peer's best")
    parser.add_argument("--labels", type=int, nargs=2, default=(71, 272))
    parser.add_argument("--seed", type=int, default=1)
    return started(parser.parse_args())


def parse_training_arguments():
    """Of a peer in training; likewise."""
    parser = common_parser()
    parser.add_argument("--optimizer", choices=("adamw", "adafactor"), default="adamw")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--pairs", type=int, default=2, help="of a step")
    parser.add_argument("--micro-batch", type=int, default=0, help="pairs at once; 0: this peer's best")
    return started(parser.parse_args())


def common_parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def started(arguments):
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


class Turns:
    """The conversation with compare.py, for programs that cannot be called from outside."""

    def __init__(self):
        self.loaded = peak_rss_mib()
        self.said_ready = False

    def wait(self):
        """Waits until a run is asked for and starts the clocks; False: there is no more to do."""
        if not self.said_ready:
            print("ready", flush=True)
        self.said_ready = True
        if sys.stdin.readline().strip() in ("", "quit"):
            return False
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return True

    def answer(self, found):
        """Tells about the run that has just ended."""
        used = {"seconds": time.perf_counter() - self.wall, "cpu_seconds": time.process_time() - self.cpu,
                "peak_rss_mib": peak_rss_mib(), "loaded_rss_mib": self.loaded}
        print(json.dumps(found | used), flush=True)


def serve(warm_up, run):
    """Answers "go" with one measured run(), which returns what it found as a dictionary."""
    turns = Turns()
    warm_up()  # first calls are slower
    while turns.wait():
        turns.answer(run())
