// Builds src/ into OUT (default ../serve/page): index.html and assets/, the same bytes every time.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "../serve/page"));
const LIMIT_BYTES = 60_000;

// uPlot brings ways to draw that no chart here uses; what names them nowhere is left out of the bundle.
const UNUSED = [/\(paths\.stepped = stepped\);/, /\(paths\.bars    = bars\);/, /\(paths\.spline  = monotoneCubic\);/];

const lean = {
  name: "lean",
  setup(build) {
    build.onLoad({ filter: /uPlot\.esm\.js$/ }, async ({ path: file }) => {
      let contents = await readFile(file, "utf8");
      for (const each of UNUSED) {
        if (!each.test(contents)) throw new Error(`${file} has no ${each}; see what this version calls it`);
        contents = contents.replace(each, "");
      }
      return { contents };
    });
  },
};

await rm(out, { recursive: true, force: true });
await mkdir(path.join(out, "assets"), { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.ts", "page-style": "src/style.css" },
  outdir: path.join(out, "assets"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome111", "firefox113", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  plugins: [lean],
  logLevel: "warning",
});
await cp(path.join(here, "src/icon.svg"), path.join(out, "assets/icon.svg"));
await cp(path.join(here, "src/index.html"), path.join(out, "index.html"));

// The licences of what is bundled ask to be told along with it.
const told = [];
for (const name of ["lit", "@lit/reactive-element", "lit-element", "lit-html", "uplot"]) {
  const text = await readFile(path.join(here, "node_modules", name, "LICENSE"), "utf8");
  told.push(`${name}\n\n${text.trim()}\n`);
}
await writeFile(path.join(out, "assets/LICENSES.txt"), told.join("\n----\n\n"));

let total = 0;
for (const name of ["index.html", "assets/page.js", "assets/page-style.css", "assets/icon.svg"]) {
  const bytes = gzipSync(await readFile(path.join(out, name)), { level: 9 }).length;
  total += bytes;
  console.log(`${name.padEnd(24)} ${(bytes / 1000).toFixed(1).padStart(6)} KB gzip`);
}
console.log(`${"all".padEnd(24)} ${(total / 1000).toFixed(1).padStart(6)} KB gzip`);
if (total > LIMIT_BYTES) {
  console.error(`the page is larger than ${LIMIT_BYTES / 1000} KB gzip; take something out`);
  process.exit(1);
}
