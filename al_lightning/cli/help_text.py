"""What `--help` says of the commands that have much to say."""

FIT_HELP = """\
Runs a whole experiment: initial set, then per cycle fit, test, score, select, label.
The same command goes on where it was stopped, and prints the table of a finished run.

options:
  --config NAME        what to run: a name (`al-lightning configs` lists its parts) or a YAML file; may be repeated
  --seed S             seed of the run (0)
  --run_dir DIR        where it is kept (runs/NAME/seed_S); needed where options change results
  --data.root DIR      where the data are ($AL_DATA/<dataset>, else data/<dataset>)
  --budget.cycles N    number of acquisitions
  --steps N            length of each fit, or
  --epochs E           steps = E x labelled // batch size
  --initial HOW        how the first images are chosen: random, balanced (as many of each class), or spread (over
                       the pool, by a pretrained network's features; needs no label)
  --oracle files       people label: the run writes each batch, stops with exit code 76, and goes on when the labels
                       are there (`al-lightning labels`); --oracle.labels DIR, --oracle.accept_partial true
  --share RUN_DIR      take the first cycle's network of a run that differs in nothing but the strategy
  --acquisition CLASS  another strategy, by import path
  --trainer.devices N  number of processes, one GPU each; --trainer.accelerator, --trainer.precision ... likewise
  --compile MODE       train with torch.compile: default, reduce-overhead (small networks on a GPU), or max-autotune
  --price-per-label X  tell at the end, and whenever labels are awaited, what the last labels bought and the next cost
  --stop_on SIGNAL     a further signal that stops the run as SIGTERM does, for example USR1; may be repeated
  --print_config       print the merged configuration, with every option there is, and stop
  --verbose            show warnings, and the long text behind an error

examples:
  al-lightning fit --config digits_entropy
  al-lightning fit --config camvid_coreset --data.root /data/camvid --seed 1
"""
QUERY_HELP = """\
Scores a finished cycle's network again, with the same or another strategy.
The last line of standard output is the JSON list of what it chooses, in order.
"""
