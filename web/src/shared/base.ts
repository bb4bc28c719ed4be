/** The folder that the page was loaded from. Behind a reverse proxy it may have a prefix, such as /quantum/qwhisk/. */
export const baseAddress = (): URL => new URL("./", location.href);

/** A key of localStorage. Pages of several gateways may share an origin, under different prefixes. */
export function storageKey(key: string): string {
  const { pathname } = baseAddress();
  return pathname === "/" ? key : `${key}:${pathname}`;
}
