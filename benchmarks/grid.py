"""The grid in JupyterLab and Chromium: from running a cell to painted rows, jumps, and the bytes of a page.

A small table of ten thousand rows and a big one of ten million are opened in turns by the same notebook, whose first
cell has imported the package and connected. Jumps are to rows drawn by lot in the big table, whose keys have gaps; each
is followed by the next page. Times are taken inside of the page, from the key that is pressed until the rows stand
there and two frames have passed. Beside it ipydatagrid shows the same rows, as many as it can.

    python benchmarks/grid.py [--engine NAME ...] [--rows N] [--rounds N] [--jumps N] [--ipydatagrid FOLDER]

FOLDER is where ``pip install --no-deps --target FOLDER ipydatagrid bqplot py2vega`` has put it.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common.measuring import machine, ratio, stored
from grid_data import STEP, fill

SMALL = 10_000
ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")

# Rows are painted when the first cell of the newest grid has a text and two more frames have passed.
OPENED = """async (number) => {
    const { commands, shell } = window.jupyterapp;
    const { content } = shell.currentWidget;
    content.activeCellIndex = number;
    const frame = () => new Promise(requestAnimationFrame);
    const output = () => content.widgets[number].node.querySelector('.jp-OutputArea-output');
    const before = output();
    const start = performance.now();
    void commands.execute('notebook:run-cell');
    while (output() === before || !output()?.querySelector('.mdb-body .mdb-cell')?.textContent) {
        if (performance.now() - start > 120000) throw new Error('no rows in two minutes');
        await frame();
    }
    await frame(); await frame();
    return performance.now() - start;
}"""
JUMPED = """async ([row, step]) => {
    const grid = [...document.querySelectorAll('.mdb-grid')].at(-1);
    const frame = () => new Promise(requestAnimationFrame);
    const shown = () => grid.querySelector('.mdb-body .mdb-row .mdb-cell')?.textContent;
    const number = () => Number(grid.querySelector('.mdb-body .mdb-row').getAttribute('aria-rowindex')) - 3;
    const options = { bubbles: true, cancelable: true };
    const press = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key, ...options }));
    const until = async (act) => {
        const start = performance.now();
        const from = number();
        act();
        await frame();
        while (number() === from || shown() !== String((number() + 1) * step)) {
            if (performance.now() - start > 60000) throw new Error(`row ${row} did not come, ${shown()} did`);
            await frame();
        }
        await frame(); await frame();
        return performance.now() - start;
    };
    const box = grid.querySelector('.mdb-goto');
    const jump = await until(() => { box.value = String(row); press(box, 'Enter'); });
    const view = grid.querySelector('.mdb-view');
    view.focus({ preventScroll: true });
    // The active row is at the top: the first key moves it down to the last row in view, the second brings a page.
    press(view, 'PageDown');
    const page = await until(() => press(view, 'PageDown'));
    return [jump, page];
}"""
PAINTED = """async (number) => {
    const { commands, shell } = window.jupyterapp;
    const { content } = shell.currentWidget;
    content.activeCellIndex = number;
    const frame = () => new Promise(requestAnimationFrame);
    const drawn = () => [...content.widgets[number].node.querySelectorAll('canvas')].some((canvas) => {
        if (!canvas.width || !canvas.height) return false;
        const [width, height] = [Math.min(canvas.width, 600), Math.min(canvas.height, 200)];
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        // Text makes dark pixels; an empty grid has light ones only.
        let dark = 0;
        for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at] < 110) dark += 1;
        return dark > 400;
    });
    const start = performance.now();
    void commands.execute('notebook:run-cell');
    while (!drawn()) {
        if (performance.now() - start > 180000) return null;
        await frame(); await frame(); await frame(); await frame(); await frame(); await frame();
    }
    return performance.now() - start;
}"""
BYTES = (
    "import json\n"
    "asked = {'type': 'win', 'id': '1', 'epoch': grid.controller.epoch, 'start': 200, 'count': 200}\n"
    "sent = grid.controller.answer(asked)\n"
    "print(len(json.dumps(sent.message)) + sum(map(len, sent.buffers)))"
)

FIRST = (
    "import multidb_explorer as mdb\nmdb.configure({{'default': {url!r}}})\nmdb.TableGrid\n"
    "print('ready', len(mdb.aliases['default'].tables))"
)
GATHERED = "print(len(grid.controller.pager._anchors))"
FRAME = (
    "import multidb_explorer as mdb\nfrom ipydatagrid import DataGrid\nmdb.configure({{'default': {url!r}}})\n"
    "frame = mdb.reflect('big').objects.order_by('id')[:{rows}].to_pandas()\n"
    "frame = frame.astype({{'price': float, 'name': object, 'city': object}})\nprint('ready')"
)
STATE = (
    "from ipywidgets.widgets.widget import _remove_buffers\n"
    "state, _, buffers = _remove_buffers(grid.get_state())\n"
    "print(len(str(state)) + sum(map(len, buffers)))"
)


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", nargs="*", default=ENGINES, choices=ENGINES)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the big table")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jumps", type=int, default=40)
    parser.add_argument("--url", nargs="*", default=(), help="NAME=URL of databases that are kept")
    parser.add_argument("--ipydatagrid", type=Path, help="the folder that it is installed in")
    return parser.parse_args()


@contextmanager
def opener(extra: Path | None = None) -> Iterator[Any]:
    """Start JupyterLab and Chromium, and give what opens notebooks in them."""
    from browser import conftest as lab_
    from playwright.sync_api import sync_playwright

    if extra is not None:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(extra), os.environ.get("PYTHONPATH", "")])
        os.environ["JUPYTER_PATH"] = str(extra / "share" / "jupyter")
    home = Path(tempfile.mkdtemp(prefix="multidb-grid-"))
    folder, port, token = home / "notebooks", lab_.free_port(), "bench"
    folder.mkdir()
    lab = lab_.Lab(f"http://127.0.0.1:{port}", token, folder, home / "settings")
    lab.set("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
    process = lab_.start(port, token, folder, home)
    chromium = os.environ.get("MULTIDB_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        lab_.wait_for(lab, process, home / "lab.log")
        with sync_playwright() as playwright:
            chrome = playwright.chromium.launch(executable_path=chromium, args=lab_.FLAGS)
            yield lab_.Opener(lab, chrome, home)
            chrome.close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def ready(book: Any, text: str) -> None:
    book.page.set_default_timeout(180_000)
    book.page.locator(".jp-OutputArea-output pre", has_text=text).wait_for()


def said(book: Any, source: str) -> str:
    """Run a cell and give what it printed."""
    mark = secrets.token_hex(4)
    book.run_more(f"{source}\nprint('{mark}')")
    output = book.page.locator(".jp-OutputArea-output pre", has_text=mark).last
    output.wait_for()
    return str(output.inner_text())


def gathered(book: Any, some: int) -> float:
    """Wait until keys were gathered all over the table, and give the seconds."""
    start = time.perf_counter()
    while int(said(book, GATHERED).split()[0]) < some and time.perf_counter() - start < 180:
        time.sleep(1)
    return round(time.perf_counter() - start, 1)


def grids(open_: Any, url: str, given: argparse.Namespace) -> dict[str, Any]:
    """Measure our grid on one engine."""
    first = FIRST.format(url=url)
    cells = [f"grid = mdb.TableGrid(mdb.reflect('{table}')); grid" for table in ("small", "big")]
    book = open_(first, *cells, run=False)
    book.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    ready(book, "ready")
    found: dict[str, list[float]] = {"small": [], "big": []}
    for round_ in range(given.rounds + 1):
        for number in (1, 2) if round_ % 2 else (2, 1):
            found["small" if number == 1 else "big"].append(book.page.evaluate(OPENED, number))
    for times in found.values():
        # The first round warms what both share: the browser's module, the kernel's imports.
        times.pop(0)
    book.page.evaluate(OPENED, 2)
    # Counting and the anchors come after the first rows; jumps are measured once they are there.
    prepared = gathered(book, given.rows // 11_000)
    rows = random.Random(7).sample(range(1_000, given.rows - 1_000), given.jumps)
    pairs = [book.page.evaluate(JUMPED, [row, STEP]) for row in rows]
    size = int(said(book, BYTES).split()[0])
    book.page.context.close()
    jumps, pages = ([pair[at] for pair in pairs] for at in (0, 1))
    return {
        "open_ms": found,
        "jump_ms": jumps,
        "page_ms": pages,
        "page_bytes": size,
        "anchors_s": prepared,
    }


def peers(open_: Any, url: str, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Measure ipydatagrid with the first rows of the same table as a frame."""
    found = []
    for rows in sizes:
        book = open_(FRAME.format(url=url, rows=rows), "grid = DataGrid(frame); grid", run=False)
        book.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
        ready(book, "ready")
        time_ = book.page.evaluate(PAINTED, 1)
        size = said(book, STATE).split()[0]
        book.page.context.close()
        found.append({"rows": rows, "open_ms": time_, "state_bytes": int(size)})
        print(f"ipydatagrid with {rows:,} rows: {time_ and round(time_)} ms, {int(size):,} bytes", flush=True)
        if time_ is None or time_ > 60_000:
            break
    return found


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def shown(engine: str, taken: dict[str, Any], rows: int) -> str:
    small, big = taken["open_ms"]["small"], taken["open_ms"]["big"]
    return (
        f"{engine:11} cell to rows: {median(small):5.0f} ms of {SMALL:,}, {median(big):5.0f} ms of {rows:,} "
        f"(x{ratio(big, small):.2f})   jump {median(taken['jump_ms']):4.0f} / p95 {p95(taken['jump_ms']):4.0f} ms   "
        f"page after it {median(taken['page_ms']):4.0f} / p95 {p95(taken['page_ms']):4.0f} ms   "
        f"{taken['page_bytes']:,} bytes a page   keys gathered after {taken['anchors_s']} s   load {taken['load']:.0f}"
    )


