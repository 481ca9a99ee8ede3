"""Where a service lives: the Target protocol, and a package for each kind of target."""
