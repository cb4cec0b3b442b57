"""The command `features`. No torch until it needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from al_lightning.cli.arguments import Arguments, begin
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import UsageError, printable

if TYPE_CHECKING:
    from al_lightning.config.experiment import Experiment
    from al_lightning.data.dataset import PoolDataset
    from al_lightning.distributed.processes import Processes
    from al_lightning.progress import Reporter


def features(given: list[str]) -> int:
    """Encode the images of a dataset or of a folder."""
    from al_lightning.config.names import ENCODER, ENCODERS, resolve, with_network, with_strategy

    parser = Arguments(
        "features",
        "Encodes each image of the pool and of the test set once, with a frozen network, into a store beside the data, "
        "which runs with the same network read. The same command continues after an "
        "interruption, and checks a finished store.",
        "(NAME | --images DIR) [--encoder NETWORK] [--out FILE [--skip-broken]] [options of fit]",
    )
    if not any(word.partition("=")[0] == "--images" for word in given):
        parser.add_argument("name", metavar="NAME", nargs="+", help="a dataset (cifar10), a run's name, or a YAML file")
    parser.add_argument("--images", type=Path, help="a folder of images, or of the folders `train` and `test`")
    parser.add_argument(
        "--encoder",
        metavar="NETWORK",
        help=f"a network as names have it (that of the name, else {ENCODER}; {ENCODERS['pixel']} for masks)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write vectors: .npz, .csv, or .npy with .txt")
    parser.add_argument("--skip-broken", action="store_true", help="leave out images of a folder that cannot be read")
    ours, options = parser.read_with_options(given)
    names = [] if ours.images else list(ours.name)
    if ours.images and any(option.partition("=")[0] == "--data.root" for option in options):
        raise UsageError("--data.root is a dataset's folder, and --images names a folder itself; give one of them.")
    if ours.skip_broken and not (ours.images and ours.out):
        raise UsageError(
            "--skip-broken belongs to --images DIR with --out FILE, which has a name for each vector; the features of "
            "a dataset belong to positions, so mend or take out the images that `al-lightning audit` lists."
        )
    configs = with_network(with_strategy(names or ["image_folder"]), ours.encoder, ENCODER)
    begin(ours.verbose)
    from al_lightning.config.hints import imported
    from al_lightning.features.export import check_out

    if ours.encoder is None and imported(resolve(configs).values["task"]["class_path"]).predicts == "pixel":
        configs = with_network(with_strategy(names), None, ENCODERS["pixel"])

    if ours.out is not None:
        check_out(ours.out)
    from al_lightning.config.experiment import configure_to_read
    from al_lightning.distributed.processes import Processes
    from al_lightning.progress import Reporter

    experiment = configure_to_read(configs, options)
    with (
        Processes.of(experiment.trainer, 0, ["features", *given]) as processes,
        Reporter(shown=shutdown.rank == 0) as reporter,
    ):
        data = experiment.data
        if ours.images:
            data = _folder(ours.images, data, ours.skip_broken, processes, reporter)
        for path in _make(experiment, data, ours.out, processes, reporter):
            print(path, flush=True)
    return 0


def _folder(
    images: Path, like: PoolDataset, skip_broken: bool, processes: Processes, reporter: Reporter
) -> PoolDataset:
    """Return a folder of any images, read as the images of a dataset are; if asked for, without broken ones."""
    from al_lightning.audits.folder import broken_images, folder_to_encode
    from al_lightning.labels.content import count_of, some

    folder = folder_to_encode(images, like)
    if not skip_broken or not (broken := processes.once(broken_images, folder, reporter.count)):
        return folder
    names = some([str(path.relative_to(folder.root)) for path in broken])
    verb = "is" if len(broken) == 1 else "are"
    reporter.say(printable(f"note: {count_of(len(broken), 'image')} cannot be read and {verb} left out: {names}"))
    return folder_to_encode(images, like, left_out=broken)


def _make(
    experiment: Experiment, data: PoolDataset, out: Path | None, processes: Processes, reporter: Reporter
) -> list[Path]:
    """Make the features; return what this process wrote or found: the store, or the files."""
    from al_lightning.data.pool_split import Reading
    from al_lightning.features.export import write_vectors
    from al_lightning.features.make import find_or_make
    from al_lightning.features.sets import MappedFeatures
    from al_lightning.seeding import seed_of
    from al_lightning.training.base import seed_global

    data.take_split(processes.once(data.find_split, Reading(reporter.say, reporter.count)))
    for remark in processes.once(data.remarks):
        reporter.say(remark.line)
    seed_global(seed_of("build", 0, 0, 0))  # the network of a run with seed 0
    network = experiment.network(experiment.data.num_classes if data is experiment.data else 2)
    found = find_or_make(
        data, network, processes, reporter, experiment.trainer, experiment.memory_format, experiment.pretrained
    )
    if processes.rank:
        return []
    data.save_known_files()
    if out is not None:
        if found.train.layout.maps:
            reporter.say("note: maps stay in the store alone; the vectors that are written are the embeddings")
        return write_vectors(data, found, out)
    if not isinstance(found.train, MappedFeatures):
        return []
    store = found.train.path.parent
    if others := sorted(path for path in store.parent.iterdir() if path.is_dir() and not path.suffix and path != store):
        size = sum(file.stat().st_size for path in others for file in path.iterdir()) / 1e6
        reporter.say(
            f"{store.parent} also holds {size:,.1f} MB of features of other encoders, options or files; delete "
            f"those that no run needs: {', '.join(path.name for path in others)}"
        )
    return [store]
