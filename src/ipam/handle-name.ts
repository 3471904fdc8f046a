import { createHash } from "node:crypto";

const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const maxNameBytes = 253;

/**
 * Name of a handle's object: the handle itself where that is a legal name; otherwise its lower-case form
 * and a hash, so that handles that differ only in case or in odd characters stay apart.
 */
export function handleName(handleId: string): string {
  if (handleId.length <= maxNameBytes && objectName.test(handleId)) return handleId;
  const readable = handleId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 200)
    .replaceAll(/^-|-$/g, "");
  const hash = createHash("sha256").update(handleId).digest("hex").slice(0, 16);
  return readable === "" ? hash : `${readable}-${hash}`;
}
