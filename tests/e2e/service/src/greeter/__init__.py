"""A service that greets, and says which version of it does."""
