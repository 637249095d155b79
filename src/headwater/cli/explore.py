"""`headwater explore`: a page with sliders that answers what the theory says, as a file or served to this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explore(
    html: Annotated[Path | None, typer.Option(help="Write the page to this file.", show_default=False)] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve it to this machine alone; 0 is any free port.", show_default=False),
    ] = None,
) -> None:
    """Sliders for two tasks, in a browser: which source penalty is best, for the source and for its downstream."""
    from headwater.pages.needed import check_installed

    if html is None and port is None:
        raise ValueError("say where: --html explore.html writes the page to a file, --port 8000 serves it")
    check_installed("the explorer", "jinja2")
    from headwater.files import check_output, replaced
    from headwater.pages.explorer import explorer
    from headwater.version import __version__

    page = explorer(__version__)
    if html is not None:
        check_output(html, option="--html")
        with replaced(html, "--html") as part:
            part.write_bytes(page)
        print(f"the page was written to {html}: open it in a browser")
    if port is not None:
        from headwater.cli.serving import serve  # the web server is slower to load than all else here

        serve(page, port)
