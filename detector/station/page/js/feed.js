// The station's stream of events, reopened for as long as the page lives.

const REOPEN_MS = 500;
/** A connection that brings nothing for this long is replaced: a dead network does not report it. */
const GIVE_UP_MS = 4000;
const KINDS = ["hello", "clock", "line", "alarm", "alarms", "evidence", "answer", "learning"];

export class Feed {
  /** `receive(kind, data)` for each event; `refused()` when the session has ended. */
  constructor(receive, refused) {
    this.receive = receive;
    this.refused = refused;
    this.source = null;
    this.timer = null;
    this.heardMs = 0;
    this.closed = true;
  }

  open() {
    this.closed = false;
    this.connect();
    this.watch = setInterval(() => {
      if (this.source && performance.now() - this.heardMs > GIVE_UP_MS) this.reopen();
    }, 1000);
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  connect() {
    this.heardMs = performance.now();
    const source = new EventSource("/api/stream");
    this.source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        this.heardMs = performance.now();
        this.receive(kind, JSON.parse(event.data));
      });
    }
    source.onerror = () => {
      if (source === this.source) this.reopen();
    };
  }

  async reopen() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    if (this.closed) return;
    this.timer = setTimeout(() => this.connect(), REOPEN_MS);
    try {
      const answer = await fetch("/api/me", { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) this.refused();
    } catch {
      // The station is away: the page says so by its clock, and tries again.
    }
  }
}
