import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import type { Compiler } from "./compile.ts";

/** A mistake in the compiler's source, put there by replacing one text by another. */
export type SeededBug = {
  /** Below src/. */
  readonly file: string;
  /** Stands once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly why: string;
};

const source = new URL("../../src/", import.meta.url).href;
const bugs = new Map<string, SeededBug>();

/**
 * The compiler with the bug in it: loaded beside the right one, under addresses with a mark at their end, which modules pass
 * on to those they import. Throws when the bug's text is not there (any more).
 */
export async function loadMutated(bug: SeededBug): Promise<Compiler> {
  mutate(bug);
  const id = String(bugs.size);
  bugs.set(id, bug);
  const mark = (path: string) => (isAffected(source + path, bug) ? `${source}${path}?bug=${id}` : source + path);
  const { CalcGraph }: Pick<Compiler, "CalcGraph"> = await import(mark("calc/index.ts"));
  const { HostDataplane }: Pick<Compiler, "HostDataplane"> = await import(mark("dataplane/index.ts"));
  return { CalcGraph, HostDataplane };
}

function mutate({ file, find, replace, why }: SeededBug): string {
  const text = readFileSync(new URL(file, source), "utf8");
  const count = text.split(find).length - 1;
  if (count !== 1)
    throw new Error(`seeded bug "${why}": src/${file} has ${count} places with this text, not one: ${find}`);
  // A function, as a text's $ would have a meaning.
  return text.replace(find, () => replace);
}

/** Folders whose modules are loaded anew: that of the bug, and those between it and the two classes. Others are shared. */
const affected: Readonly<Record<string, readonly string[]>> = {
  calc: ["calc"],
  dataplane: ["dataplane"],
  nft: ["nft", "dataplane"],
  resources: ["resources", "calc"],
  selector: ["selector", "calc"],
};

function isAffected(url: string, { file }: SeededBug): boolean {
  if (!url.startsWith(source)) return false;
  const [own, folder] = [file.split("/")[0]!, url.slice(source.length).split("/")[0]!];
  return affected[own]?.includes(folder) === true;
}

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const id = idOf(context.parentURL ?? "");
    const bug = bugs.get(id);
    if (bug === undefined || !isAffected(resolved.url, bug)) return resolved;
    return { ...resolved, url: `${resolved.url}?bug=${id}` };
  },
  load(url, context, next) {
    const bug = bugs.get(idOf(url));
    if (bug === undefined || url.split("?")[0] !== source + bug.file) return next(url, context);
    return { format: "module-typescript", source: mutate(bug), shortCircuit: true };
  },
});

function idOf(url: string): string {
  return /\?bug=([0-9]+)$/.exec(url)?.[1] ?? "";
}
