/** Which view shows which function's answer: the key is `functionView` of its config document. */
import type { View } from "./view";
import { countsView } from "./counts";
import { emoticonsView } from "./emoticons";

const VIEWS: Record<string, View> = { emoticons: emoticonsView };

/** The default needs nothing but counts and an answer, so a new function needs no code here. */
export const viewOf = (name: string | null): View => (name !== null && Object.hasOwn(VIEWS, name) ? VIEWS[name]! : countsView);
