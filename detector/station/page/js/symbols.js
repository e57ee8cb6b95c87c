// Shapes that go with every colour, for people who cannot tell the colours apart.

import { s } from "./dom.js";

const FILLED = {
  // Priorities: triangle, diamond, disc, as in the terminal.
  high: "M12 2 23 22H1Z",
  medium: "M12 1 23 12 12 23 1 12Z",
  low: "M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20Z",
  aside: "M4 10h16v4H4Z",
  degraded: "M12 2 23 22H1ZM11 9v6h2V9Zm0 8v2h2v-2Z",
};
const EYE = "M1 12q11-14 22 0-11 14-22 0Z";
const SPEAKER = "M3 9v6h4l6 5V4L7 9Z";
const DRAWN = {
  ready: [EYE, "M12 8.5a3.5 3.5 0 1 0 .01 0Z"],
  blind: [EYE, "M12 8.5a3.5 3.5 0 1 0 .01 0Z", "M3 2 21 22"],
  sound: [SPEAKER, "M16 8q4 4 0 8", "M19 5q7 7 0 14"],
  silent: [SPEAKER, "M16 9l6 6", "M22 9l-6 6"],
};

export function symbol(name, className = "") {
  const paths = FILLED[name]
    ? [s("path", { d: FILLED[name], "fill-rule": "evenodd", class: "filled" })]
    : DRAWN[name].map((d) => s("path", { d, class: "drawn" }));
  const classes = `symbol symbol-${name} ${className}`;
  return s("svg", { class: classes, viewBox: "0 0 24 24", "aria-hidden": "true" }, paths);
}
