/** @type {import("stylelint").Config} */
export default {
  extends: "stylelint-config-standard-scss",
  ignoreFiles: ["dist/**", "node_modules/**"],
  rules: {
    // Block, element and modifier: `job__title`, `histogram--plain`; Carbon's begin with `cds--`.
    "selector-class-pattern": [
      /^(cds--)?[a-z][a-z0-9]*(-[a-z0-9]+)*(__[a-z0-9]+(-[a-z0-9]+)*)?(--[a-z0-9]+(-[a-z0-9]+)*)*$/,
      { resolveNestedSelectors: true },
    ],
    // Font names are written as their owners write them.
    "value-keyword-case": ["lower", { ignoreProperties: [/^--q-/] }],
    // The rows and columns of a grid are easier to read one by one.
    "declaration-block-no-redundant-longhand-properties": [true, { ignoreShorthands: ["grid-template"] }],
  },
};