def urls_of(given: argparse.Namespace, stack: ExitStack) -> dict[str, str]:
    """Give the databases: those that were named, files, or new ones on servers of their own."""
    found = dict(pair.split("=", 1) for pair in given.url)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for engine in given.engine:
        if engine in ("sqlite", "duckdb"):
            found.setdefault(engine, f"{engine}:///{folder / f'bench.{engine}'}")
        elif engine not in found:
            import servers

            server = servers.shared(engine)
            if not isinstance(server, servers.Server):
                print(f"{engine} is left out: {server.reason}")
                continue
            found[engine] = server.create_database()
    return {engine: found[engine] for engine in given.engine if engine in found}


def main() -> None:
    given = asked()
    with ExitStack() as stack:
        urls = urls_of(given, stack)
        for engine, url in urls.items():
            fill(engine, url, "small", SMALL)
            fill(engine, url, "big", given.rows)
        results: dict[str, Any] = {}
        with opener(given.ipydatagrid) as open_:
            for engine, url in urls.items():
                results[engine] = {
                    "rows": given.rows,
                    "machine": machine("anywidget", "jupyterlab"),
                    "load": os.getloadavg()[0],
                    **grids(open_, url, given),
                }
                print(shown(engine, results[engine], given.rows), flush=True)
                stored("grid", results)
            if given.ipydatagrid:
                url = next(iter(urls.values()))
                results["ipydatagrid"] = peers(open_, url, (SMALL, 100_000, 1_000_000))
        stored("grid", results)


if __name__ == "__main__":
    main()
