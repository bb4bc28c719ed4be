/* global URL, addEventListener, caches, clients, fetch, location */
// Keeps the page itself for a start without a network. It never touches the API: results are in localStorage.
/** The page's path: the folder of this file, which a proxy may serve below a prefix. */
const PAGE = new URL("./", location.href).pathname;
/** Pages under other prefixes of this origin have caches of their own. */
const CACHE = PAGE === "/" ? "qwhisk-page-v1" : `qwhisk-page-v1:${PAGE}`;
/** Files outside of assets/ that the page names. */
const FILES = new Set([`${PAGE}favicon.svg`, `${PAGE}manifest.json`]);
/** Files of this and earlier builds that are kept at most. */
const MOST = 60;

/** The page and the files that it names. */
async function keepPage() {
  const cache = await caches.open(CACHE);
  const answer = await fetch(PAGE, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`The page answered ${answer.status}.`);
  const html = await answer.clone().text();
  await cache.put(PAGE, answer);
  const files = named(html, /(?:src|href)="(\.\/[\w./-]+)"/g, PAGE);
  await cache.addAll(files);
  for (const style of files.filter((path) => path.endsWith(".css"))) {
    const text = await (await cache.match(style)).text();
    await cache.addAll(named(text, /url\("?(\.\/[\w./-]+)"?\)/g, style));
  }
}

/** The paths that a pattern finds, each once. They are relative to the file that has them. */
const named = (text, pattern, file) => {
  const base = new URL(file, location.href);
  return [...new Set([...text.matchAll(pattern)].map(([, path]) => new URL(path, base).pathname))];
};

async function trimmed(cache) {
  const kept = await cache.keys();
  await Promise.all(kept.slice(0, Math.max(0, kept.length - MOST)).map((request) => cache.delete(request)));
}

/** What may change under its path: from the network, or without one as it was last seen. */
async function newest(request, path) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const known = await cache.match(path);
    if (known) return known;
    throw error;
  }
}

/** A file of the build: its name has a hash of its content, so a cached one stays valid. */
async function file(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    await trimmed(cache);
  }
  return answer;
}

addEventListener("install", (event) => event.waitUntil(keepPage()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if ((request.mode === "navigate" && pathname === PAGE) || FILES.has(pathname))
    event.respondWith(newest(request, pathname));
  else if (pathname.startsWith(`${PAGE}assets/`)) event.respondWith(file(request));
});
