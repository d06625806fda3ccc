"""The process that we run in: precision, memory, threads, processes, interrupts, files."""
