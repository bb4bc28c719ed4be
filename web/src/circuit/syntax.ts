/** Splits the text of an OpenQASM program. Pure. */
import { QasmError } from "./program";

/** Splits at commas that are not within brackets. */
export function split(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const sign of text) {
    if ("([{".includes(sign)) depth += 1;
    if (")]}".includes(sign)) depth -= 1;
    if (sign === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += sign;
  }
  return [...parts, part].map((part) => part.trim()).filter(Boolean);
}

/** The statements of a program, each with its block if it has one, without the final semicolon. */
export function statements(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === "{") depth += 1;
    if (sign === "}") depth -= 1;
    // `{` also opens an index set, `q[{0, 1}]`, after which the statement goes on.
    const block = sign === "}" && depth === 0 && !/^\s*\]/.test(text.slice(at + 1, at + 20));
    if (depth === 0 && (sign === ";" || block)) {
      found.push(text.slice(start, block ? at + 1 : at).trim());
      start = at + 1;
    }
  }
  const rest = text.slice(start).trim();
  if (rest) throw new QasmError(`A semicolon or bracket is missing after: ${rest.slice(0, 60)}`);
  return found;
}
