"""The ledger: records, their store and signatures, the policy, views, and GitHub. A library without a protocol."""
