"""What tests of several processes do to them."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil


def wait_for(file: Path, *, size: int = 0) -> None:
    """Until a file is there and larger than so many bytes; two minutes at most."""
    deadline = time.monotonic() + 120
    while not (file.exists() and file.stat().st_size > size) and time.monotonic() < deadline:
        time.sleep(0.05)


def kill_one_worker(process: subprocess.Popen) -> None:
    """The younger of the two that work for a process."""
    workers = [c for c in psutil.Process(process.pid).children() if "spawn_main" in " ".join(c.cmdline())]
    assert len(workers) == 2
    max(workers, key=lambda worker: worker.pid).send_signal(signal.SIGKILL)


def free_port() -> str:
    """Of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
