// Requests to the station. All are to the page's own origin.

let csrf = "";

export class ApiError extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

export function setCsrf(token) {
  csrf = token || "";
}

export async function get(path, parameters = {}) {
  return request(withQuery(path, parameters), { method: "GET" });
}

export async function post(path, body = {}) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
}

/** A path with those parameters that have a value. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  return query.size ? `${path}?${query}` : path;
}

/** The rows of an answer, bare or under a name. */
export const rowsOf = (document, name) =>
  Array.isArray(document) ? document : document?.[name] || document?.rows || [];

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new ApiError(0, "");
  }
  const text = await response.text();
  let document = null;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    document = { error: text.slice(0, 300) };
  }
  if (!response.ok) {
    const reason = document && (document.error || document.reason || document.detail);
    throw new ApiError(response.status, reason || `HTTP ${response.status}`);
  }
  return document;
}
