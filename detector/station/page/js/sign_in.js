// Signing in, or pairing a wall screen by a code.

import { post } from "./api.js";
import { field } from "./dialog.js";
import { h, setText } from "./dom.js";
import { t } from "./words.js";

/** Shows the form; resolves when someone has signed in or the screen is paired. */
export function signIn(root, reasonOf, languageButton) {
  return new Promise((resolve) => {
    const name = h("input", { name: "account", autocomplete: "username", required: true });
    const password = h("input", {
      name: "password",
      type: "password",
      autocomplete: "current-password",
      required: true,
    });
    const code = h("input", {
      name: "code",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      required: true,
    });
    const error = h("p", { class: "form-error", role: "alert" });
    const send = (path, body) => async (event) => {
      event.preventDefault();
      setText(error, "");
      try {
        await post(path, body());
        resolve();
      } catch (failure) {
        setText(error, reasonOf(failure));
        password.value = "";
      }
    };
    const account = h(
      "form",
      { class: "form", onsubmit: send("/api/login", () => ({ account: name.value, password: password.value })) },
      field(t("sign_in.account"), name),
      field(t("sign_in.password"), password),
      h("button", { class: "main", type: "submit" }, t("sign_in.do")),
    );
    const pair = h(
      "form",
      { class: "form", onsubmit: send("/api/pair", () => ({ code: code.value.trim() })) },
      field(t("sign_in.code"), code, t("sign_in.code_hint")),
      h("button", { class: "plain", type: "submit" }, t("sign_in.pair")),
    );
    root.replaceChildren(
      h(
        "main",
        { class: "sign-in" },
        h("header", { class: "dialog-head" }, h("h1", {}, "Vigitri"), languageButton),
        h("p", {}, t("sign_in.words")),
        error,
        account,
        h("h2", {}, t("sign_in.wall")),
        pair,
        h("p", { class: "disclaimer" }, t("disclaimer")),
      ),
    );
    name.focus();
  });
}
