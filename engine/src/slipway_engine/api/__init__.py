"""Dagger's API: one type a file, each field a method of the same name."""
