"""Training of a property predictor."""
