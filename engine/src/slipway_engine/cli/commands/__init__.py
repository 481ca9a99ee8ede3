"""One command a file: `run(options, arguments)` returns the exit status."""
