"""Named source → target pairs: what is read, from a folder and from a hub, and what is said when something is wrong."""

from __future__ import annotations

import http.server
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import hub_files
import numpy as np
import pyarrow as pa
import pytest
from optional import Image
from pyarrow import parquet
from sklearn.datasets import _twenty_newsgroups as reference

from headwater.study.networks import catalogue
from headwater.study.networks import data as datasets
from headwater.study.networks.experiment import Networks

REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in catalogue.DATA_SETS:
        hub_files.write(folder, name, (4, 2))
    return folder


@pytest.mark.parametrize(
    ("name", "shape", "classes"), [("mnist", (1, 28, 28), 5), ("cifar10", (3, 32, 32), 5), ("newsgroups", None, 9)]
)
def test_a_pair_shares_features_and_no_class(
    folder: Path, name: str, shape: tuple[int, ...] | None, classes: int
) -> None:
    pair = datasets.load(name, folder)
    assert not set(pair.source.classes) & set(pair.target.classes)
    for task in pair:
        for rows, per_class in ((task.train, 4), (task.test, 2)):
            assert rows.X.dtype == np.float32
            assert rows.X.shape == (classes * per_class, *(shape or rows.X.shape[1:]))
            np.testing.assert_array_equal(np.bincount(rows.y), [per_class] * classes)
    assert pair.source.train.X.shape[1:] == pair.target.test.X.shape[1:]


