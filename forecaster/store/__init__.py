"""Storage: the lake of facts and the ledger of decisions."""
