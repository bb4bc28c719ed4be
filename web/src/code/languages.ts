/** The languages in which a call is printed; loaded when they are needed. */
import { curl } from "./curl";
import { java } from "./java";
import { javascript } from "./javascript";
import { python } from "./python";
import type { Language } from "./call";

export const LANGUAGES: Language[] = [curl, python, javascript, java];
