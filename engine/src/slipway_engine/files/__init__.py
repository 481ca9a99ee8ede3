"""Files on the host and in tar streams: patterns, manifests, snapshots, comparisons, exports; all without Docker."""
