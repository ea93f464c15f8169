"""Trained models at work: forecasts and anomaly events.

Forecasts   `forecaster` trains and predicts; `fallback`, `paths` of whole futures, what was `attended` to, `tables`;
            `future_values` that are not there
Asked       `detection`, `rate` and `rules` (`gaps`, `maintenance`) are settings; `parting` ends training, `marks` are its labels;
            `asked` has the checks that every door makes
Alarms      `calibration` makes views of a row p-values, `budget` holds events to a rate, `alarms` goes on row after row;
            `feedback` and `muted` mind what people said
Channels    `together` is learnt of them, `channels` makes them views of a whole
A table     `detect` begins: `fitting` a detector, `stories` of its series, `events` and `silence` in them; what was `detected`
            becomes `detection_rows`, `replay` judges stored scores, `incidents` join events of several series
Kept        `calibrated` for one step, `saved_detector` for all, with their tables as in `ragged`; a `new_folder` is written whole
A stream    `stream` puts each row to the `followed` series of its step, which tell `newcomers` by their first rows: `places`, `lacking`, `singles` and `wholes` (`judging` puts
            many `abreast`), `open_events`; its `answers` become `stream_rows` or `stream_lines`; `standing` in a project
A file      `between_files` a detector is kept with where its series stand; those of a later one are `going_on` from there
Discoveries `wealth` is spent on events, `discoveries` decides one after the other, `fdr` all of a detection
"""
