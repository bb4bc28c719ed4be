import js from "@eslint/js";
import prettier from "eslint-config-prettier/flat";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist/", "node_modules/"]),
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // An index that the code has checked is still `T | undefined` under noUncheckedIndexedAccess.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-meaningless-void-operator": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // An empty text counts as missing: a title, a category, a device's name.
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { boolean: true, string: true } }],
      // Values of JSON documents are shown as texts; where they are objects, the code handles that first.
      "@typescript-eslint/no-base-to-string": "off",
      "max-lines": ["error", 300],
    },
  },
  {
    // A test replaces asynchronous functions by ones that answer at once.
    files: ["tests/**"],
    rules: { "@typescript-eslint/require-await": "off" },
  },
  prettier,
  // Prettier breaks code; long texts and comments are broken by hand.
  { rules: { "max-len": ["error", 120] } },
);
