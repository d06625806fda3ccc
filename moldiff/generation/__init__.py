"""From a request to molecules."""
