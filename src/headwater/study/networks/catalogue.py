"""The data sets, one value each: what they hold, how their classes are split, and which network learns them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Where a data set's files are: below `--data` (train, test), and the same files on the Hugging Face hub."""

    local: tuple[str, str]
    repository: str
    hub: tuple[str, str]
    revision: str = "main"


@dataclass(frozen=True)
class Images:
    """How images are laid out in a file, and what makes their pixels in [0, 1] have mean 0 and spread 1 a channel."""

    column: str
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Dense:
    """A dense network: its hidden widths, and the share of units left out while it trains."""

    hidden: tuple[int, ...]
    dropout: float = 0.0


@dataclass(frozen=True)
class DataSet:
    """A source and a target in one pair of files, which share their features and no class.

    `title` stands over figures, `tasks` names both sides in a report ("<source>; the target has <target>"), `help` is
    the command's. `classes` are the names that the numbers in the files' `label` stand for, `source` and `target` those
    of each side, in the order in which they are numbered anew. Without `images` the features are TF-IDF of the column
    `text`, and the classes are in `label_text`. Without `dense` the network is the small convolutional one.
    """

    title: str
    tasks: str
    help: str
    origin: Origin
    source: tuple[str, ...]
    target: tuple[str, ...]
    classes: tuple[str, ...] = ()
    images: Images | None = None
    dense: Dense | None = None


_PARTS = ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet")
DATA_SETS = {
    "mnist": DataSet(
        title="MNIST",
        tasks="handwritten digits 0, 3, 6, 8, 9; the target has 1, 2, 4, 5, 7",
        help="Digits 0 3 6 8 9 → 1 2 4 5 7, dense network: accuracies against the source's weight decay.",
        origin=Origin(
            local=(f"mnist/mnist/{_PARTS[0]}", f"mnist/mnist/{_PARTS[1]}"),
            repository="ylecun/mnist",
            hub=(f"mnist/{_PARTS[0]}", f"mnist/{_PARTS[1]}"),
        ),
        source=tuple("03689"),
        target=tuple("12457"),
        classes=tuple("0123456789"),
        images=Images("image", (28, 28), (0.1307,), (0.3081,)),
        dense=Dense((128, 64)),
    ),
    "cifar10": DataSet(
        title="CIFAR-10",
        tasks="photographs of birds, cats, deer, dogs, frogs; the target has aeroplanes, cars, horses, ships, trucks",
        help="Photographs of animals → of vehicles and horses, convolutions: accuracies against weight decay.",
        origin=Origin(
            local=(f"cifar10/plain_text/{_PARTS[0]}", f"cifar10/plain_text/{_PARTS[1]}"),
            repository="uoft-cs/cifar10",
            hub=(f"plain_text/{_PARTS[0]}", f"plain_text/{_PARTS[1]}"),
        ),
        source=("bird", "cat", "deer", "dog", "frog"),
        target=("airplane", "automobile", "horse", "ship", "truck"),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        images=Images("img", (32, 32, 3), (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ),
    "newsgroups": DataSet(
        title="20 Newsgroups",
        tasks="messages of nine groups on computers and science; the target has nine others, and a new head",
        help="Messages on computers and science → other groups, dense network: accuracies against weight decay.",
        origin=Origin(
            local=("20_newsgroups/train.parquet", "20_newsgroups/test.parquet"),
            repository="SetFit/20_newsgroups",
            hub=("default/train/0000.parquet", "default/test/0000.parquet"),
            revision="refs/convert/parquet",  # the hub's own Parquet form of a repository that holds JSON lines
        ),
        source=(
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
        target=(
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
        dense=Dense((256, 128), dropout=0.3),
    ),
}
