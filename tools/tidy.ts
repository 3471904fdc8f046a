// Rules of CONVENTIONS.md that no other tool enforces. Prints one line a breach; exit status 1 when there is one.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

type Source = { readonly path: string; readonly text: string };

const bannedNames = new Set(["utils", "util", "helpers", "helper", "common", "misc", "manager", "types"]);
const breaches: string[] = [];
const report = (path: string, line: number, message: string) => breaches.push(`${path}:${line}: ${message}`);

/** Files git tracks or would track; those deleted in the work tree are passed over. */
function listFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" });
  return listed.split("\n").filter((path) => path !== "" && existsSync(path));
}

function checkNames(path: string): void {
  for (const part of path.split("/")) {
    const stem = part.split(".")[0] ?? "";
    if (bannedNames.has(stem)) report(path, 1, `"${stem}" says nothing; name it after what it holds`);
  }
  if (/\.(ts|mjs)$/.test(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*$/.test(basename(path))) {
    report(path, 1, "file names are kebab-case");
  }
}

function checkSource({ path, text }: Source): void {
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (/\b(TODO|FIXME|XXX)\b/.test(line) && path !== "tools/tidy.ts")
      report(path, at + 1, "no TODO: do it or file it");
    if (/\b(it|test|describe)\.only\(/.test(line)) report(path, at + 1, "a test marked .only hides the others");
    if (line.startsWith("export *")) report(path, at + 1, "no export *: name what leaves the folder");
  }
  if (/^src\/[a-z]+\/index\.ts$/.test(path) && !lines.slice(0, 3).every((line) => line.startsWith("// "))) {
    report(path, 1, "opens with three comment lines: what for, what it must not do, where to start");
  }
  if (lines.length > 601) report(path, 1, `${lines.length - 1} lines; at most 600`);
}

function checkLinks({ path, text }: Source): void {
  for (const [at, line] of text.split("\n").entries()) {
    for (const match of line.matchAll(/\]\(([^)#:\s]+)(#[^)]*)?\)/g)) {
      const target = normalize(join(dirname(path), match[1] ?? ""));
      if (!existsSync(target)) report(path, at + 1, `the link leads nowhere: ${match[1]}`);
    }
  }
}

/** ARCHITECTURE.md draws the same layer table that the linter enforces. */
function checkLayerTable(): void {
  const table = readFileSync("oxlint.config.ts", "utf8").split("const layers")[1]?.split("];")[0] ?? "";
  const rows = [...table.matchAll(/^ {2}\[(.+)\],$/gm)].map((row) => (row[1] ?? "").replaceAll(/[",]/g, ""));
  const architecture = readFileSync("ARCHITECTURE.md", "utf8");
  if (rows.length === 0) report("oxlint.config.ts", 1, "the layer table was not found");
  for (const row of rows) {
    if (!architecture.includes(`| ${row} |`)) report("ARCHITECTURE.md", 1, `the layer row "${row}" is missing`);
  }
}

function checkDecisions(): void {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    if (!existsSync(`docs/decisions/dependency-${name.replaceAll(/[@/]/g, "")}.md`)) {
      report("package.json", 1, `${name} has no decision record docs/decisions/dependency-${name}.md`);
    }
  }
}

for (const path of listFiles()) {
  checkNames(path);
  if (/\.(ts|mjs|c)$/.test(path)) checkSource({ path, text: readFileSync(path, "utf8") });
  if (path.endsWith(".md")) checkLinks({ path, text: readFileSync(path, "utf8") });
}
checkLayerTable();
checkDecisions();
for (const breach of breaches) console.log(breach);
process.exitCode = breaches.length > 0 ? 1 : 0;
