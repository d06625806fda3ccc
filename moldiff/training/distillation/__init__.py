"""Training of a student of few network evaluations by rewards."""
