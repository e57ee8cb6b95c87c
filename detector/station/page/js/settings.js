// This screen's own settings: silence, keys of the button box, sign out, pairing.

import { post } from "./api.js";
import { ANSWERS } from "./answers.js";
import { openDialog } from "./dialog.js";
import { h, setText } from "./dom.js";
import { remaining, t } from "./words.js";

const SILENT_MINUTES = [1, 5, 15];

export function openSettings(app) {
  openDialog(t("settings.title"), [
    silence(app),
    keys(app),
    app.may("operator") ? pairing(app) : null,
    account(app),
  ]);
}

function silence(app) {
  const state = h("p", {});
  const update = () => {
    const left = app.sound.silentMs();
    setText(state, left ? t("sound.silent_for", { time: remaining(left) }) : t("sound.on"));
  };
  const buttons = SILENT_MINUTES.map((minutes) =>
    button(t("sound.silence", { n: minutes }), () => {
      app.sound.silence(minutes);
      update();
    }),
  );
  update();
  return section(
    t("sound.title"),
    state,
    h("div", { class: "quick" }, buttons, button(t("sound.again"), () => (app.sound.silence(0), update()))),
    h("p", { class: "hint" }, t("sound.gas")),
  );
}

function keys(app) {
  const rows = ANSWERS.map((what, index) => {
    const key = h("kbd", {}, app.keyboard.labelOf(index));
    const change = button(t("keys.change"), () => {
      setText(key, t("keys.press"));
      app.keyboard.learn(index, refresh);
    });
    change.setAttribute("aria-label", `${t("keys.change")}: ${t(`answer.${what}`)}`);
    return { key, element: h("li", {}, h("span", {}, t(`answer.${what}`)), key, change) };
  });
  const refresh = () => rows.forEach((row, index) => setText(row.key, app.keyboard.labelOf(index)));
  return section(
    t("keys.title"),
    h("p", { class: "hint" }, t("keys.words")),
    h("ul", { class: "key-rows" }, rows.map((row) => row.element)),
    button(t("keys.reset"), () => {
      app.keyboard.reset();
      refresh();
    }),
    h("p", { class: "hint" }, t("keys.others")),
  );
}

function pairing(app) {
  const code = h("p", { class: "pair-code", "aria-live": "polite" });
  const make = button(t("pair.make"), async () => {
    try {
      const made = await post("/api/pairing-code");
      setText(code, made.code);
    } catch (failure) {
      setText(code, app.reasonOf(failure));
    }
  });
  return section(t("pair.title"), h("p", { class: "hint" }, t("pair.words")), make, code);
}

function account(app) {
  const { me } = app;
  const who = me.account ? t("account.signed_in", { name: me.account, role: t(`role.${me.role}`) }) : t("account.local");
  const out = button(t("account.sign_out"), async () => {
    await post("/api/logout").catch(() => {});
    location.reload();
  });
  return section(t("account.title"), h("p", {}, who), me.account || me.paired ? out : null);
}

const button = (words, onclick) => h("button", { type: "button", class: "plain", onclick }, words);
const section = (title, ...content) => h("section", { class: "setting" }, h("h3", {}, title), content);
