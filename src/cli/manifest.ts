import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";
import { type Resource, decodeResource } from "../resources/index.ts";
import { BadInput } from "./failure.ts";

/** A resource, what the user wrote for it, and where. */
export type Manifest = { readonly resource: Resource; readonly json: unknown; readonly where: string };

/**
 * Reads every document of the given files; `-` is standard input, a folder stands for its .yaml, .yml and
 * .json files. Throws BadInput naming every mistake of every document, so that nothing is applied when one is wrong.
 */
export function readManifests(paths: readonly string[]): Manifest[] {
  const manifests: Manifest[] = [];
  const lines: string[] = [];
  for (const { name, text } of paths.flatMap(readSources)) {
    for (const document of parseDocuments(name, text)) {
      if ("mistake" in document) {
        lines.push(document.mistake);
        continue;
      }
      const decoded = decodeResource(document.value);
      const where = `${document.where}${describeObject(document.value)}`;
      if (decoded.ok) manifests.push({ resource: decoded.value, json: document.value, where });
      else lines.push(...BadInput.fromProblems(where, decoded.problems).lines);
    }
  }
  if (lines.length > 0) throw new BadInput(lines);
  if (manifests.length === 0)
    throw new BadInput([`${paths.join(", ")}: no object found; a manifest has apiVersion, kind and metadata`]);
  return manifests;
}

function readSources(path: string): { name: string; text: string }[] {
  if (path === "-") return [{ name: "standard input", text: readFileSync(0, "utf8") }];
  try {
    if (!statSync(path).isDirectory()) return [{ name: path, text: readFileSync(path, "utf8") }];
    const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
    return names.toSorted().map((name) => ({ name: join(path, name), text: readFileSync(join(path, name), "utf8") }));
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new BadInput([`${path}: cannot be read (${reason}); name a file, a folder or - for standard input`]);
  }
}

type ParsedDocument = { readonly where: string; readonly value: unknown } | { readonly mistake: string };

function parseDocuments(name: string, text: string): ParsedDocument[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  const parsed: ParsedDocument[] = [];
  for (const [at, document] of [...documents].entries()) {
    const where = documents.length > 1 ? `${name}, document ${at + 1}` : name;
    const [mistake] = document.errors;
    if (mistake !== undefined) {
      const { line, col } = lineCounter.linePos(mistake.pos[0]);
      parsed.push({
        mistake: `${name}, line ${line}, column ${col}: not YAML: ${mistake.message.split("\n")[0]}; mend the line and try again`,
      });
    } else if (document.contents !== null) {
      parsed.push(...expandList(document.toJS({ maxAliasCount: 100 })).map((value) => ({ where, value })));
    }
  }
  return parsed;
}

/** `kind: List`, as kubectl and `tortie get -o yaml` write it, stands for its items. */
function expandList(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("items" in value)) return [value];
  return value.kind === "List" && Array.isArray(value.items) ? value.items : [value];
}

function describeObject(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  const kind = "kind" in value && typeof value.kind === "string" ? value.kind : "object";
  const metadata =
    "metadata" in value && typeof value.metadata === "object" && value.metadata !== null ? value.metadata : {};
  const name = "name" in metadata && typeof metadata.name === "string" ? ` ${metadata.name}` : "";
  return ` (${kind}${name})`;
}
