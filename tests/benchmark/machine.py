# SPDX-License-Identifier: Apache-2.0
"""What this machine is and how fast it multiplies matrices."""
import json
import os
import pathlib
import subprocess
import sys

from work import layer_widths

HERE = pathlib.Path(__file__).resolve().parent


def describe(cpuinfo=None):
    """Name of the processor and the instructions that decide speeds, from /proc/cpuinfo."""
    lines = (cpuinfo or pathlib.Path("/proc/cpuinfo").read_text()).splitlines()
    fields = {}
    for name, _, value in (line.partition(":") for line in lines):
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", "").split()
    return {"processor": fields.get("model name", "unknown"), "cores": os.cpu_count(),
            "family_model": f"{fields.get('cpu family', '?')}/{fields.get('model', '?')}",
            "avx2": "avx2" in flags, "avx512f": "avx512f" in flags, "avx512_bf16": "avx512_bf16" in flags,
            "amx_bf16": "amx_bf16" in flags, "load": os.getloadavg()[0]}


def computes_bfloat16(machine):
    return machine["avx512_bf16"] or machine["amx_bf16"]


def model_shapes(config, rows):
    """Products [rows, k] x [k, n] of an encoder layer, as (rows, k, n)."""
    d, inner, _ = layer_widths(config)
    return [(rows, d, 3 * inner), (rows, inner, d), (rows, d, 2 * config["d_ff"]), (rows, config["d_ff"], d)]


def ceiling(dtype, shapes, cores, threads):
    """GFLOP/s of torch in `dtype`: {"square": ..., "model": ...}; a process of its own on the same cores."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    start = [sys.executable, "-B", str(HERE / "gemm_ceiling.py"), dtype, json.dumps(shapes), str(threads)]
    done = subprocess.run(start, check=True, capture_output=True, text=True, env=environment,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return json.loads(done.stdout)
