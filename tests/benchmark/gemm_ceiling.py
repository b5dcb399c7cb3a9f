# SPDX-License-Identifier: Apache-2.0
"""How fast torch multiplies matrices here, one JSON line: gemm_ceiling.py DTYPE SHAPES THREADS

The better of the two libraries in torch: MKL, which takes slower code on processors of others, and oneDNN, with its
weights packed beforehand where it can. By CPU time on one thread, so that other programs on the core do not count.
"""
import json
import sys
import time

import torch

SQUARE, SMALL = 2048, 256
LEAST_SECONDS = 0.4


def seconds_of(function, clock):
    """The least time of a call: what else runs on the machine can only add to it."""
    function()
    times = []
    while sum(times) < LEAST_SECONDS or len(times) < 3:
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def candidates(m, k, n, dtype):
    x, weight = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
    yield lambda: torch.mm(x, weight.t())
    try:
        plain = torch.ops.mkldnn._linear_pointwise
        plain(x, weight, None, "none", [], "")
        yield lambda: plain(x, weight, None, "none", [], "")
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.to_mkldnn(), m)
        plain(x, packed, None, "none", [], "")
        yield lambda: plain(x, packed, None, "none", [], "")
    except (RuntimeError, AttributeError):
        return  # this build or this processor has no such product


def best_seconds(shape, dtype, clock):
    return min(seconds_of(function, clock) for function in candidates(*shape, dtype))


def gflops(shapes, dtype, clock):
    work = sum(2 * m * k * n for m, k, n in shapes)
    return work / sum(best_seconds(shape, dtype, clock) for shape in shapes) / 1e9


def main():
    dtype, shapes, threads = getattr(torch, sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    with torch.inference_mode():
        small = gflops([(SMALL,) * 3], dtype, clock)
        if small < 5:  # emulated: the large products would take minutes and tell nothing more
            print(json.dumps({"square": small, "model": small, "emulated": True}))
            return
        print(json.dumps({"square": gflops([(SQUARE,) * 3], dtype, clock), "model": gflops(shapes, dtype, clock)}))


if __name__ == "__main__":
    main()
