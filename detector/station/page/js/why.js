// Why an alarm was raised: its looks, scores and sizes, and what the network attended to.

import { get } from "./api.js";
import { acrossText, kindText } from "./belt_strip.js";
import { answerButtons } from "./answers.js";
import { nsToMs } from "./clock.js";
import { openDialog } from "./dialog.js";
import { h, s, setText } from "./dom.js";
import { drawImage, fetchImage } from "./image.js";
import { keyOf, takesOutcome } from "./plant.js";
import { clockTime, dayAndTime, length, named, number, percent, t } from "./words.js";

export async function openWhy(app, alert) {
  const body = h("div", { class: "why" }, h("p", {}, t("why.loading")));
  openDialog(t("why.title", { name: named("hazard", alert.hazard) }), body, { wide: true });
  try {
    const path = `/api/events/${encodeURIComponent(alert.boot_id)}/${encodeURIComponent(alert.event_id)}`;
    show(app, body, readDetail(await get(path, { line: alert.line })));
  } catch (failure) {
    // Not in the store yet, or its disk hangs: what came over the wire is enough to explain.
    const words = failure.status === 404 ? "" : app.reasonOf(failure);
    if (!alert.why && !alert.cues) body.replaceChildren(h("p", { class: "form-error" }, words));
    else show(app, body, { alert, revisions: [], answers: [], evidence: null });
  }
}

function readDetail(detail) {
  const revisions = detail.revisions || [];
  const alert = revisions.at(-1)?.alert || detail.alert;
  const there = (detail.evidence || []).filter((each) => !each.t_dropped_ns);
  const row = there.at(-1);
  const payload = typeof row?.payload === "string" ? JSON.parse(row.payload) : row?.payload;
  return {
    alert: { ...alert, why: bestWhy(revisions) || alert.why },
    raised: revisions[0]?.alert || alert,
    revisions,
    answers: detail.answers || [],
    facts: detail.facts,
    evidence: row ? { id: row.evidence_id, ...payload } : null,
    dropped: !row && (detail.evidence || []).length > 0,
  };
}

/** The newest that has a size: an object that leaves the view is no longer measured. */
function bestWhy(revisions) {
  const all = revisions.map((each) => each.alert.why).filter(Boolean);
  return all.findLast((each) => each.length_mm !== null) || all.at(-1);
}

function show(app, body, { alert, raised, revisions, answers, evidence, dropped, facts: sent }) {
  const facts = sent || app.plant.lines.get(alert.line)?.facts;
  const buttons = answerButtons(app, () => app.plant.alarms.get(keyOf(alert))?.alert);
  const open = app.plant.alarms.get(keyOf(alert));
  buttons.update(open || null);
  body.replaceChildren(
    h(
      "div",
      { class: "why-columns" },
      h("div", { class: "why-pictures" }, pictures(app, evidence, dropped)),
      h(
        "div",
        { class: "why-facts" },
        summary(alert, facts),
        alert.why ? decision(alert, facts) : null,
        alert.why?.kinds?.length ? kinds(alert.why) : null,
        alert.why ? size(alert.why, raised) : null,
        alert.cues?.length ? cues(alert.cues) : null,
      ),
    ),
    open && app.may("operator") ? buttons.element : null,
    evidence?.looks?.length ? looks(evidence) : support(alert),
    history(revisions, answers),
    model(alert, facts),
  );
}

function summary(alert, facts) {
  const words = [kindText(alert), alert.members > 1 ? t("why.pile", { n: alert.members }) : ""];
  return h(
    "p",
    { class: "why-summary" },
    h("strong", {}, named("hazard", alert.hazard)),
    ` · ${[...words, acrossText(alert, facts), alert.detail].filter(Boolean).join(" · ")}`,
    h("br"),
    t("why.raised", { time: dayAndTime(nsToMs(alert.t_raised_utc_ns)), line: alert.line }),
  );
}

