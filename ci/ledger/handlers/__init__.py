"""What the program does about each request: one kind a file."""
