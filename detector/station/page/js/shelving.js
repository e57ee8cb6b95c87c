// Shelving: a hazard set aside with a reason and a time limit; never BLIND.

import { post } from "./api.js";
import { field, openDialog, select } from "./dialog.js";
import { h } from "./dom.js";
import { named, t } from "./words.js";

export const SHELVED = ["gas", "battery", "overload", "jam", "belt_stopped"];
const MINUTES = [5, 15, 30, 60];
const REASONS = ["cleaning", "repair", "test", "known"];

export function openShelving(app, lineName, hazard) {
  const hazards = select(
    "hazard",
    SHELVED.map((each) => [each, named("hazard", each)]),
    hazard,
  );
  const minutes = select("minutes", MINUTES.map((each) => [String(each), t("shelve.minutes", { n: each })]), "15");
  const reason = h("input", {
    name: "reason",
    required: true,
    maxlength: 100,
    autocomplete: "off",
  });
  const error = h("p", { class: "form-error", role: "alert" });
  const quick = REASONS.map((each) =>
    h(
      "button",
      {
        type: "button",
        class: "plain",
        onclick: () => {
          reason.value = t(`shelve.reason.${each}`);
        },
      },
      t(`shelve.reason.${each}`),
    ),
  );
  const form = h(
    "form",
    { class: "form" },
    h("p", {}, t("shelve.words", { line: lineName })),
    field(t("shelve.hazard"), hazards),
    field(t("shelve.for"), minutes),
    field(t("shelve.reason"), reason),
    h("div", { class: "quick" }, quick),
    error,
    h("button", { class: "main", type: "submit" }, t("shelve.do")),
  );
  const { close } = openDialog(t("shelve.title"), form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/api/shelve", {
        line: lineName,
        hazard: hazards.value,
        minutes: Number(minutes.value),
        reason: reason.value.trim(),
      });
      close();
      app.toast(t("shelve.done", { hazard: named("hazard", hazards.value) }));
    } catch (failure) {
      error.textContent = app.reasonOf(failure);
    }
  });
}
