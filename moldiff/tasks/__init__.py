"""What users ask of one network: a part of a molecule is known and stays, the rest is drawn."""
