/** What this page keeps in the browser. */
import { baseAddress } from "./base";

export interface KeyValue {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A key of localStorage. Pages of several gateways may share an origin, under different prefixes. */
export function storageKey(key: string): string {
  const { pathname } = baseAddress();
  return pathname === "/" ? key : `${key}:${pathname}`;
}

/** This page's part of localStorage. In a browser that forbids it, the page works, and forgets when it is closed. */
export function browserStorage(): KeyValue {
  try {
    localStorage.setItem("qwhisk.probe", "");
    localStorage.removeItem("qwhisk.probe");
    return {
      getItem: (key) => localStorage.getItem(storageKey(key)),
      setItem: (key, value) => localStorage.setItem(storageKey(key), value),
      removeItem: (key) => localStorage.removeItem(storageKey(key)),
    };
  } catch {
    const memory = new Map<string, string>();
    return {
      getItem: (key) => memory.get(key) ?? null,
      setItem: (key, value) => void memory.set(key, value),
      removeItem: (key) => void memory.delete(key),
    };
  }
}
