"""The agent's protocol: requests in, responses out, both JSON."""
