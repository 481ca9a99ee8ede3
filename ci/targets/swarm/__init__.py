"""Docker Swarm as a target: `target.py` implements the protocol, each other module one part of a stack."""
