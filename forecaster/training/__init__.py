"""One LightningModule, its fit and its artefact. A map of the files, by topic:

What to train     `recipe` goes from a name to artefacts; `auto` compares each `candidate` in a `trial` on held-out rows
                  and weights them by `votes`, or by `late_votes` where hardly any are; `blend` makes one forecast of several
How               `plan` has every setting, from the user or derived from the data: `settings` of the run, sorted by
                  `choice`, how far back a model reads (`lookback`), how much there is to do (`effort`)
Where             each training is a `job`, which runs here or `elsewhere`, within its part of the time (`time_shares`);
                  a run has a `checkpoint_folder`, which `in_use` guards
One training      `fit` is the entry: random `stretch`es (in a `curriculum`), whole series as a `stream`, or single
                  `windows` (`labelled_windows` for labellers); `held_out` is what validation reads
Steps of it       `run` has Lightning train the `module`, which needs of a network what `trainable` says: `schedule`,
                  `clipping`, `average`, `callbacks`, `time_limit`, `checkpoints` (as `nested` files), `workers`
Calibration       `calibration` corrects widths by errors: `held_out_calibration` for networks, `own_calibration` for
                  models without weights; `dependence` tells how errors hang together, `adaptive_widths` follows each
                  series' own; a `floor` of 0 holds where a series' past shows it
What comes out    a `network` in an `artefact`, with `facts` about it; `warm_start` begins with its weights. `reading` and
                  `writing` say what is wrong with a folder
Forecasts         `walk` gives them from any cutoffs: each `block` is one pass, `whole` is for models fitted to each
                  series; `tails` measures what is lost by reading the last rows alone
Row by row        `stepping` and `carried` go on from the `state_after` a pass; the `network_state` of some series is their
                  `encoder_state`, the `ring` of their last rows and their `recent_errors`
"""
