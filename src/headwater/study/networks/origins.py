"""Where each data set's files are, below a folder or on the Hugging Face hub, and how its classes are split."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """Where a data set's files are: below `--data` (train, test), and the same files on the Hugging Face hub."""

    local: tuple[str, str]
    repository: str
    hub: tuple[str, str]
    revision: str
    column: str


_PARTS = ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet")
ORIGINS = {
    "mnist": Origin(
        local=(f"mnist/mnist/{_PARTS[0]}", f"mnist/mnist/{_PARTS[1]}"),
        repository="ylecun/mnist",
        hub=(f"mnist/{_PARTS[0]}", f"mnist/{_PARTS[1]}"),
        revision="main",
        column="image",
    ),
    "cifar10": Origin(
        local=(f"cifar10/plain_text/{_PARTS[0]}", f"cifar10/plain_text/{_PARTS[1]}"),
        repository="uoft-cs/cifar10",
        hub=(f"plain_text/{_PARTS[0]}", f"plain_text/{_PARTS[1]}"),
        revision="main",
        column="img",
    ),
    "newsgroups": Origin(
        local=("20_newsgroups/train.parquet", "20_newsgroups/test.parquet"),
        repository="SetFit/20_newsgroups",
        hub=("default/train/0000.parquet", "default/test/0000.parquet"),
        revision="refs/convert/parquet",  # the hub's own Parquet form of a repository that holds JSON lines
        column="text",
    ),
}

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLITS = {
    "mnist": (tuple("03689"), tuple("12457")),
    "cifar10": (
        ("bird", "cat", "deer", "dog", "frog"),
        ("airplane", "automobile", "horse", "ship", "truck"),
    ),
    "newsgroups": (
        (
            "comp.graphics",
            "comp.os.ms-windows.misc",
            "comp.sys.ibm.pc.hardware",
            "comp.sys.mac.hardware",
            "comp.windows.x",
            "sci.crypt",
            "sci.electronics",
            "sci.med",
            "sci.space",
        ),
        (
            "rec.autos",
            "rec.motorcycles",
            "rec.sport.baseball",
            "rec.sport.hockey",
            "talk.politics.misc",
            "talk.politics.guns",
            "talk.religion.misc",
            "misc.forsale",
            "alt.atheism",
        ),
    ),
}


def find(name: str, data: Path | None = None) -> tuple[Path, Path]:
    """The files (train, test) of a data set: below `data`, or the hub's copy, downloaded once.

    Raises OSError where one is missing; nothing is read.
    """
    origin = ORIGINS[name]
    if data is None:
        return _download(origin, origin.hub[0]), _download(origin, origin.hub[1])
    if not data.is_dir():
        raise FileNotFoundError(f"--data {data}: there is no such folder")
    found = data / origin.local[0], data / origin.local[1]
    for path in found:
        if not path.is_file():
            raise FileNotFoundError(
                f"--data {data}: {path} is missing: put the files of the hub's {origin.repository} there as "
                f"{' and '.join(origin.local)}, or leave out --data to download them"
            )
    return found


def _download(origin: Origin, file: str) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:
        raise ImportError(
            "downloading needs huggingface_hub: pip install 'headwater[nets]', or name a folder with --data"
        ) from None
    fetch = partial(
        huggingface_hub.hf_hub_download, origin.repository, file, repo_type="dataset", revision=origin.revision
    )
    try:
        try:  # what is cached needs no network, not even to ask whether it is current
            return Path(fetch(local_files_only=True))
        except LocalEntryNotFoundError:
            logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it would print a line for every attempt
            return Path(fetch())
    except OSError as problem:
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise OSError(
            f"cannot download {file} of {origin.repository} from the Hugging Face hub ({reason.rstrip('.')}): check "
            "the network and run the same command again, or name a folder that holds the files with --data"
        ) from None
