/** The page's addresses, all behind the `#`, so that a link restores what was seen. Pure. */
export type Route =
  | { page: "functions" }
  | { page: "run"; id: string; typed: Record<string, string> }
  | { page: "jobs"; id: string | null }
  | { page: "devices" }
  | { page: "help" }
  | { page: "unknown"; hash: string };

/** Longer addresses than this are cut by some programs through which people send them. */
export const LONGEST = 8_000;

export function toRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page, id = ""] = path.split("/").map(decoded);
  if (page === "run" && id) return { page, id, typed: Object.fromEntries(new URLSearchParams(query)) };
  if (page === "jobs") return { page, id: id || null };
  if (page === "devices" || page === "help") return { page };
  return path === "" ? { page: "functions" } : { page: "unknown", hash };
}

export function toHash(route: Route): string {
  switch (route.page) {
    case "functions":
      return "#/";
    case "devices":
    case "help":
      return `#/${route.page}`;
    case "unknown":
      return route.hash;
    case "jobs":
      return route.id === null ? "#/jobs" : `#/jobs/${encodeURIComponent(route.id)}`;
    case "run": {
      const query = new URLSearchParams(route.typed).toString();
      return `#/run/${encodeURIComponent(route.id)}${query ? `?${query}` : ""}`;
    }
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
