"""The resources in the database, independent of HTTP."""
