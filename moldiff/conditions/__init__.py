"""What a molecule can be asked to have."""
