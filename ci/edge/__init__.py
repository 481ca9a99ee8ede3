"""Settings to Caddy's configuration: text out, nothing executed."""

from ci.edge.config import ADMIN_PORT, COUNTED_HANDLER, Upstream, empty_config, release_config, upstream_of

__all__ = ["ADMIN_PORT", "COUNTED_HANDLER", "Upstream", "empty_config", "release_config", "upstream_of"]
