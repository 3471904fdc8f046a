import { isRecord, memberOf, withMember } from "./json.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { findConflicts, formatOwners, ownersAfterApply, planApply } from "./managed-fields.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { type ObjectWriter, WriteRace, fieldWrite } from "./object-writer.ts";
import type { WriteTarget } from "./read-written.ts";
import { StatusError, conflict, objectDetails } from "./status.ts";
import type { WriteOptions } from "./write-options.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";
export type Patched = { readonly text: string; readonly isCreated: boolean };

/** So many others may write the object between our reading and our writing. */
const attempts = 5;

/** Changes objects by what is different, to what they are at the moment of the write. */
export class ObjectPatcher {
  readonly #writer: ObjectWriter;

  constructor(writer: ObjectWriter) {
    this.#writer = writer;
  }

  async patch(target: WriteTarget, type: PatchType, body: unknown, options: WriteOptions): Promise<Patched> {
    const tryOnce = () =>
      type === "apply" ? this.#apply(target, body, options) : this.#patch(target, type, body, options);
    for (let attempt = 1; ; attempt++) {
      try {
        return await tryOnce();
      } catch (error) {
        if (!(error instanceof WriteRace) || attempt === attempts) throw error;
        await this.#writer.catchUp(target);
      }
    }
  }

  async #patch(
    target: WriteTarget,
    type: "json" | "merge" | "strategic",
    body: unknown,
    options: WriteOptions,
  ): Promise<Patched> {
    const { definition, namespace, name = "" } = target;
    const present = await this.#writer.find(definition, namespace, name, 0);
    const json: unknown = JSON.parse(present.text);
    if (type === "strategic") checkStrategic(target, body);
    if (type !== "json" && !isRecord(body)) throw new StatusError("BadRequest", "a merge patch is a JSON object");
    const next = type === "json" ? applyJsonPatch(json, body) : applyMergePatch(json, body);
    return { text: await this.#writer.replace(target, present, next, options), isCreated: false };
  }

  async #apply(target: WriteTarget, body: unknown, options: WriteOptions): Promise<Patched> {
    const { definition, namespace, name = "" } = target;
    if (!isRecord(body)) throw new StatusError("BadRequest", "what is applied must be an object");
    const config = withMember(body, "metadata", withMember(metadataOf(body), "managedFields", undefined));
    const write = fieldWrite(target, options);
    const present = await this.#writer.find(definition, namespace, name, 0).catch((error: unknown) => {
      const isAbsent = error instanceof StatusError && error.status.reason === "NotFound";
      // A status without its object, or an object that is expected at a version, is not created.
      const isNeeded =
        target.subresource !== undefined || memberOf(config["metadata"], "resourceVersion") !== undefined;
      if (!isAbsent || isNeeded) throw error;
    });
    if (present === undefined) {
      const plan = planApply({}, [], config, write);
      // The path of a creation has no name; the body must not say another one.
      const named = withMember(config, "metadata", { name, ...metadataOf(config) });
      if (memberOf(named["metadata"], "name") !== name)
        throw conflict(definition, name, "metadata.name is another name than that of the path");
      const own = () => formatOwners(ownersAfterApply(plan, {}, {}, write));
      const text = await this.#writer.create({ ...target, name: undefined }, named, options, own);
      return { text, isCreated: true };
    }
    const live: unknown = JSON.parse(present.text);
    if (!isRecord(live)) throw new Error("assertion failed: an object is no object");
    const plan = planApply(live, memberOf(live["metadata"], "managedFields"), config, write);
    const text = await this.#writer.replace(target, present, plan.merged, options, (old, makeNext) => {
      const next = makeNext();
      const conflicts = findConflicts(plan, old, next, write);
      if (conflicts.length > 0 && !options.isForced) throw fieldConflict(target, conflicts);
      return formatOwners(ownersAfterApply(plan, old, next, write));
    });
    return { text, isCreated: false };
  }
}

function metadataOf(body: unknown) {
  const metadata = memberOf(body, "metadata");
  return isRecord(metadata) ? metadata : {};
}

/**
 * kubectl sends strategic merge patches for the kinds of core Kubernetes, which it knows by itself. Without directives they mean
 * what a merge patch means, since the lists of these kinds here are replaced as a whole.
 */
function checkStrategic({ definition }: WriteTarget, body: unknown): void {
  if (definition.group !== "projectcalico.org" && !hasDirective(body)) return;
  throw new StatusError(
    "UnsupportedMediaType",
    "strategic merge patches are not supported; send a merge patch (kubectl patch --type=merge)",
  );
}

function hasDirective(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasDirective);
  return (
    isRecord(value) && Object.entries(value).some(([name, member]) => name.startsWith("$") || hasDirective(member))
  );
}

function fieldConflict(
  { definition, name = "" }: WriteTarget,
  conflicts: ReturnType<typeof findConflicts>,
): StatusError {
  const causes = conflicts.map(({ manager, apiVersion, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${manager}" using ${apiVersion}`,
    field: path.map((step) => `.${step}`).join(""),
  }));
  const told = causes.map(({ message, field }) => `${message}: ${field}`).join(", ");
  const count = `${causes.length} conflict${causes.length === 1 ? "" : "s"}`;
  const message = `Apply failed with ${count}: ${told}; take over with force, or leave these fields out`;
  return new StatusError("Conflict", message, { ...objectDetails(definition, name), causes });
}
