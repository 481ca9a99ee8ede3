"""What is measured: one module a case, each with `measure(runs)`, which gives rows of the table."""
