"""Versions, digests, the ledger, approvals and the policy of promotion: no Dagger types inside."""
