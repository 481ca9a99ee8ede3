"""The resources in the database: what is asked and what comes back, nothing of HTTP."""
