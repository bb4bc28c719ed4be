import { defineConfig } from "vitest/config";

// `npm run dev` serves the page with hot reload and passes the API on to a running gateway.
const gateway = process.env.QWHISK_GATEWAY_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    outDir: "dist",
    target: "es2022",
    // The gateway's Content-Security-Policy allows neither inline scripts nor data: fonts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // Most of it is Carbon's style sheets, and compresses to an eighth.
    chunkSizeWarningLimit: 700,
  },
  css: { preprocessorOptions: { scss: { quietDeps: true } } },
  server: { proxy: { "/api": { target: gateway, ws: true } } },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
});
