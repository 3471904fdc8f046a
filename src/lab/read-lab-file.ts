import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import { TortieError, formatProblem } from "../lib/index.ts";
import { decodeLab } from "./decode-lab.ts";
import type { Lab } from "./lab.ts";

const examplesDir = fileURLToPath(new URL("../../examples/lab", import.meta.url));

export type LabFile = {
  readonly path: string;
  /** As written, for the keeper to decode again. */
  readonly json: unknown;
  readonly lab: Lab;
};

/** Reads a lab file, or the example of that name. */
export function readLabFile(target: string): LabFile {
  const example = `${examplesDir}/${target}.yaml`;
  const path = !existsSync(target) && /^[a-z0-9-]+$/.test(target) && existsSync(example) ? example : target;
  const json = parseYaml(path, readText(path));
  const decoded = decodeLab(json);
  if (decoded.ok) return { path, json, lab: decoded.value };
  const [first, ...rest] = decoded.problems.map((problem) => `${path}: ${formatProblem(problem)}`);
  throw new TortieError("TT_CONFIG", [first, ...rest].join("\n"));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new TortieError("TT_CONFIG", `${path} cannot be read`, {
      cause,
      hint: "name a lab file, or an example: see examples/lab",
    });
  }
}

function parseYaml(path: string, text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake === undefined) return document.toJS({ maxAliasCount: 100 });
  const { line, col } = lineCounter.linePos(mistake.pos[0]);
  const [what] = mistake.message.split("\n");
  throw new TortieError("TT_CONFIG", `${path}, line ${line}, column ${col}: not YAML: ${what}`, {
    hint: "mend the line",
  });
}
