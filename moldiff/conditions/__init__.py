"""Conditions: what a molecule can be required to have."""
