"""Alerts and the dashboard ask for metrics and labels that there are; the runbook knows every alert."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from prometheus_client.metrics import MetricWrapperBase

from app import metrics
from db.fleet import Figures
from worker import measures

ROOT = Path(__file__).parent.parent.parent
ALERTS = (ROOT / "deploy/alerts.yaml").read_text()
DASHBOARD = json.loads((ROOT / "deploy/grafana/lookreel.json").read_text())
RULE = re.compile(
    r"- alert: (\w+)\n +expr: (.+)\n +for: \d+[mh]\n +labels: \{severity: (?:page|ticket)\}\n +annotations: "
)
NAMES = re.compile(r"\blookreel_\w+")
LABELS = re.compile(r"(lookreel_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"by \(([^)]*)\)")
ENDINGS = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


def offered() -> dict[str, set[str]]:
    """Return the labels of each series that `/metrics` may have, by its name."""
    found = {}
    figures = SimpleNamespace(**dict.fromkeys(Figures.columns(), 0))
    for gauge in metrics.OfTheDatabase(cast("Figures", figures)).collect():
        found[gauge.name] = {label for sample in gauge.samples for label in sample.labels}
    values = [value for module in (metrics, measures) for value in vars(module).values()]
    for metric in [getattr(value, "metric", value) for value in values]:
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            for ending in ENDINGS[family.type]:
                found[family.name + ending] = {*metric._labelnames, *(["le"] if ending == "_bucket" else [])}  # noqa: SLF001 - nothing else tells
    return found


def expressions() -> list[str]:
    of_panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [expression for _, expression in RULE.findall(ALERTS)] + of_panels


def test_every_rule_is_read() -> None:
    assert len(RULE.findall(ALERTS)) == ALERTS.count("- alert:") == 15


def test_every_metric_and_label_that_is_asked_for_is_there() -> None:
    there = offered()

    asked = {name for expression in expressions() for name in NAMES.findall(expression)}
    assert asked - there.keys() == set()
    for expression in expressions():
        for name, conditions in LABELS.findall(expression):
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", conditions)) <= there[name], expression
        known = set().union(*(there[name] for name in NAMES.findall(expression)))
        for labels in GROUPED.findall(expression):
            assert {label.strip() for label in labels.split(",")} <= known, expression


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in NAMES.findall(target["expr"])
    }
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in offered()}

    assert {re.sub(r"_(total|bucket)$", "", name) for name in shown} == families
