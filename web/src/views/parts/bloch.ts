/** The state of a qubit as an arrow on the Bloch sphere: as it was sent, and as it was received. */
import { h, s } from "../../shared/dom";
import { measured, signSampling } from "../../shared/numbers";
import { NOTHING, type View } from "../view";

interface Vector {
  X: number;
  Y: number;
  Z: number;
}

/** Pixels: the picture, and the sphere's radius. */
const SIZE = 220;
const RADIUS = 78;

export const blochView: View = (job) => {
  const { sent, received } = job.answer ?? {};
  if (!isVector(sent) || !isVector(received)) return NOTHING;
  const shots = job.result?.shots ?? null;
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "bloch" },
      h("h3", {}, "The qubit before and after"),
      h("div", { class: "blochs" }, sphere("Sent", sent, null, null), sphere("Received", received, sent, shots)),
      h(
        "div",
        { class: "legend" },
        h("span", { class: "legend__item legend__item--marked" }, "State"),
        h("span", { class: "legend__item legend__item--ideal" }, "State that was sent"),
      ),
    ),
    fields: ["sent", "received"],
  };
};

function isVector(value: unknown): value is Vector {
  const vector = value as Partial<Vector> | null;
  return typeof vector === "object" && ["X", "Y", "Z"].every((axis) => Number.isFinite(vector?.[axis as keyof Vector]));
}

/** A point of the sphere in the picture, seen from in front and a little above. */
function project({ X, Y, Z }: Vector): [number, number] {
  return [SIZE / 2 + RADIUS * (Y * 0.93 - X * 0.37), SIZE / 2 + RADIUS * (X * 0.3 - Z * 0.96 + Y * 0.1)];
}

const AXES: [string, Vector, [number, number]][] = [
  ["x", { X: 1.25, Y: 0, Z: 0 }, [-8, 8]],
  ["y", { X: 0, Y: 1.2, Z: 0 }, [8, 4]],
  ["|0⟩", { X: 0, Y: 0, Z: 1.15 }, [0, -4]],
  ["|1⟩", { X: 0, Y: 0, Z: -1.15 }, [0, 14]],
];

function sphere(title: string, vector: Vector, before: Vector | null, shots: number | null): HTMLElement {
  const text = (["X", "Y", "Z"] as const).map((axis) => {
    const error = shots ? signSampling(vector[axis], shots) : null;
    return `${axis.toLowerCase()} ${measured(vector[axis], error)}`;
  });
  const middle = SIZE / 2;
  return h(
    "figure",
    { class: "bloch" },
    h("figcaption", { class: "bloch__title" }, title),
    s(
      "svg",
      {
        class: "bloch__picture",
        role: "img",
        "aria-label": `${title}: ${text.join(", ")}`,
        viewBox: `0 0 ${SIZE} ${SIZE}`,
        width: SIZE,
        height: SIZE,
      },
      s("circle", { class: "bloch__sphere", cx: middle, cy: middle, r: RADIUS }),
      s("polygon", { class: "bloch__equator", points: equator() }),
      ...AXES.flatMap(([name, end, [dx, dy]]) => {
        const [x, y] = project(end);
        return [
          s("line", { class: "bloch__axis", x1: middle, y1: middle, x2: x, y2: y }),
          s("text", { class: "bloch__label", x: x + dx, y: y + dy, "text-anchor": "middle" }, name),
        ];
      }),
      ...(before ? arrow(before, "bloch__arrow--before") : []),
      ...arrow(vector, ""),
    ),
    h("p", { class: "bloch__numbers" }, text.join(" · ")),
  );
}

function equator(): string {
  return Array.from({ length: 48 }, (_, at) => {
    const angle = (at / 48) * 2 * Math.PI;
    return project({ X: Math.cos(angle), Y: Math.sin(angle), Z: 0 }).join(",");
  }).join(" ");
}

function arrow(vector: Vector, kind: string): SVGElement[] {
  const [x, y] = project(vector);
  return [
    s("line", { class: `bloch__arrow ${kind}`, x1: SIZE / 2, y1: SIZE / 2, x2: x, y2: y }),
    s("circle", { class: `bloch__tip ${kind}`, cx: x, cy: y, r: 5 }),
  ];
}
