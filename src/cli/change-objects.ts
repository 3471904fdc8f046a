import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { TortieError } from "../lib/index.ts";
import { definitionOf } from "../resources/index.ts";
import { type Target, connect } from "../client/index.ts";
import { BadInput } from "./failure.ts";
import { type ScopeOptions, describeObject, namespaceOf, notFound, qualify, readTargets } from "./kind-argument.ts";
import { checkOutput, formatObjects } from "./print-objects.ts";
import { dryRunNote, writeOptions } from "./write-manifests.ts";

export type DeleteFlags = ScopeOptions & {
  readonly selector?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly ignoreNotFound?: boolean;
};

export async function deleteObjects(target: Target, words: readonly string[], flags: DeleteFlags): Promise<void> {
  if (words.length === 0) throw new BadInput(["say what to delete: tortie delete KIND NAME, or -f FILE"]);
  const { definition, names } = readTargets(words);
  const isChosen = flags.selector !== undefined || flags.all === true;
  if (names.length > 0 === isChosen)
    throw new BadInput([`say which ${definition.plural} to delete: their names, -l SELECTOR, or --all`]);
  const client = connect(target);
  const namespace = namespaceOf(definition, flags);
  const targets = isChosen
    ? (await client.list(definition.kind, { namespace, labelSelector: flags.selector })).items.map(
        ({ metadata }) => metadata,
      )
    : names.map((name) => ({ name, namespace }));
  if (targets.length === 0) console.error(`no ${definition.plural} found`);
  for (const { name, namespace: place } of targets) {
    try {
      await client.delete(definition.kind, { name, namespace: place }, writeOptions(flags.dryRun));
      console.log(`${qualify(definition)}/${name} deleted${dryRunNote(flags.dryRun)}`);
    } catch (error) {
      const isAbsent = error instanceof TortieError && error.code === "TT_API_NOT_FOUND";
      if (isAbsent && flags.ignoreNotFound !== true) throw notFound(definition, name, place);
      if (!isAbsent) throw error;
    }
  }
}

export type PatchFlags = ScopeOptions & {
  readonly type: string;
  readonly patch?: string;
  readonly patchFile?: string;
  readonly dryRun?: boolean;
  readonly output?: string;
};

export async function patchObjects(target: Target, words: readonly string[], flags: PatchFlags): Promise<void> {
  const { definition, names } = readTargets(words);
  checkOutput(flags.output);
  const { type } = flags;
  if (type !== "merge" && type !== "json") throw new BadInput([`--type ${type}: there are merge and json`]);
  if (names.length === 0)
    throw new BadInput([`say which of the ${definition.plural} to patch: tortie patch KIND NAME`]);
  const body = readPatch(flags);
  const client = connect(target);
  for (const name of names) {
    const id = { name, namespace: namespaceOf(definition, flags) };
    const resource = await client.patch(definition.kind, id, { type, body }, writeOptions(flags.dryRun));
    if (flags.output === undefined) console.log(`${describeObject(resource)} patched${dryRunNote(flags.dryRun)}`);
    else console.log(formatObjects(definition, [resource], { output: flags.output, isSingle: true }));
  }
}

function readPatch({ patch, patchFile }: PatchFlags): unknown {
  if ((patch === undefined) === (patchFile === undefined)) {
    throw new BadInput([`give the patch with -p, such as -p '{"spec":{"disabled":true}}', or with --patch-file`]);
  }
  try {
    // JSON is YAML too.
    return parse(patch ?? readFileSync(patchFile === "-" ? 0 : (patchFile ?? ""), "utf8"), { maxAliasCount: 100 });
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : "";
    throw new BadInput([`the patch cannot be read: ${why}; write JSON or YAML`]);
  }
}

export type LabelFlags = ScopeOptions & { readonly overwrite?: boolean; readonly dryRun?: boolean };

/** `KIND NAME... key=value... key-...` */
export async function labelObjects(target: Target, words: readonly string[], flags: LabelFlags): Promise<void> {
  const isChange = (word: string) => /^[^=/]+(\/[^=/]+)?(=|-$)/.test(word);
  const changes = words.slice(1).filter(isChange);
  const { definition, names } = readTargets(words.filter((word, at) => at === 0 || !isChange(word)));
  if (names.length === 0 || changes.length === 0)
    throw new BadInput(["write it as tortie label KIND NAME key=value, or key- to take the label away"]);
  const labels = new Map(changes.map(readChange));
  const client = connect(target);
  for (const name of names) {
    const id = { name, namespace: namespaceOf(definition, flags) };
    const present = await client.get(definition.kind, id);
    if (present === undefined) throw notFound(definition, name, id.namespace);
    const { resourceVersion, labels: old = {} } = present.metadata;
    const [taken] =
      [...labels].find(([key, value]) => value !== null && Object.hasOwn(old, key) && old[key] !== value) ?? [];
    if (taken !== undefined && flags.overwrite !== true) {
      throw new TortieError(
        "TT_API_EXISTS",
        `${describeObject(present)} has the label ${taken}=${old[taken]} already`,
        {
          hint: "--overwrite changes it",
        },
      );
    }
    const body = { metadata: { resourceVersion, labels: Object.fromEntries(labels) } };
    const next = await client.patch(definition.kind, id, { type: "merge", body }, writeOptions(flags.dryRun));
    const outcome =
      next.metadata.resourceVersion === resourceVersion && flags.dryRun !== true ? "unchanged" : "labeled";
    console.log(`${qualify(definitionOf(next.kind))}/${name} ${outcome}${dryRunNote(flags.dryRun)}`);
  }
}

function readChange(word: string): readonly [key: string, value: string | null] {
  const at = word.indexOf("=");
  return at === -1 ? [word.slice(0, -1), null] : [word.slice(0, at), word.slice(at + 1)];
}
