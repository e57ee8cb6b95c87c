// A modal window: the browser keeps the focus in it, and Escape closes it.

import { freshId, h } from "./dom.js";
import { t } from "./words.js";

/** Opens a dialog with a heading and content; returns `{dialog, close}`. */
export function openDialog(title, content, { wide = false, onclose = () => {} } = {}) {
  const id = freshId("dialog");
  const dialog = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": id },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { id }, title),
      h(
        "button",
        { type: "button", class: "plain close", onclick: () => dialog.close() },
        t("dialog.close"),
      ),
    ),
    h("div", { class: "dialog-body" }, content),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose();
  });
  // A touch beside the window closes it.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, close: () => dialog.close() };
}

/** A labelled field. */
export function field(label, input, hint = "") {
  return h(
    "label",
    { class: "field" },
    h("span", { class: "field-label" }, label),
    input,
    hint ? h("span", { class: "field-hint" }, hint) : null,
  );
}

export function select(name, options, chosen) {
  return h(
    "select",
    { name },
    options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)),
  );
}
