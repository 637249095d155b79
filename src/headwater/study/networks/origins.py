"""Where each data set's files are found: below a folder, or downloaded once from the Hugging Face hub."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from headwater.study.networks.catalogue import DATA_SETS, Origin


def find(name: str, data: Path | None = None) -> tuple[Path, Path]:
    """The files (train, test) of a data set: below `data`, or the hub's copy, downloaded once.

    Raises OSError where one is missing; nothing is read.
    """
    origin = DATA_SETS[name].origin
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
