"""The tables, as migrations; `PRAGMA user_version` is the number of those that a database has."""

from __future__ import annotations

import sqlite3

from detector.station.store.payloads import sample_dictionary

_FIRST = """
CREATE TABLE dictionary (bytes BLOB NOT NULL);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    line TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    hazard TEXT NOT NULL,
    kind TEXT,
    priority TEXT NOT NULL,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    probability REAL,
    detail TEXT,
    members INTEGER NOT NULL,
    pile TEXT,
    outcome TEXT,
    t_raised_ns INTEGER NOT NULL,
    t_called_ns INTEGER,
    t_answered_ns INTEGER,
    t_closed_ns INTEGER,
    evidence_id TEXT,
    label TEXT,
    UNIQUE (boot_id, event_id, line)
);
CREATE INDEX events_raised ON events (t_raised_ns, line, hazard, t_called_ns);
CREATE INDEX events_line ON events (line, t_raised_ns);
CREATE INDEX events_hazard ON events (hazard, t_raised_ns);
CREATE INDEX events_outcome ON events (outcome, t_raised_ns) WHERE outcome IS NOT NULL;
CREATE INDEX events_open ON events (line, t_raised_ns) WHERE state != 'normal';

CREATE TABLE revisions (
    event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    t_published_ns INTEGER NOT NULL,
    t_recorded_ns INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (event, revision)
) WITHOUT ROWID;

CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
    what TEXT NOT NULL,
    operator TEXT NOT NULL,
    t_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    notice TEXT
);
CREATE INDEX answers_event ON answers (event);
CREATE INDEX answers_waiting ON answers (id) WHERE status = 'waiting';

CREATE TABLE evidence (
    evidence_id TEXT PRIMARY KEY,
    line TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    t_capture_ns INTEGER NOT NULL,
    crop_bytes INTEGER NOT NULL,
    frame_bytes INTEGER NOT NULL,
    t_dropped_ns INTEGER,
    payload BLOB NOT NULL
);
CREATE INDEX evidence_event ON evidence (line, boot_id, event_id);
CREATE INDEX evidence_time ON evidence (t_capture_ns);
CREATE INDEX evidence_kept ON evidence (t_capture_ns, crop_bytes, frame_bytes)
    WHERE t_dropped_ns IS NULL;

CREATE TABLE states (
    id INTEGER PRIMARY KEY,
    line TEXT NOT NULL,
    t_from_ns INTEGER NOT NULL,
    t_until_ns INTEGER NOT NULL,
    vision TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX states_line ON states (line, t_from_ns);

CREATE TABLE metrics (
    line TEXT NOT NULL,
    t_ns INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (line, t_ns)
) WITHOUT ROWID;

CREATE TABLE positions (
    line TEXT PRIMARY KEY,
    boot_id TEXT NOT NULL,
    alert_seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    t_ns INTEGER NOT NULL,
    account TEXT NOT NULL,
    role TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);
"""

MIGRATIONS = (_FIRST,)
"""Each is run once, in order; one that has been released is never changed."""


def migrate(connection: sqlite3.Connection, have: int) -> None:
    """Bring a database from version `have` to the newest, each step in one transaction."""
    for number, script in enumerate(MIGRATIONS[have:], have + 1):
        fill = script is _FIRST
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in script.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            if fill:
                connection.execute("INSERT INTO dictionary VALUES (?)", (sample_dictionary(),))
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
