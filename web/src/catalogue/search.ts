/** Finding a function among many. Pure. */
import type { QuantumFunction } from "../api/documents";

/** The order in which a newcomer reads them; others follow by name, and what has no category comes last. */
const ORDER = [
  "Basics",
  "Random",
  "Communication",
  "Oracles",
  "Search",
  "Building blocks",
  "Transforms",
  "Estimation",
  "Arithmetic",
  "Optimization",
  "Optimisation",
  "Chemistry",
  "Machine learning",
  "Own circuits",
];
export const UNSORTED = "More";

export interface Group {
  category: string;
  functions: QuantumFunction[];
}

export const categoryOf = (one: QuantumFunction): string => one.category?.trim() || UNSORTED;

export const titleOf = (one: QuantumFunction): string => one.title || one.id;

export function categories(functions: QuantumFunction[]): string[] {
  const known = [...new Set(functions.map(categoryOf))];
  const place = (category: string): number =>
    category === UNSORTED ? ORDER.length + 1 : ORDER.includes(category) ? ORDER.indexOf(category) : ORDER.length;
  return known.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

/** True if every word of the query is somewhere in the function's name, description or category. */
export function matches(one: QuantumFunction, query: string): boolean {
  const text = plain([one.id, titleOf(one), one.description ?? "", categoryOf(one)].join(" "));
  return plain(query)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Without case, accents and signs, so that "Deutsch-Jozsa" and "deutsch_jozsa" are the same. */
const plain = (text: string): string =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[_-]+/g, " ").trim();

/** What is found, by category; a category's own name, or null for all. */
export function grouped(functions: QuantumFunction[], query: string, category: string | null): Group[] {
  const found = functions.filter((one) => matches(one, query) && (category === null || categoryOf(one) === category));
  return categories(found).map((name) => ({
    category: name,
    functions: found.filter((one) => categoryOf(one) === name).sort((a, b) => titleOf(a).localeCompare(titleOf(b))),
  }));
}
