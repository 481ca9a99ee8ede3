"""Loading a Dagger module written in Python, and calling its functions, each in a process of its own."""
