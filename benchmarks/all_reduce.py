"""Time how two processes of this machine add up gradients, as `nnrun launch --workers 2` does after each step.

    python benchmarks/all_reduce.py

Both processes hold arrays of 0.01, 1, 10 and 100 MB; JAX adds them up over loopback (gloo). Prints the median of ten
for each size, and the bytes a second.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time

SIZES_MB = (0.01, 1, 10, 100)
TIMES = 10


def work(rank: int, address: str) -> None:
    """Add up arrays together with the other process."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import numpy as np
    from jax.experimental import multihost_utils
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, num_processes=2, process_id=rank)
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    add = jax.jit(lambda rows: rows.sum(axis=0), out_shardings=NamedSharding(mesh, PartitionSpec()))
    for size in SIZES_MB:
        row = np.ones((1, int(size * 1e6 / 4)), np.float32)
        rows = multihost_utils.host_local_array_to_global_array(row, mesh, PartitionSpec("batch"))
        add(rows).block_until_ready()
        times = []
        for _ in range(TIMES):
            start = time.perf_counter()
            add(rows).block_until_ready()
            times.append(time.perf_counter() - start)
        if rank == 0:
            took = statistics.median(times)
            print(f"{size:7} MB {1000 * took:9.2f} ms {size / took:9.0f} MB/s", flush=True)


def main() -> int:
    """Start both processes."""
    if len(sys.argv) == 3:
        work(int(sys.argv[1]), sys.argv[2])
        return 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    workers = [subprocess.Popen([sys.executable, __file__, str(rank), address]) for rank in range(2)]
    return max(worker.wait() for worker in workers)


if __name__ == "__main__":
    sys.exit(main())
