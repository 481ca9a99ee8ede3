"""What people are told of the ledger: lines, reports, typed views, notices."""
