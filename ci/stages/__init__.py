"""The stages: each file says what one step of a delivery is, as a chain over Dagger types."""
