"""The local engine: the part of Dagger's API that a pipeline uses, on the Docker Engine API of this machine."""
