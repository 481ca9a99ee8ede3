"""What the agent does for each request: one area a file."""