function pictures(app, evidence, dropped) {
  if (!evidence) return h("p", { class: "no-crop" }, t(dropped ? "why.dropped" : "why.no_pictures"));
  const base = `/api/evidence/${encodeURIComponent(evidence.id)}`;
  const crop = h("img", { src: `${base}/crop.jpg`, alt: t("why.crop") });
  const attention = h("figure", { class: "attention" });
  const ask = h("button", { type: "button", class: "plain" }, t("why.attention"));
  ask.addEventListener("click", () => attend(app, ask, attention, base));
  return [
    h("figure", {}, h("div", { class: "boxed" }, crop, cropBox(evidence)), caption("why.crop")),
    h(
      "figure",
      {},
      h(
        "div",
        { class: "boxed" },
        h("img", { src: `${base}/frame.jpg`, alt: t("why.frame") }),
        frameBoxes(evidence),
      ),
      caption("why.frame_caption"),
    ),
    attention,
    ask,
  ];
}

const caption = (key) => h("figcaption", {}, t(key));

/** Computed on demand by the station, from the stored crop. */
async function attend(app, ask, figure, base) {
  ask.disabled = true;
  setText(ask, t("why.attending"));
  try {
    const image = await fetchImage(`${base}/attention.png`);
    const picture = h("canvas", { role: "img", "aria-label": t("why.attention_alt") });
    drawImage(picture, image);
    figure.replaceChildren(picture, caption("why.attention_caption"));
    ask.remove();
  } catch (failure) {
    ask.disabled = false;
    setText(ask, t("why.attention"));
    figure.replaceChildren(h("p", { class: "form-error" }, app.reasonOf(failure)));
  }
}

function cropBox(evidence) {
  const { crop_box_px: square, box_px: box, frame_scale: scale } = evidence;
  if (!square || !box || !scale) return null;
  const side = square[2] - square[0];
  const own = box.map((each, index) => each / scale - square[index % 2]);
  return overlay([side, side], [outline(own, "box")]);
}

function frameBoxes(evidence) {
  const { frame_size_px: size, box_px: box, looks: passes, frame_scale: scale } = evidence;
  if (!size || !box) return null;
  const earlier = (passes || []).slice(0, -1).map((look) =>
    outline(look.box_px.map((each) => each * scale), "box earlier"),
  );
  return overlay(size, [...earlier, outline(box, "box")]);
}

function outline([x0, y0, x1, y1], name) {
  return s("rect", { class: name, x: x0, y: y0, width: Math.max(1, x1 - x0), height: Math.max(1, y1 - y0) });
}

function overlay([width, height], children) {
  const view = `0 0 ${width} ${height}`;
  return s("svg", { class: "boxes", viewBox: view, "aria-hidden": "true" }, children);
}

/** Score and probability against what they are decided by. */
function decision(alert, facts) {
  const name = facts?.hazards?.find((each) => each.hazard === alert.hazard);
  const classes = facts?.classes?.find((each) => each.hazard === alert.hazard);
  const verified = alert.why.kinds?.length > 0;
  const decided = (verified ? name : classes)?.threshold;
  const rows = [bar(t("why.probability"), alert.probability, verified || !classes ? decided : null)];
  rows.push(bar(t("why.score"), alert.why.score, verified ? null : decided));
  return h(
    "section",
    {},
    h("h3", {}, t("why.decision")),
    rows,
    h("p", {}, t("why.hits", { hits: alert.why.hits, passes: alert.why.passes })),
  );
}

function bar(label, share, threshold = null) {
  if (share === null || share === undefined) return null;
  const words = threshold === null || threshold === undefined ? percent(share) : t("why.against", { p: percent(share), threshold: percent(threshold) });
  return h(
    "div",
    { class: "bar-row" },
    h("span", { class: "bar-label" }, label),
    s(
      "svg",
      { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "bar-ground", width: 100, height: 10 }),
      s("rect", { class: "bar-value", width: share * 100, height: 10 }),
      threshold === null || threshold === undefined
        ? null
        : s("rect", { class: "bar-limit", x: threshold * 100 - 0.5, width: 1, height: 10 }),
    ),
    h("span", { class: "bar-words" }, words),
  );
}

function kinds(why) {
  return h(
    "section",
    {},
    h("h3", {}, t("why.kinds")),
    why.kinds.slice(0, 5).map((each) => {
      const harmless = each.hazard === "none" ? ` (${t("why.harmless")})` : "";
      return bar(named("kind", each.name) + harmless, each.probability);
    }),
    h("p", {}, t("why.verifier", { n: why.verifier_passes || 0 })),
  );
}

