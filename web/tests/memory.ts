import type { KeyValue } from "../src/shared/storage";

/** localStorage for tests; `quota` is the longest value it takes. */
export class Memory implements KeyValue {
  readonly values = new Map<string, string>();
  quota = Infinity;

  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (value.length > this.quota) throw new DOMException("full", "QuotaExceededError");
    this.values.set(key, value);
  }

  removeItem(key: string): void {
    this.values.delete(key);
  }
}
