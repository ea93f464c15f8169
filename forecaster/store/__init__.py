"""Storage: the lake of facts and the ledger of decisions. A map of the files, by topic:

Rows in      `intake` appends the `slices` of a source: the `border` checks rows (which are `waiting` where all or none may
             be stored), `found_steps` and `owners` look at their series, `news` leaves out what is known, `vanished`
             counts what is gone; `listening` does so with what is sent
The lake     `lake` holds facts; `lake_sql` reads them through `lake_files`, `upkeep` keeps them in order, `quality` looks
             for gaps and silence
The ledger   `ledger` holds decisions, in the tables of `schema`, with an `event_log` and `leases`; `database` opens it
             (`sqlite_file` with care), `queries` are shared parts
Questions    `sql` answers a SELECT over both
"""
