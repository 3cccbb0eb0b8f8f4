"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from seq2seq.serving.batcher import Batcher

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counts of a server.

    Args:
        batchers: those of all models.
    """

    def __init__(self, batchers: Sequence[Batcher]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_BatcherCollector(batchers))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "seq2seq_requests", "Requests answered.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "seq2seq_request_seconds",
            "From a request to its answer.",
            ["path"],
            registry=self.registry,
        )

    def count(self, path: str, status: int, seconds: float) -> None:
        """Counts a request that was answered; `path` is one of few."""
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Returns all counts as they are now."""
        return generate_latest(self.registry)


class _BatcherCollector(Collector):
    """Reads what the batchers count."""

    def __init__(self, batchers: Sequence[Batcher]) -> None:
        self.batchers = batchers

    def collect(self) -> Iterable[Metric]:
        """Yields the counts of each model."""
        waiting = GaugeMetricFamily(
            "seq2seq_waiting_sentences", "Sentences in the queue.", labels=["model"]
        )
        sentences = CounterMetricFamily(
            "seq2seq_sentences", "Sentences translated.", labels=["model"]
        )
        batches = CounterMetricFamily("seq2seq_batches", "Batches translated.", labels=["model"])
        for batcher in self.batchers:
            labels = [batcher.model.name]
            waiting.add_metric(labels, len(batcher.waiting))
            sentences.add_metric(labels, batcher.sentences)
            batches.add_metric(labels, batcher.batches)
        return waiting, sentences, batches
