"""Below the ledger: pages as files, packs of them, and a whole ledger as one file."""
