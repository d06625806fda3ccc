"""Pictures, animations and the report page."""
