import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the page with hot reload and passes the API on to a running gateway.
const gateway = process.env.QWHISK_GATEWAY_URL ?? "http://127.0.0.1:8080";

/** Writes NAME.gz and NAME.br beside what can be compressed, so that the gateway need not do it at each request. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async writeBundle({ dir }) {
      const files = await readdir(dir!, { recursive: true });
      await Promise.all(
        files
          .filter((file) => /\.(html|js|css|svg)$/.test(file))
          .map(async (file) => {
            const path = join(dir!, file);
            const content = await readFile(path);
            await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
            await writeFile(`${path}.br`, await promisify(brotliCompress)(content));
          }),
      );
    },
  };
}

export default defineConfig({
  plugins: [precompress()],
  // Every address is relative to the page's, so that a proxy can serve it below any prefix.
  base: "./",
  build: {
    outDir: "dist",
    target: "es2022",
    // The gateway's Content-Security-Policy allows neither inline scripts nor data: fonts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // The API page is apart: the page itself loads nothing of it.
    rolldownOptions: { input: ["index.html", "docs.html"] },
    // The largest is Swagger UI, which only the API page loads.
    chunkSizeWarningLimit: 2_000,
  },
  css: { preprocessorOptions: { scss: { quietDeps: true } } },
  server: { proxy: { "/api": { target: gateway, ws: true } } },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
});
