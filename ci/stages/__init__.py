"""The stages: each file describes one stage as a chain over Dagger types."""