def test_pixels_are_normalised_by_channel_and_classes_renumbered_in_the_papers_order(folder: Path) -> None:
    table = parquet.read_table(folder / catalogue.DATA_SETS["cifar10"].origin.local[0])
    pair = datasets.load("cifar10", folder)
    wanted = [catalogue.DATA_SETS["cifar10"].classes.index(name) for name in pair.target.classes]
    rows = [(cell["bytes"], label) for cell, label in zip(*(c.to_pylist() for c in table.columns), strict=True)]
    mine = [(data, wanted.index(label)) for data, label in rows if label in wanted]
    assert pair.target.train.y.tolist() == [label for _, label in mine]
    pixels = np.asarray(Image.open(io.BytesIO(mine[3][0]))) / 255
    expected = (pixels - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    np.testing.assert_allclose(pair.target.train.X[3].transpose(1, 2, 0), expected, atol=1e-5)


def test_headers_quotes_and_footers_leave_as_in_scikit_learn() -> None:
    texts = [
        "From: a\n\nbody\nA wrote:\n> quoted\nmore\n\n--\nsignature",
        "From: a\n\none line",
        "From: a\n\n\n\n",
        "From: a",
        "From: a\n\nx\n-----\ny\n   \n",
    ]
    expected = [
        reference.strip_newsgroup_footer(reference.strip_newsgroup_quoting(reference.strip_newsgroup_header(text)))
        for text in texts
    ]
    assert datasets.strip(texts) == expected
    bare = ["first paragraph\n\nsecond", "another\n\nlast"]
    assert datasets.strip(bare) == bare


def test_words_come_from_the_sources_training_messages(folder: Path) -> None:
    pair = datasets.load("newsgroups", folder)
    np.testing.assert_allclose(np.linalg.norm(pair.source.train.X, axis=1), 1, rtol=1e-5)
    # Words of the target alone, and of headers, quotes and signatures, are not among the features.
    assert pair.source.train.X.any(0).all()
    assert not pair.target.train.X.any(0).all()


def damage(folder: Path, what: str) -> Path:
    """A copy of the MNIST files with the training file made wrong."""
    hub_files.write(folder, "mnist", (2, 1))
    path = folder / catalogue.DATA_SETS["mnist"].origin.local[0]
    table = parquet.read_table(path)
    if what == "missing":
        path.unlink()
    elif what == "text":
        path.write_text("<html>404</html>")
    elif what == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif what == "garbled":
        content = bytearray(path.read_bytes())
        content[40 : len(content) // 2] = b"\0" * (len(content) // 2 - 40)
        path.write_bytes(content)
    elif what == "column":
        parquet.write_table(table.rename_columns(["image", "digit"]), path)
    elif what == "struct":
        parquet.write_table(table.set_column(0, "image", pa.array(["x"] * len(table))), path)
    elif what == "image":
        cells = table["image"].to_pylist()
        cells[3]["bytes"] = cells[3]["bytes"][:40]
        parquet.write_table(table.set_column(0, "image", pa.array(cells)), path)
    elif what == "null":
        cells = table["image"].to_pylist()
        cells[3] = None
        parquet.write_table(table.set_column(0, "image", pa.array(cells)), path)
    elif what == "size":
        parquet.write_table(hub_files.images(catalogue.Images("image", (9, 9), (0.0,), (1.0,)), 2, 0), path)
    elif what == "class":
        parquet.write_table(table.filter(pa.compute.not_equal(table["label"], 7)), path)
    return path


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("missing", "is missing: put the files of the hub's ylecun/mnist there"),
        ("text", "not a whole Parquet file"),
        ("cut", "not a whole Parquet file"),
        ("garbled", "not a whole"),
        ("column", "has no column 'label'"),
        ("struct", "does not hold images"),
        ("image", "row 3: not a whole PNG or JPEG image"),
        ("null", "row 3: not a whole PNG or JPEG image"),
        ("size", "another size than 28 × 28"),
        ("class", "no row of class 7"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, what: str, said: str) -> None:
    path = damage(tmp_path, what)
    with pytest.raises((ValueError, OSError)) as problem:
        datasets.load("mnist", tmp_path)
    assert said in str(problem.value)
    assert str(path) in str(problem.value)


def test_an_unknown_name_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose from mnist, cifar10, newsgroups"):
        datasets.load("imagenet", tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        datasets.load("mnist", tmp_path / "nowhere")


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a download needs: a file's address, commit and content."""

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, with_body: bool) -> None:
        if "/resolve/" not in self.path:  # the client asks for news of its own
            self.send_error(404)
            return
        type(self).asked.append(self.path)
        name = self.path.split("/resolve/")[1].split("/", 1)[1]
        origins = [dataset.origin for dataset in catalogue.DATA_SETS.values()]
        origin = next(origin for origin in origins if f"/datasets/{origin.repository}/" in self.path)
        body = (type(self).folder / origin.local[origin.hub.index(name)]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body):040x}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(folder: Path) -> Iterator[tuple[str, list[str]]]:
    handler = type("ThisHub", (Hub,), {"folder": folder, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()


def elsewhere(code: str, home: Path, endpoint: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that reads its hub's address and cache from the environment, as the client does."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), "")
    env = {**os.environ, **proxies, "HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env | more)


def test_the_hubs_files_are_downloaded_once(tmp_path: Path, folder: Path, hub: tuple[str, list[str]]) -> None:
    endpoint, asked = hub
    code = (
        "from headwater.study.networks.data import load; "
        "[print(load(n).source.train.X.sum()) for n in ('mnist', 'newsgroups')]"
    )
    done = elsewhere(code, tmp_path, endpoint)
    assert done.returncode == 0, done.stderr
    mine = [datasets.load(name, folder).source.train.X.sum() for name in ("mnist", "newsgroups")]
    assert done.stdout.split() == [str(total) for total in mine]
    assert any("/datasets/ylecun/mnist/resolve/main/mnist/train-00000" in path for path in asked)
    before = len(asked)
    again = elsewhere(code, tmp_path, endpoint)
    assert (again.stdout, len(asked)) == (done.stdout, before)


def test_without_a_network_one_line_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("torch")  # which is asked for first
    code = "from headwater.cli import main; import sys; sys.argv = ['headwater', 'reproduce', 'mnist']; main()"
    done = elsewhere(f"import os; os.chdir({str(tmp_path)!r}); {code}", tmp_path / "hf", "http://x", HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert done.stderr.startswith("headwater: cannot download mnist/train-00000-of-00001.parquet of ylecun/mnist")
    assert "--data" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not here")
def test_the_real_messages_are_stripped_as_scikit_learn_strips_them() -> None:
    path = datasets.find("newsgroups", REAL)[1]
    texts = parquet.read_table(path, columns=["text"], use_threads=False)["text"].to_pylist()[:1500]
    expected = [
        reference.strip_newsgroup_footer(reference.strip_newsgroup_quoting(reference.strip_newsgroup_header(text)))
        for text in texts
    ]
    assert datasets.strip(texts) == expected


@pytest.mark.parametrize("name", catalogue.DATA_SETS)
def test_a_data_set_is_whole(name: str) -> None:
    """What one value has to say for the command, the network and the report to follow from it."""
    dataset = catalogue.DATA_SETS[name]
    assert not set(dataset.source) & set(dataset.target)
    assert dataset.title and dataset.tasks and dataset.help
    for scale in ("paper", "small"):
        assert Networks.of(name, scale).setting.dataset == name
    if dataset.images:
        assert {*dataset.source, *dataset.target} <= set(dataset.classes)
        assert len(dataset.images.mean) == len(dataset.images.spread) == (*dataset.images.shape, 1)[2]
