"""The shift report: one HTML page without anything from elsewhere, printed on two of A4."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import islice

from detector.station.store.export import all_events
from detector.station.store.history import HOUR_NS, NOT_RECORDED
from detector.station.store.records import BlindTime, EventFilter, EventRow
from detector.station.store.report_texts import TEXTS, Language
from detector.station.store.store import Store
from detector.vocabulary import Hazard, Outcome

TEN_MINUTES_NS = 600 * 10**9
ROWS, GAS_ROWS = 8, 18
"""Rows of each list: with more, the report would not fit two pages."""
_NUMBERS = {"alerts", "calls", "no_outcome", *Outcome}
"""Columns of numbers."""
_WIDTH_PX, _CHART_PX = 640, 80
_STYLE = """
@page { size: A4; margin: 14mm }
body { font: 9pt/1.3 system-ui, sans-serif; color: #111; margin: 0 auto; max-width: 182mm }
h1 { font-size: 17pt; margin: 0 }
h2 { font-size: 11pt; margin: 4mm 0 1mm }
p { margin: 1mm 0 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #999; padding: .5mm 1.5mm; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
.n { text-align: right }
.total td { font-weight: bold }
.page { break-before: page }

.remarks { border: 1px solid #999; height: 20mm }
.small { font-size: 8pt; color: #444 }
svg { display: block; max-width: 100% }
"""


def content_security_policy() -> str:
    """For a server that shows the report: its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"


def shift_report(
    store: Store, line: str | None, since: int, until: int, language: Language = "en"
) -> str:
    """The page as HTML."""
    report = _Report(store, line, since, until, TEXTS[language], language)
    parts = (
        report.head(),
        report.alarms(),
        report.load(),
        report.chart(),
        report.blind(),
        '<div class="page">',
        report.answered(),
        report.gas(),
        report.foot(),
        "</div>",
    )
    title = escape(f"{report.texts['title']}, {report.name}")
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


@dataclass(frozen=True)
class _Report:
    store: Store
    line: str | None
    since: int
    until: int
    texts: dict[str, str]
    language: Language

    @property
    def name(self) -> str:
        return self.line or self.texts["all_lines"]

    @property
    def wanted(self) -> EventFilter:
        return EventFilter(line=self.line, since=self.since, until=self.until)

    def head(self) -> str:
        texts = self.texts
        period = texts["from_to"].format(since=_moment(self.since), until=_moment(self.until))
        made = texts["made"].format(at=_moment(time.time_ns()))
        return (
            f"<h1>{escape(texts['title'])}</h1><p><b>{escape(self.name)}</b>, {escape(period)}</p>"
            f'<p class="small">{escape(made)}. {escape(texts["disclaimer"])}</p>'
        )

    def alarms(self) -> str:
        """Alerts, calls and outcomes by hazard."""
        alerts, calls = Counter[str](), Counter[str]()
        outcomes = Counter[tuple[str, str]]()
        for count in self.store.rates(self.line, self.since, self.until):
            alerts[count.hazard] += count.alerts
            calls[count.hazard] += count.calls
        for row in self.store.false_alarms_by_kind(self.line, self.since, self.until):
            for outcome in Outcome:
                outcomes[row.hazard, outcome] += getattr(row, outcome)
        rows: list[list[int]] = []
        names: list[str] = []
        for hazard in [each for each in Hazard if alerts[each]]:
            found = [outcomes[hazard, each] for each in Outcome]
            rest = max(0, calls[hazard] - sum(found))
            names.append(self.texts[hazard])
            rows.append([alerts[hazard], calls[hazard], *found, rest])
        sums = [sum(column) for column in zip(*rows, strict=True)]
        head = ("hazard", "alerts", "calls", *Outcome, "no_outcome")
        named = [[name, *row] for name, row in zip(names, rows, strict=True)]
        table = self._table(head, named, [self.texts["total"], *sums])
        return self._section("alarms", table)

    def load(self) -> str:
        """Alarms against EEMUA 191, answer times, time without vision."""
        texts = self.texts
        calls = Counter[int]()
        for count in self.store.rates(self.line, self.since, self.until, "ten_minutes"):
            calls[count.t_from_ns] += count.calls
        periods = max(1.0, (self.until - self.since) / TEN_MINUTES_NS)
        times = sorted(
            each.answer_s for each in self.store.answer_times(self.line, self.since, self.until)
        )
        blind_ns = sum(each.until - each.since for each in self._blind_times())
        lines = len({each.line for each in self._blind_times()}) or 1
        share = blind_ns / max(1, (self.until - self.since) * lines)
        rows: list[list[object]] = [
            [texts["mean_calls"], self._number(sum(calls.values()) / periods, 2), texts["goal"]],
            [texts["most_calls"], str(max(calls.values(), default=0)), ""],
            [texts["answer_median"], self._seconds(_quantile(times, 0.5)), ""],
            [texts["answer_p95"], self._seconds(_quantile(times, 0.95)), ""],
            [texts["unanswered"], str(sum(calls.values()) - len(times)), ""],
            [
                texts["blind_total"],
                _duration(blind_ns),
                texts["of_time"].format(share=f"{self._number(100 * share, 1)} %"),
            ],
        ]
        return self._section("load", self._table((), rows))

    def chart(self) -> str:
        """Calls per hour, as bars."""
        calls = Counter[int]()
        for count in self.store.rates(self.line, self.since, self.until):
            calls[count.t_from_ns] += count.calls
        first = self.since - self.since % HOUR_NS
        hours = list(islice(range(first, self.until, HOUR_NS), 48))
        bar_px = min(_WIDTH_PX // max(1, len(hours)), 48)
        most = max([*(calls[hour] for hour in hours), 1])
        bars = []
        for number, hour in enumerate(hours):
            high, x = round(_CHART_PX * calls[hour] / most), number * bar_px
            middle = x + bar_px // 2 - 1
            bars.append(
                f'<rect x="{x}" y="{_CHART_PX + 12 - high}" width="{bar_px - 3}" height="{high}" '
                'fill="#555"/>'
                f'<text x="{middle}" y="{_CHART_PX + 9 - high}">{calls[hour] or ""}</text>'
                f'<text x="{middle}" y="{_CHART_PX + 23}">'
                f"{time.strftime('%H', time.localtime(hour / 1e9))}</text>"
            )
        size = f'width="{len(hours) * bar_px}" height="{_CHART_PX + 28}"'
        label = escape(self.texts["per_hour"])
        return self._section(
            "per_hour",
            f'<svg {size} role="img" aria-label="{label}" font-size="9" text-anchor="middle">'
            f"{''.join(bars)}</svg>",
        )

    def blind(self) -> str:
        longest = sorted(self._blind_times(), key=lambda each: each.since - each.until)
        shown = sorted(longest[:ROWS], key=lambda each: each.since)
        rows = [
            [
                *(_moment(each.since), _duration(each.until - each.since), each.line),
                self.texts["not_recorded"] if each.reason == NOT_RECORDED else each.reason,
            ]
            for each in shown
        ]
        head = ("since", "duration", "line", "reason")
        return self._section("blind", self._table(head, rows) + self._more(len(longest)))

    def answered(self) -> str:
        rows = self.store.false_alarms_by_kind(self.line, self.since, self.until)
        table = self._table(
            ("hazard", "kind", *Outcome),
            [
                [
                    *(self.texts.get(each.hazard, each.hazard), each.kind or ""),
                    *(getattr(each, outcome) for outcome in Outcome),
                ]
                for each in rows[:ROWS]
            ],
        )
        return self._section("wrong", table + self._more(len(rows)))

    def gas(self) -> str:
        """The gas alarms that called, newest first, and who answered."""
        calling = [
            each
            for each in all_events(self.store, replace(self.wanted, hazard=Hazard.GAS))
            if each.t_called_ns is not None
        ]
        rows = [
            [
                *(_moment(each.t_raised_ns), each.line, each.kind or "", self._end(each)),
                self._operators(each),
            ]
            for each in calling[:GAS_ROWS]
        ]
        head = ("time", "line", "kind", "outcome", "by")
        return self._section(
            "gas_list", self._table(head, rows) + self._more(len(calling), GAS_ROWS)
        )

    def foot(self) -> str:
        return self._section("remarks", '<div class="remarks"></div>')

    # --- parts -------------------------------------------------------------------------------

    def _blind_times(self) -> list[BlindTime]:
        return self.store.blind_times(self.line, self.since, self.until)

    def _end(self, event: EventRow) -> str:
        if event.outcome is not None:
            return self.texts[event.outcome]
        return self.texts["open" if event.t_closed_ns is None else "closed"]

    def _operators(self, event: EventRow) -> str:
        answers = self.store.event(event.boot_id, event.event_id, event.line).answers
        return ", ".join(dict.fromkeys(each.operator for each in answers))

    def _section(self, title: str, content: str) -> str:
        return f"<h2>{escape(self.texts[title])}</h2>{content}"

    def _table(
        self,
        head: Iterable[str],
        rows: Sequence[Sequence[object]],
        total: Sequence[object] | None = None,
    ) -> str:
        if not rows:
            return f"<p>{escape(self.texts['none'])}</p>"
        titles = "".join(
            ('<th class="n">' if each in _NUMBERS else "<th>") + f"{escape(self.texts[each])}</th>"
            for each in head
        )
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
        if total is not None:
            body += f'<tr class="total">{_cells(total)}</tr>'
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"

    def _more(self, number: int, shown: int = ROWS) -> str:
        left = number - shown
        return f"<p>{escape(self.texts['more'].format(number=left))}</p>" if left > 0 else ""

    def _number(self, value: float, digits: int) -> str:
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "fr" else text

    def _seconds(self, value: float | None) -> str:
        return "–" if value is None else f"{self._number(value, 0)} s"


def _cells(row: Iterable[object]) -> str:
    return "".join(
        f'<td class="n">{cell}</td>' if isinstance(cell, int) else f"<td>{escape(str(cell))}</td>"
        for cell in row
    )


def _moment(t_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(t_ns / 1e9))


def _duration(length_ns: int) -> str:
    seconds = round(length_ns / 1e9)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds % 60:02d} s"


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
