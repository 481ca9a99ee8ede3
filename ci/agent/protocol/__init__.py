"""The agent's protocol: requests in, responses out, both JSON.

The protocol has no version number. Caller and agent come from one version of Slipway: `agent.lock` pins the hash of the
agent's inputs, which `ci/stages/agent_image.py` checks. A field that the agent does not know is an error
(`ci/frozen.py`), which `ci/agent/__main__.py` reports.
"""
