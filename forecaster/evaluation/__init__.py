"""Backtests, comparison and promotion. A map of the files, by topic:

Backtests      `compare` is the entry: a training, then a `backtest` of it beside the `reference`, with `refits` in between
               if asked; a `stopwatch` takes the cost
Numbers        a `scoreboard` adds up terms, by step, by series and by `blocks` of cutoffs; `scores_table` shows them, with
               `owa`; `significance` says how sure a difference is
Many models    `leaderboard` ranks them, `tuning` searches a `search_space` of settings
Serving        a `rehearsal` judges what `promotion` decides on; later `matured` forecasts get a `verdict`, and the
               `alarm_rate` an `alarm_verdict`
Detectors      `detector_board` is the entry: each has a `detection_trial`, with `detection_cases` for the metrics and the
               `buffer` around labelled windows
"""
