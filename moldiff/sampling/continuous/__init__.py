"""Solvers of the coordinates."""
