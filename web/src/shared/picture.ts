/** Saves a drawn picture as a file: SVG with its colours written into it, or PNG. */
import { h, setText } from "./dom";
import { save } from "./download";

/** What a style sheet says of a shape, as attributes that an SVG alone can carry. */
const STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "paint-order",
  "vector-effect",
];
/** Pixels around the picture, and of a PNG for each pixel of the page. */
const MARGIN = 16;
const DENSITY = 2;

interface Drawn {
  text: string;
  width: number;
  height: number;
}

/** The picture as an SVG file of its own. */
function standalone(picture: SVGSVGElement): Drawn {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const everything = (root: Element): Element[] => [root, ...root.querySelectorAll("*")];
  const copies = everything(copy);
  everything(picture).forEach((original, at) => {
    const style = getComputedStyle(original);
    const target = copies[at]!;
    target.removeAttribute("class");
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (name === "fill" || (value && value !== "none")) target.setAttribute(name, value);
    }
  });
  const { width, height } = picture.getBoundingClientRect();
  // Labels may stand outside of the picture's own box.
  const box = picture.getBBox();
  const scale = picture.viewBox.baseVal.width > 0 ? width / picture.viewBox.baseVal.width : 1;
  const left = Math.min(0, box.x * scale);
  const top = Math.min(0, box.y * scale);
  const wide = Math.ceil(Math.max(width, (box.x + box.width) * scale) - left + 2 * MARGIN);
  const high = Math.ceil(Math.max(height, (box.y + box.height) * scale) - top + 2 * MARGIN);
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.setAttribute("x", String(MARGIN - left));
  copy.setAttribute("y", String(MARGIN - top));
  copy.setAttribute("overflow", "visible");
  const ground = getComputedStyle(document.documentElement).getPropertyValue("--cds-layer-02").trim() || "white";
  const inner = new XMLSerializer().serializeToString(copy);
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="0 0 ${wide} ${high}">` +
    `<rect width="100%" height="100%" fill="${ground}"/>${inner}</svg>`;
  return { text, width: wide, height: high };
}

/** The picture as PNG. */
async function toPng({ text, width, height }: Drawn): Promise<Blob> {
  const image = new Image();
  // The page's policy permits data: for images, and not blob:.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = h("canvas", { width: width * DENSITY, height: height * DENSITY });
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large.")))),
  );
}

/** Adds the two buttons behind every picture within `element`. `name` is that of the files, without an ending. */
export function offerPictures(element: HTMLElement, name: string): void {
  [...element.querySelectorAll<SVGSVGElement>("svg[role=img]")].forEach((picture, at) => {
    const file = `${name}-${at + 1}`;
    const button = (ending: string, act: () => void): HTMLElement =>
      h(
        "button",
        {
          type: "button",
          class: "text-button",
          "aria-label": `Save picture ${at + 1} as ${ending.toUpperCase()}`,
          "data-testid": `save-${ending}`,
          click: act,
        },
        ending.toUpperCase(),
      );
    const failed = h("span", { role: "status" });
    const savePng = async (): Promise<void> => {
      try {
        save(`${file}.png`, await toPng(standalone(picture)));
      } catch {
        setText(failed, "The picture is too large for a PNG in this browser.");
      }
    };
    const place = picture.closest(".plot, .bloch, .graph, .circuit") ?? picture.parentElement!;
    place.append(
      h(
        "p",
        { class: "picture-tools" },
        "Save picture ",
        button("svg", () => save(`${file}.svg`, new Blob([standalone(picture).text], { type: "image/svg+xml" }))),
        " ",
        button("png", () => void savePng()),
        failed,
      ),
    );
  });
}
