"""Series at the border: frames, roles, steps, calendars and the contract of a connector. A map of the files, by topic:

A table in     `door` takes what a user has, `table` reads files (`csv_file` the difficult ones), `roles` says what columns
               are (`likely` guesses, if they have other names), `ahead` adds what is known in advance, `covariates` other
               series as they were known
The border     `frame` makes series of it: `rows` are cleaned, times read by a `clock` (`official_dates`, `month_names`,
               `compact_dates`), their `step` found (`spaced`: of rows that are planned, but not evenly), each row gets its
               place (`placing`); every repair is told in `quality`
Inside         a `grid`: series on one step, whose arithmetic is `frequency`; `seasonality` finds seasons, `calendar` and
               `public_holidays` are features of its times, `sessions` the days on which an exchange is open
A table out    `table_writer` writes files, `outputs` appear together or not at all; `labels` are spans of time that people
               marked
Connectors     `source` is their contract, `timed` the part that reads spans, `pushing` the part that is sent rows;
               `delivered` rows have times that `instants` reads, and must keep a `contract`; `secret` and `timetable` are
               settings of them
To try out     `synthetic` series have known properties
"""
