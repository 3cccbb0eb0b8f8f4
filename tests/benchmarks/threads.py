"""What waiting threads cost: training speed on an idle and on a busy machine, by GOMP_SPINCOUNT.

    python tests/benchmarks/threads.py

Each figure is the median of updates in a process of its own, with as many threads as cores; "busy"
means that as many other programs as there are cores compute at the same time. The settings take
turns. Nothing here is a test.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

COUNTS = ("1000", "10000", "100000", "300000")
ROUNDS = 2
WORK = """
import statistics, time, torch
from speed import VOCAB_SIZE, sentences, trainer
from seq2seq.models.translation import build_translation_model
from seq2seq.config.model import ModelSettings
from seq2seq.data.batching import make_batch
generator = torch.Generator().manual_seed(1)
batch = make_batch(sentences(90, generator), sentences(90, generator))
settings = ModelSettings(
    cell="gru",
    context="both",
    attention="none",
    encoder_sizes=(256,),
    decoder_sizes=(384,),
    dropout=0.0,
)
model = build_translation_model(VOCAB_SIZE, VOCAB_SIZE, settings)
update = trainer(model, batch, torch.float32)
times = []
for _ in range(8):
    started = time.perf_counter()
    update()
    times.append(time.perf_counter() - started)
print(batch.target_tokens / statistics.median(times[2:]))
"""


def tokens_per_second(count: str) -> float:
    """Target tokens a second, in a new process with this setting."""
    here = os.path.dirname(os.path.abspath(__file__))
    result = subprocess.run(
        [sys.executable, "-c", "import seq2seq\n" + WORK],
        env={**os.environ, "GOMP_SPINCOUNT": count, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


def measure() -> dict[str, float]:
    """The median speed with each setting, in turn."""
    speeds: dict[str, list[float]] = {count: [] for count in COUNTS}
    for _ in range(ROUNDS):
        for count in COUNTS:
            speeds[count].append(tokens_per_second(count))
    return {count: statistics.median(values) for count, values in speeds.items()}


def main() -> None:
    """Prints both tables, with each setting's ratio to torch's own."""
    for title, others in (("idle", 0), ("busy", os.cpu_count() or 1)):
        burners = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others)
        ]
        try:
            speeds = measure()
        finally:
            for burner in burners:
                burner.kill()
        print(f"\n{title}: {os.cpu_count()} threads, {others} other programs")
        for count, speed in speeds.items():
            ratio = speed / speeds["300000"]
            print(f"  GOMP_SPINCOUNT={count:7} {speed:9,.0f} tokens/s {ratio:6.2f} x")


if __name__ == "__main__":
    main()
