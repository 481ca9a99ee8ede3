"""Where records are kept: written to the registry, read back, and looked at closely."""
