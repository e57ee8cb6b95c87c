"""The station's store: one SQLite database, and images as files beside it.

with Store(Path("station")) as store:
    store.record_alert(header, alert)          # durable when it returns
    store.events(EventFilter(line="hall-2", hazard="gas", limit=50))
"""

from detector.station.store.records import (
    AnswerRow,
    AnswerTime,
    AuditRow,
    BlindTime,
    Count,
    EventDetail,
    EventFilter,
    EventRow,
    EvidenceRow,
    FalseAlarms,
    MetricsRow,
    Notice,
    RevisionRow,
    StoreError,
)
from detector.station.store.store import Store

__all__ = [
    "AnswerRow",
    "AnswerTime",
    "AuditRow",
    "BlindTime",
    "Count",
    "EventDetail",
    "EventFilter",
    "EventRow",
    "EvidenceRow",
    "FalseAlarms",
    "MetricsRow",
    "Notice",
    "RevisionRow",
    "Store",
    "StoreError",
]
