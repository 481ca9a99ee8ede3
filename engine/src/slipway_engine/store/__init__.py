"""What the engine remembers: values and results in the cache folder, secrets in memory only."""
