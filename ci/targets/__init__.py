"""Where a service lives: typed requests in, typed outcomes out, and one package for each kind of target."""
