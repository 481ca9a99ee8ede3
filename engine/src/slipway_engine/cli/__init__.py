"""The `ci` command: `dagger functions`, `dagger call` and `dagger check` on the local engine, and its housekeeping."""
