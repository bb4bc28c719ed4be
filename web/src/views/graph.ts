/** A weighted graph, its nodes in a circle, and the cut that was found. */
import { h, s } from "../shared/dom";
import { convergenceView } from "./convergence";
import { NOTHING, type View } from "./view";

export interface Graph {
  nodes: number;
  edges: [number, number, number][];
}

/** More nodes than this are not drawn. */
const MOST = 64;

/** Reads a graph; what is no edge is left out. */
export function toGraph(raw: unknown): Graph | null {
  const { nodes, edges } = (raw ?? {}) as { nodes?: unknown; edges?: unknown };
  if (!Array.isArray(edges)) return null;
  const good = edges.filter(
    (edge): edge is number[] =>
      Array.isArray(edge) && [0, 1].every((at) => Number.isInteger(edge[at]) && edge[at] >= 0),
  );
  const count = Math.max(
    Number.isInteger(nodes) ? (nodes as number) : 0,
    1 + Math.max(-1, ...good.flatMap(([a, b]) => [a!, b!])),
  );
  if (count > MOST || count === 0) return null;
  return { nodes: count, edges: good.map(([a, b, weight]) => [a!, b!, typeof weight === "number" ? weight : 1]) };
}

/** Pixels: of the picture, unless it is to be smaller, and of a node's radius. */
const SIZE = 320;
const NODE = 15;

export function graphPicture(graph: Graph, cut: number[] | null, size = SIZE): SVGElement {
  const around = size / 2 - NODE - 4;
  const at = (node: number): [number, number] => {
    const angle = (node / graph.nodes) * 2 * Math.PI - Math.PI / 2;
    return graph.nodes === 1
      ? [size / 2, size / 2]
      : [size / 2 + around * Math.cos(angle), size / 2 + around * Math.sin(angle)];
  };
  const weighted = graph.edges.some(([, , weight]) => weight !== 1);
  const edges = graph.edges.map(([a, b, weight]) => {
    const [[x1, y1], [x2, y2]] = [at(a), at(b)];
    const crosses = cut !== null && cut[a] !== cut[b];
    // Not in the middle, where the lines of a ring cross.
    const [x, y] = [x1 + (x2 - x1) * 0.38, y1 + (y2 - y1) * 0.38];
    return s(
      "g",
      { class: `graph__edge${crosses ? " graph__edge--cut" : ""}` },
      s("title", {}, `Edge ${a} – ${b}, weight ${weight}${crosses ? ", cut" : ""}`),
      s("line", { x1, y1, x2, y2 }),
      weighted ? s("text", { x, y: y + 4, "text-anchor": "middle" }, String(Number(weight.toPrecision(3)))) : "",
    );
  });
  const nodes = Array.from({ length: graph.nodes }, (_, node) => {
    const [x, y] = at(node);
    const side = cut?.[node] === 1 ? 1 : 0;
    // The sides differ by shape as well as by colour.
    const shape =
      side === 1
        ? s("rect", { x: x - NODE + 1, y: y - NODE + 1, width: 2 * NODE - 2, height: 2 * NODE - 2 })
        : s("circle", { cx: x, cy: y, r: NODE });
    return s(
      "g",
      { class: `graph__node graph__node--${cut === null ? "plain" : side}` },
      shape,
      s("text", { x, y: y + 5, "text-anchor": "middle" }, node),
    );
  });
  const side = cut?.flatMap((one, node) => (one === 1 ? [node] : [])).join(", ") || "no node";
  const said = [
    `Graph of ${graph.nodes} nodes and ${graph.edges.length} edges.`,
    cut && `One side of the cut: ${side}.`,
  ]
    .filter(Boolean)
    .join(" ");
  return s(
    "svg",
    { class: "graph__picture", role: "img", "aria-label": said, viewBox: `0 0 ${size} ${size}` },
    ...edges,
    ...nodes,
  );
}

export const graphView: View = (job) => {
  const graph = toGraph(job.answer?.graph);
  if (!graph) return convergenceView(job);
  const raw = job.answer?.cut;
  const cut =
    Array.isArray(raw) && raw.length === graph.nodes && raw.every((side) => side === 0 || side === 1)
      ? (raw as number[])
      : null;
  const sides =
    cut === null
      ? null
      : h(
          "div",
          { class: "legend" },
          ...[0, 1].map((side) =>
            h(
              "span",
              { class: `legend__item legend__item--side-${side}` },
              `Side ${side}: ${cut.flatMap((one, node) => (one === side ? [node] : [])).join(", ") || "none"}`,
            ),
          ),
        );
  const picture = h(
    "section",
    { class: "answer", "data-testid": "graph" },
    h("h3", {}, cut ? "Graph and cut" : "Graph"),
    h("div", { class: "graph" }, graphPicture(graph, cut)),
    sides,
  );
  const convergence = job.answer?.convergence ? convergenceView(job) : NOTHING;
  return {
    picture: h("div", {}, picture, convergence.picture),
    fields: ["graph", ...(cut ? ["cut"] : []), ...convergence.fields],
  };
};
