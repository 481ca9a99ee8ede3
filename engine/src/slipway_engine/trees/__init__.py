"""File trees made real: images in Docker, tar streams, snapshots of the host's folders, cache keys."""
