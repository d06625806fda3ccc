"""Solvers of the classes."""
