"""Typed settings, read from JSON and the command line."""
