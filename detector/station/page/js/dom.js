// Elements without a framework. Text is always set as text: nothing that comes from the wire is
// ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick`) and children (elements or text). */
export function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it has changed: screen readers and the layout are left alone. */
export function setText(element, text) {
  const words = String(text);
  if (element.textContent !== words) element.textContent = words;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const words = value === true ? "" : String(value);
  if (element.getAttribute(name) !== words) element.setAttribute(name, words);
}

export function show(element, visible) {
  // An attribute, since SVG elements have no property for it.
  if (element.hasAttribute("hidden") === visible) element.toggleAttribute("hidden", !visible);
}

/** Keeps one child per key, in this order; `make(key, item)` builds a component with `element` and
 * `update(item)`. Elements that stay are not moved, so that focus and touches survive. */
export class KeyedList {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.parts = new Map();
  }

  update(items, keyOf) {
    const keys = new Set();
    let place = this.parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      keys.add(key);
      let part = this.parts.get(key);
      if (!part) {
        part = this.make(item);
        this.parts.set(key, part);
      }
      part.update(item);
      if (part.element === place) place = place.nextSibling;
      else this.parent.insertBefore(part.element, place);
    }
    for (const [key, part] of this.parts) {
      if (keys.has(key)) continue;
      part.element.remove();
      this.parts.delete(key);
    }
  }
}

let serial = 0;
/** An id for `aria-labelledby` and the like. */
export function freshId(name) {
  serial += 1;
  return `${name}-${serial}`;
}
