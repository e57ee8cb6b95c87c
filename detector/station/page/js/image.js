// Images that are fetched rather than linked: drawn on a canvas, since the page's own security policy
// allows no `blob:` address.

/** Fetches an image; null where there is none yet. Throws with the station's reason. */
export async function fetchImage(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.status === 204) return null;
  if (!answer.ok) {
    const reason = await answer.json().catch(() => ({}));
    throw new Error(reason.error || `HTTP ${answer.status}`);
  }
  return createImageBitmap(await answer.blob());
}

export function drawImage(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  canvas.getContext("2d").drawImage(image, 0, 0);
  image.close();
}
