"""What is counted while a process runs. Nothing here carries a text, a name or an address."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

turns = Counter("lapor_turns_total", "Messages handled", ["channel"])
repeats = Counter("lapor_repeats_total", "Messages that had been handled before", ["channel"])
complaints = Counter("lapor_complaints_total", "Complaints filed", ["channel"])
classifier_failures = Counter("lapor_classifier_failures_total", "Texts on which the classifier failed")
webhook_seconds = Histogram(
    "lapor_webhook_seconds",
    "From a provider's request to our answer",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