/** The measured length on the scale of what the class can have. */
function size(why) {
  if (why.length_mm === null) return h("p", {}, t("why.no_size"));
  const measured = t("why.size", { length: length(why.length_mm), width: length(why.width_mm) });
  const range = why.plausible_length_mm;
  if (!range) return h("section", {}, h("h3", {}, t("why.size_title")), h("p", {}, measured));
  const end = Math.max(range[1], why.length_mm) * 1.1;
  const x = (mm) => (mm / end) * 100;
  const words = t(why.size_plausible === false ? "why.size_odd" : "why.size_fits", {
    from: length(range[0]),
    to: length(range[1]),
  });
  return h(
    "section",
    {},
    h("h3", {}, t("why.size_title")),
    s(
      "svg",
      { class: "bar size", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "bar-ground", width: 100, height: 10 }),
      s("rect", { class: "bar-range", x: x(range[0]), width: x(range[1]) - x(range[0]), height: 10 }),
      s("rect", { class: "bar-limit", x: x(why.length_mm) - 0.7, width: 1.4, height: 10 }),
    ),
    h("p", {}, `${measured} ${words}`),
  );
}

function cues(all) {
  return h(
    "section",
    {},
    h("h3", {}, t("why.cues")),
    all.map((each) => bar(t(`cue.${each.name}`), each.share, each.raised_at)),
  );
}

function looks(evidence) {
  const first = evidence.looks[0].t_capture_utc_ns;
  return table(
    t("why.looks"),
    [t("why.frame_number"), t("why.time"), t("why.score"), t("why.taken_for")],
    evidence.looks.map((look) => [
      String(look.frame_index),
      sinceFirst(look.t_capture_utc_ns, first),
      look.score === null ? "–" : percent(look.score),
      (look.kinds || [])
        .map((each) => `${named("kind", each.name)} ${percent(each.probability)}`)
        .join(", ") || "–",
    ]),
  );
}

const sinceFirst = (ns, first) => `+${number(nsToMs(ns - first))} ms`;

function support(alert) {
  if (!alert.support?.length) return null;
  const first = alert.support[0].t_capture_utc_ns;
  return table(
    t("why.looks"),
    [t("why.frame_number"), t("why.time"), t("why.score")],
    alert.support.map((each) => [
      String(each.frame_index),
      sinceFirst(each.t_capture_utc_ns, first),
      percent(each.score),
    ]),
  );
}

function history(revisions, answers) {
  const rows = [
    ...revisions.map(({ alert }) => ({
      ns: alert.t_capture_utc_ns,
      words: [named("revision", alert.kind), named("state", alert.state), alert.outcome ? named("answer", alert.outcome) : ""],
    })),
    ...answers.map((each) => ({
      ns: each.t_ns,
      words: [t("why.answer", { answer: named("answer", each.what), operator: each.operator }), named("answer_status", each.status), each.notice],
    })),
  ].sort((a, b) => a.ns - b.ns);
  if (!rows.length) return null;
  return table(
    t("why.history"),
    [t("why.time"), t("why.what")],
    rows.map((row) => [clockTime(nsToMs(row.ns)), row.words.filter(Boolean).join(" · ")]),
  );
}

export function table(title, heads, rows) {
  return h(
    "div",
    { class: "table-box", tabindex: 0, role: "region", "aria-label": title },
    h(
      "table",
      {},
      h("caption", {}, title),
      h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((each) => h("td", {}, each))))),
    ),
  );
}

function model(alert, facts) {
  const { model: identity } = alert;
  if (!identity) return null;
  const version = facts?.model_version ? ` ${t("why.version", { n: number(facts.model_version) })}` : "";
  const head = identity.verifier_head_sha256?.slice(0, 12);
  return h(
    "p",
    { class: "why-model" },
    t("why.model", { name: identity.name + version, sha: identity.sha256.slice(0, 12) }),
    head ? ` ${t("why.head", { sha: head })}` : "",
    takesOutcome(alert) ? "" : ` ${t("why.of_line")}`,
  );
}
