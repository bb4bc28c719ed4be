/** The folder that the page was loaded from. Behind a reverse proxy it may have a prefix, such as /quantum/qwhisk/. */
export const baseAddress = (): URL => new URL("./", location.href);
