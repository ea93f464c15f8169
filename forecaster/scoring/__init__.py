"""Scoring with trained models: forecasts and anomaly events. A map of the files, by topic:

Forecasts   `forecaster` trains and predicts; `fallback` for series a network cannot forecast, sample `paths`, weights
            of what was `attended` to, output `tables`, missing `future_values`
Settings    `detection`, `rate` and `rules` (with `gaps` and `maintenance`); `training_ends` finds where training stops,
            `flagged` reads a column of flags, `marks` labels of training rows; `option_checks` has checks that every door makes
Alarms      `calibration` turns views of a row into p-values, `budget` holds events to a rate, `alarming` does both row by
            row, which gives `alarms`; `feedback` and `muted` apply what people said about events
Channels    `together` is what is learnt about the channels of one name, `channels` turns them into views of a whole
A table     `detect` is the entry: `fitting` a detector, `stories` of its series with `events` and `silence`; the result
            is `detected`, its output `detection_rows`; series of which no row was judged are told as `unjudged`;
            `replay` judges stored scores, `incidents` groups events of several series
On disk     `calibrated` for one step, `saved_detector` for all, tables as in `ragged`; `new_folder` writes all or none
A stream    `stream` reads rows, `stream_members` sends each to the `followed` series of its step, which `newcomers` show by
            their first rows: `places` puts it on a step, `lacking` fills in what is missing, the `assessor` judges its
            `channel_rows` as `singles` and as `wholes` (`judging` handles many series `abreast`) and keeps `open_events`,
            one answer for each of the name's `tracks`; `answers` become `stream_rows` or `stream_lines`, the state a
            `stream_file`; `standing` is the same for scheduled scoring in a project
Files       `between_files` saves a detector with the state of its series; with a later file they are `going_on`
Discoveries `wealth` is the budget for tests, `discoveries` decides event by event, `fdr` filters a whole detection
"""
