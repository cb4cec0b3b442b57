"""TensorBoard's view of a run: its metrics against the number of labelled images. The journal is the truth."""

from __future__ import annotations

from pathlib import Path

from al_lightning.results.journal import Run


def write_curve(folder: Path, run: Run) -> None:
    """Write the curve anew from the journal, so that no restart leaves a point twice.

    Args:
        folder: for the event file; older event files in it are replaced.
        run: the run.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    writer = EventFileWriter(str(folder))
    for number, cycle in enumerate(run.cycles):
        values = [
            Summary.Value(tag=f"curve/{name}", simple_value=value)
            for name, value in cycle.metrics.items()
            if isinstance(value, float)
        ]
        # Wall times only order the points; a constant clock keeps the file a function of the journal.
        writer.add_event(Event(wall_time=float(number), step=cycle.labelled, summary=Summary(value=values)))
    writer.close()
