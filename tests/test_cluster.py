"""Work on Dask's workers, a real scheduler and two worker processes: the same numbers as here, and losses are said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import numpy as np
import pyarrow as pa
import pytest
import slowly
from pyarrow import parquet

from headwater import SourceRidge, cluster
from headwater.cli import main
from headwater.estimators.publishing import Asked, publish
from headwater.spectrum import partitions
from headwater.study.runner import complete, open_store
from headwater.study.synthetic.experiment import Synthetic
from headwater.tables.counted import Counted
from headwater.tables.streams import open_stream

pytest.importorskip("dask", reason="needs Dask: pip install 'headwater[scale]'")
pytest.importorskip("distributed", reason="needs Dask's distributed: pip install 'headwater[scale]'")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5)) + 3
Y = X @ RNG.normal(size=(5, 2)) + RNG.normal(size=(400, 2))
W = RNG.integers(0, 4, 400).astype(float)
FRAME = pd.DataFrame(X, columns=list("abcde")).assign(y=Y[:, 0], w=W)
NAMES = list("abcde")


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """The address of a scheduler on loopback, and its two workers, of one thread each and without a nanny."""
    folder = tmp_path_factory.mktemp("dask")
    file, log = folder / "scheduler.json", (folder / "log").open("w")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "dask"]
    started = []

    def start(*words):
        started.append(subprocess.Popen([*command, *map(str, words)], env=env, stdout=log, stderr=log, cwd=folder))
        return started[-1]

    start("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    options = ("--no-nanny", "--nthreads", 1, "--no-dashboard", "--memory-limit", 0, "--scheduler-file", file)
    both = [start("worker", *options, "--host", "127.0.0.1", "--local-directory", folder) for _ in range(2)]
    try:
        until = time.monotonic() + 60
        while not file.exists() or not file.stat().st_size:
            assert time.monotonic() < until and started[0].poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], both
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
        log.close()


@pytest.fixture(scope="module")
def client(workers):
    """A client that is active, with both workers there."""
    with cluster.connected(workers[0]):
        cluster.active().wait_for_workers(2, timeout=60)
        yield cluster.active()


def close(found, here):
    np.testing.assert_allclose(found.coef_, here.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.intercept_, here.intercept_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.tau_, here.tau_, rtol=1e-10)


def spread(kind):
    """The table as Dask may hold it: X, y and weights."""
    frame = dd.from_pandas(FRAME, npartitions=5)
    array = da.from_array(X, chunks=(90, 2))
    return {
        "chunks along features": (array, da.from_array(Y[:, 0], chunks=70), da.from_array(W, chunks=400)),
        "rows that are here": (array, Y[:, 0], W),
        "unknown sizes": tuple(frame[of].to_dask_array() for of in (NAMES, "y", "w")),
        "a frame": (frame[NAMES], frame["y"], frame["w"]),
        "a frame and an array": (frame[NAMES], frame["y"].to_dask_array(), frame["w"]),
        "missing allowed": (frame[NAMES].astype("Float64"), frame["y"], frame["w"]),
        "a part without rows": tuple(da.concatenate([of, of[:0]]) for of in (array, array[:, 0] * 0, array[:, 1] * 0)),
    }[kind]


def test_without_a_client_work_is_done_here():
    assert list(cluster.in_order(lambda value: value + 1, [1, 2])) == [2, 3]
    with cluster.connected(None):
        assert not cluster.is_spread(X) and cluster.is_spread(da.from_array(X))


def test_an_address_without_a_scheduler_is_said(monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 0.2)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(OSError, match="no Dask scheduler answers there"), cluster.connected(address):
            pass
        assert cluster.active() is None and da.ones(3).sum().compute() == 3  # here, as before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda rows, y, w: (rows, y[:300], w), "the same rows; they have 300 and 400"),
        (lambda rows, y, w: (rows, Y[:300, 0]), "the same rows; they have 300 and 400"),
        (lambda rows, y, w: (spread("unknown sizes")[0], Y[:, 0]), "unknown sizes: y and sample_weight must be Dask"),
        (lambda rows, y, w: (spread("unknown sizes")[0], y), "5 and 6 chunks of rows"),
        (
            lambda rows, y, w: (spread("a frame")[0], spread("a frame")[1].repartition(npartitions=2)),
            "2 and 5 partitions",
        ),
        (lambda rows, y, w: (spread("a frame")[0].assign(a="x"), spread("a frame")[1]), "not numbers"),
        (lambda rows, y, w: (rows, da.where(y > 0, y, np.nan)), "missing or infinite"),
        (lambda rows, y, w: (rows[:0], y[:0]), "no rows"),
        (lambda rows, y, w: (rows[:, 0], y), "needs rows and features"),
    ],
)
def test_what_is_not_cut_alike_is_said(wrong, said):
    with pytest.raises(ValueError, match=said) as refused:
        SourceRidge().fit(*wrong(*spread("chunks along features")))
    assert "\n" not in str(refused.value)


def test_leave_one_out_asks_for_rows_before_any_is_read():
    with pytest.raises(ValueError, match="needs the rows"):
        SourceRidge(criterion="loo").fit(*spread("chunks along features"))


def test_parts_without_rows_count_for_nothing():
    rows, y, weight = spread("a part without rows")
    moments = partitions.moments_of_partitions(rows, y + 1, weight + 1)
    assert moments.n == 400 and moments.rows == 400


KINDS = ["chunks along features", "rows that are here", "unknown sizes", "a frame", "a frame and an array"]


@pytest.mark.parametrize("kind", [*KINDS, "missing allowed"])
def test_a_source_is_fitted_where_its_rows_are(kind, request):
    if kind != "missing allowed":  # that one on threads here, without a client
        request.getfixturevalue("client")
    rows, y, weight = spread(kind)
    found = SourceRidge().fit(rows, y, weight)
    close(found, SourceRidge().fit(X, Y[:, 0], W))
    assert list(getattr(found, "feature_names_in_", [])) == (NAMES if hasattr(rows, "columns") else [])
    assert found.predict(X if not hasattr(rows, "columns") else FRAME[NAMES]).shape == (400,)


def test_several_outputs_and_no_weights(client):
    outcomes = da.from_array(Y, chunks=(100, 1))
    close(
        SourceRidge(fit_intercept=False).fit(spread("rows that are here")[0], outcomes),
        SourceRidge(fit_intercept=False).fit(X, Y),
    )


def test_a_source_is_published_by_the_workers(client, workers, tmp_path, monkeypatch, capsys):
    """To the same bits as here, for its parts are summed alike, in two passes as there are words."""
    columns = {name: X[:, place] for place, name in enumerate(NAMES)}
    table = pa.table({**columns, "kind": list("abba") * 100, "y": Y[:, 0]})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=70)

    def published():
        stream = open_stream(str(tmp_path / "rows.parquet"))
        return publish(stream, Asked(Counted("y")), lambda what: nullcontext())[0][-1].spectrum_

    there = published()
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "active", lambda: None)
        here = published()
    for of in ("eigenvalues", "u", "x_mean", "remainder"):
        np.testing.assert_array_equal(getattr(here, of), getattr(there, of))

    (tmp_path / "few.csv").write_text("a,y\n1,2.5\n2,3.5\n")
    command = ["publish", str(tmp_path / "few.csv"), "--outcome", "y", "--out", str(tmp_path / "source.skops")]
    monkeypatch.setattr(sys, "argv", ["headwater", *command, "--scheduler", workers[0]])
    with pytest.raises(SystemExit):
        main()
    assert "--scheduler: " in capsys.readouterr().err


def test_trials_are_run_by_the_workers(client, tmp_path, monkeypatch):
    def done():
        return client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)

    trials = Synthetic.phase(gammas=(2.0,), n_features=12, rhos=(0.8, 1.1), penalties=(0.1, 1.0), seeds=2).trials()
    told = []

    def records(folder):
        with open_store(folder) as store:
            complete(store, trials, None, lambda *counts: told.append(counts))
            return [store.record(trial.config) for trial in trials]

    before = done()
    there = records(tmp_path / "there")
    assert done() > before and told[-1] == (len(trials), len(trials))
    monkeypatch.setattr(cluster, "active", lambda: None)
    assert there == records(tmp_path / "here")


def test_a_worker_that_is_lost_changes_nothing_and_the_last_is_missed(client, workers, monkeypatch):
    """Its share is done anew by the other; where none is left, that is said."""
    address, (one, other) = workers
    found = cluster.in_order(slowly.square, range(40))
    first = [next(found) for _ in range(6)]
    one.send_signal(signal.SIGKILL)
    assert [*first, *found] == [value**2 for value in range(40)]
    client.wait_for_workers(1, timeout=30)
    moments = cluster.summed(
        slowly.moments, partitions.add, [da.from_array(X, chunks=(20, 5)), da.from_array(Y[:, 0], chunks=20)]
    )
    close(SourceRidge().fit_moments(moments), SourceRidge().fit(X, Y[:, 0]))

    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    found = cluster.in_order(slowly.square, range(40))
    next(found)
    other.send_signal(signal.SIGKILL)
    with pytest.raises(OSError, match="no Dask worker was left"):
        list(found)
    with pytest.raises(OSError, match="no worker has joined it"), cluster.connected(address):
        pass
