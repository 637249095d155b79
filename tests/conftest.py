"""For the whole suite: no deadlines, for the machine may be busy; examples are drawn anew in every run."""

import sys

import pytest
from hypothesis import settings

from headwater.cli import main

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Decoded images are cached in a folder of this run's own, by the processes it starts as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def headwater(monkeypatch, capsys, tmp_path):
    """The command line in this process, started in an empty folder: status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*given):
        monkeypatch.setattr(sys, "argv", ["headwater", *map(str, given)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return run
