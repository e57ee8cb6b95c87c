// Texts in the operator's language. Both files have the same keys; a test compares them.

import { get } from "./api.js";

export const LANGUAGES = ["en", "fr"];
let texts = {};
let language = "en";

export async function loadWords(name) {
  language = LANGUAGES.includes(name) ? name : "en";
  texts = await get(`/static/texts.${language}.json`);
  document.documentElement.lang = language;
}

export function currentLanguage() {
  return language;
}

/** The text of a key, `{name}` replaced; with `n`, the form `key.one` or `key.many`. */
export function t(key, values = {}) {
  let name = key;
  if ("n" in values && !(key in texts)) {
    // In French, 0 and 1 are singular.
    const one = language === "fr" ? Math.abs(values.n) < 2 : values.n === 1;
    name = `${key}.${one ? "one" : "many"}`;
  }
  const text = texts[name];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, each) => (each in values ? values[each] : whole));
}

/** The text of a key that a site may have added, such as a model's own kind. */
export function named(group, name) {
  if (!name) return "";
  const text = texts[`${group}.${name}`];
  return text === undefined ? String(name).replaceAll("_", " ") : text;
}

export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return Number(value).toLocaleString(locale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  // Nothing but certainty is 100 %.
  const value = share < 1 ? Math.min(99, Math.round(share * 100)) : 100;
  return t("unit.percent", { v: value });
}

/** Millimetres, from a metre on as metres. */
export function length(mm) {
  if (mm === null || mm === undefined) return "–";
  if (Math.abs(mm) >= 1000) return `${number(mm / 1000, 1)} m`;
  return `${number(mm)} mm`;
}

export function clockTime(ms, withSeconds = true) {
  return new Date(ms).toLocaleTimeString(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    ...(withSeconds ? { second: "2-digit" } : {}),
    hour12: false,
  });
}

export function dayAndTime(ms) {
  return new Date(ms).toLocaleString(locale(), {
    day: "2-digit",
    month: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

/** A duration in the largest unit that is still exact enough to act on. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return t("unit.s", { v: number(seconds, 1) });
  if (seconds < 120) return t("unit.s", { v: number(Math.floor(seconds)) });
  if (seconds < 7200) return t("unit.min", { v: number(Math.floor(seconds / 60)) });
  return t("unit.h", { v: number(seconds / 3600, 1) });
}

/** Minutes and seconds that run down. */
export function remaining(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function locale() {
  return language === "fr" ? "fr-FR" : "en-GB";
}
