"""Text for people, and typed views, from the ledger's history."""
