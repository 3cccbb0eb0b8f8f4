"""A server under load on loopback, beside the same model called from Python.

    python -m tests.benchmarks.serving RUN TEXT --clients 64 --seconds 60

Two loads, one after the other: each client asks for one sentence after another; then for so many at
a time that all clients together ask for twice what the server has room for. A client that is told
to come back asks again after a tenth of a second, whatever it was told. The clients compute on the
same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from seq2seq.config.serving import ServingSettings
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.translation.translator import Translator
from tests.support.serving import Server

AGAIN = 0.1
"""Seconds after which a client that was refused asks again."""


class Load(NamedTuple):
    """What came of a load.

    Attributes:
        sentences: of each request.
        seconds: of each answer.
        statuses: how often each came, and what went wrong instead of one.
        memory: of the server before and after, in MiB.
    """

    sentences: int
    seconds: list[float]
    statuses: Counter[str]
    memory: tuple[float, float]


async def client(port: int, bodies: Iterator[bytes], end: float, found: Load) -> None:
    """Asks until the end, over one connection for as long as that lasts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        body, start = next(bodies), time.monotonic()
        head = f"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
            status, *headers = answer.decode().lower().split("\r\n")
            (length,) = (line for line in headers if line.startswith("content-length"))
            await reader.readexactly(int(length.split(":")[1]))
        except (OSError, asyncio.IncompleteReadError) as error:
            found.statuses[type(error).__name__] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        found.statuses[status.split()[1]] += 1
        if " 200 " in status:
            found.seconds.append(time.monotonic() - start)
        elif " 429 " in status:
            await asyncio.sleep(AGAIN)
    writer.close()


async def ask(
    server: Server, lines: Sequence[str], pair: str, clients: int, seconds: float, at_a_time: int
) -> Load:
    """Lets clients ask for so many sentences at a time."""
    source, target = pair.split("-")
    endless = cycle(lines)

    def bodies() -> Iterator[bytes]:
        while True:
            asked = {"q": [*islice(endless, at_a_time)], "source": source, "target": target}
            yield json.dumps(asked).encode()

    before, end, shared = server.memory / 1024, time.monotonic() + seconds, bodies()
    found = Load(at_a_time, [], Counter(), (before, 0.0))
    await asyncio.gather(*(client(server.port or 0, shared, end, found) for _ in range(clients)))
    return found._replace(memory=(before, server.memory / 1024))


def from_python(run: str, lines: Sequence[str], seconds: float) -> list[str]:
    """Rows of the same model, called for one sentence at a time, and for batches of 64."""
    translator = Translator.load(run, "cpu")
    rows = []
    for size in (1, 64):
        endless, taken, end = cycle(lines), [], time.monotonic() + seconds
        translator.translate([*islice(endless, size)])
        while time.monotonic() < end:
            start = time.monotonic()
            translator.translate([*islice(endless, size)])
            taken.append(time.monotonic() - start)
        name = "Python, one by one" if size == 1 else f"Python, batches of {size}"
        rows.append(row(name, size * len(taken) / sum(taken), taken))
    return rows


def row(name: str, speed: float, taken: Sequence[float], rest: str = "| | |") -> str:
    """A row of the table."""
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else [float("nan")] * 99
    return f"| {name} | {speed:.1f} | {1000 * cuts[49]:.0f} | {1000 * cuts[98]:.0f} {rest}"


def served(found: Load, clients: int, seconds: float) -> str:
    """The row of a load."""
    total, ok = sum(found.statuses.values()), found.statuses["200"]
    others = {name: count for name, count in found.statuses.items() if name not in ("200", "429")}
    refused = f"{found.statuses['429'] / total:.1%}" + (f", {others}" if others else "")
    memory = " → ".join(f"{each:.0f}" for each in found.memory)
    name = f"{clients} clients, {found.sentences} at a time"
    return row(name, ok * found.sentences / seconds, found.seconds, f"| {refused} | {memory} |")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "run", help="a run or an export, as de-en=RUN if it does not say its languages"
    )
    parser.add_argument("text", help="sentences of its source language, a line each")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--queue-size", type=int, default=ServingSettings().queue_size)
    options = parser.parse_args()
    lines = [line for line in read_plain_lines(options.text) if line.strip()]
    settings = ServingSettings(queue_size=options.queue_size, max_texts=options.queue_size)
    room = settings.queue_size + settings.batch_size
    many = min(-(-2 * room // options.clients), settings.queue_size)
    flags = ["--queue-size", settings.queue_size, "--max-texts", many, "--max-characters", 10**6]
    print("| | sentences a second | p50, ms | p99, ms | refused | memory, MiB |")
    print("|---" * 6 + "|")
    for each in from_python(options.run.rpartition("=")[2], lines, options.seconds / 4):
        print(each, flush=True)
    with Server(options.run, *flags, "--no-split-sentences") as server:
        (name,) = {line.split(":")[0] for line in server.said.splitlines()[:1]}
        for at_a_time in (1, many):
            load = ask(server, lines, name, options.clients, options.seconds, at_a_time)
            print(served(asyncio.run(load), options.clients, options.seconds), flush=True)


if __name__ == "__main__":
    main()
