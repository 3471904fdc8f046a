import { stringify } from "yaml";
import { type ApiClient, type Target, connect } from "../client/index.ts";
import { TortieError } from "../lib/index.ts";
import { type Json, type Resource, definitionOf, encodeResource } from "../resources/index.ts";
import { diffText } from "./diff-text.ts";
import { exitStatus } from "./failure.ts";
import { describeObject } from "./kind-argument.ts";
import { type Manifest, readManifests } from "./manifest.ts";
import { checkOutput, formatObjects } from "./print-objects.ts";

export type WriteFlags = { readonly filename: string[]; readonly dryRun?: boolean; readonly output?: string };
export type ApplyFlags = WriteFlags & {
  readonly serverSide?: boolean;
  readonly forceConflicts?: boolean;
  readonly fieldManager?: string;
};

/** A write of one manifest; gives what came of it, and the object. */
type Write = (
  client: ApiClient,
  manifest: Manifest,
) => Promise<{ readonly outcome: string; readonly resource: Resource }>;

const defaultManager = "tortie";
const serverMembers = new Set(["resourceVersion", "generation", "uid", "creationTimestamp", "managedFields"]);

/** Creates or updates every object of the files; nothing when one of them is wrong. */
export async function applyFiles(target: Target, flags: ApplyFlags): Promise<void> {
  await writeFiles(target, flags, (client, manifest) =>
    flags.serverSide === true ? applyOnServer(client, manifest, flags) : putResource(client, manifest, flags.dryRun),
  );
}

export async function createFiles(target: Target, flags: WriteFlags): Promise<void> {
  await writeFiles(target, flags, async (client, { resource }) => ({
    outcome: "created",
    resource: await client.create(resource, writeOptions(flags.dryRun)),
  }));
}

/** Every object must be there already. */
export async function replaceFiles(target: Target, flags: WriteFlags): Promise<void> {
  await writeFiles(target, flags, async (client, { resource }) => {
    const existing = await client.get(resource.kind, resource.metadata);
    if (existing === undefined) {
      throw new TortieError("TT_API_NOT_FOUND", `${describeObject(resource)} is not there`, {
        hint: "tortie create or tortie apply makes it",
      });
    }
    const next = await client.update(withVersion(resource, existing), writeOptions(flags.dryRun));
    return { outcome: "replaced", resource: next };
  });
}

/** Deletes in the other order than one creates. */
export async function deleteFiles(target: Target, flags: WriteFlags): Promise<void> {
  const client = connect(target);
  // Namespaces last: they cannot go while they hold something.
  const ordered = readManifests(flags.filename)
    .toReversed()
    .toSorted((a, b) => Number(a.resource.kind === "Namespace") - Number(b.resource.kind === "Namespace"));
  for (const { resource, where } of ordered) {
    const { name, namespace } = resource.metadata;
    await located(where, client.delete(resource.kind, { name, namespace }, writeOptions(flags.dryRun)));
    console.log(`${describeObject(resource)} deleted${dryRunNote(flags.dryRun)}`);
  }
}

/** What `apply` would change, as a unified diff; exit status 1 when there is something. */
export async function diffFiles(target: Target, flags: ApplyFlags): Promise<void> {
  const client = connect(target);
  let isDifferent = false;
  for (const manifest of readManifests(flags.filename)) {
    const { kind, metadata } = manifest.resource;
    const isDryRun = true;
    const existing = await located(manifest.where, client.get(kind, metadata));
    const written =
      flags.serverSide === true
        ? applyOnServer(client, manifest, { ...flags, dryRun: isDryRun })
        : putResource(client, manifest, isDryRun);
    const { resource } = await located(manifest.where, written);
    const told = diffText(
      describeObject(resource),
      existing === undefined ? "" : comparable(existing),
      comparable(resource),
    );
    if (told === "") continue;
    console.log(told);
    isDifferent = true;
  }
  if (isDifferent) process.exitCode = exitStatus.failed;
}

/** Without what the server counts and notes: a difference there is none of the user's. */
function comparable(resource: Resource): string {
  const { metadata, ...rest } = encodeResource(resource);
  const kept = Object.entries(metadata as Json).filter(([name]) => !serverMembers.has(name));
  const { apiVersion, kind, ...others } = rest;
  return stringify({ apiVersion, kind, metadata: Object.fromEntries(kept), ...others });
}

async function writeFiles(target: Target, flags: WriteFlags, write: Write): Promise<void> {
  checkOutput(flags.output);
  const client = connect(target);
  for (const manifest of readManifests(flags.filename)) {
    const { outcome, resource } = await located(manifest.where, write(client, manifest));
    const told = `${describeObject(resource)} ${outcome}${dryRunNote(flags.dryRun)}`;
    if (flags.output === undefined) console.log(told);
    else console.log(formatObjects(definitionOf(resource.kind), [resource], { output: flags.output, isSingle: true }));
  }
}

/** Names the manifest in what went wrong. */
async function located<T>(where: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TortieError)) throw error;
    const { code, message, fields, hint } = error;
    throw new TortieError(code, `${where}: ${message}`, { cause: error, fields, hint });
  }
}

async function putResource(client: ApiClient, { resource }: Manifest, isDryRun: boolean | undefined) {
  const existing = await client.get(resource.kind, resource.metadata);
  if (existing === undefined) {
    return { outcome: "created", resource: await client.create(resource, writeOptions(isDryRun)) };
  }
  const next = await client.update(withVersion(resource, existing), writeOptions(isDryRun));
  const isSame =
    isDryRun === true
      ? comparable(existing) === comparable(next)
      : next.metadata.resourceVersion === existing.metadata.resourceVersion;
  return { outcome: isSame ? "unchanged" : "configured", resource: next };
}

async function applyOnServer(client: ApiClient, { json, resource }: Manifest, flags: ApplyFlags) {
  const { kind, metadata } = resource;
  const manager = flags.fieldManager ?? defaultManager;
  const patch = { type: "apply", body: json, manager, isForced: flags.forceConflicts } as const;
  const applied = client.patch(kind, metadata, patch, writeOptions(flags.dryRun));
  return { outcome: "applied", resource: await applied.catch(explainConflict) };
}

function explainConflict(error: unknown): never {
  if (!(error instanceof TortieError) || error.code !== "TT_API_CONFLICT") throw error;
  const hint = "leave these fields out, agree on their values, or take them over with --force-conflicts";
  throw new TortieError(error.code, error.message, { cause: error, fields: error.fields, hint });
}

function withVersion<R extends Resource>(resource: R, existing: Resource): R {
  const resourceVersion = resource.metadata.resourceVersion ?? existing.metadata.resourceVersion;
  return {
    ...resource,
    metadata: { ...resource.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
  };
}

export function writeOptions(isDryRun: boolean | undefined) {
  return { isDryRun, isStrict: true };
}

export function dryRunNote(isDryRun: boolean | undefined): string {
  return isDryRun === true ? " (dry run)" : "";
}
