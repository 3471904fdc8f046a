import type { Json } from "./json.ts";
import { StatusError } from "./status.ts";

/** How a member is written: its name, and what its bytes are. */
type Member = {
  readonly name: string;
  readonly type: "text" | "bytes" | "boolean" | "number" | "textMap" | "bytesMap" | "ignored" | Shape;
  readonly isList?: true;
};
type Shape = Readonly<Record<number, Member>>;

/** Of k8s.io/apimachinery's and k8s.io/api's generated.proto, by field number. */
const objectMeta: Shape = {
  1: { name: "name", type: "text" },
  2: { name: "generateName", type: "text" },
  3: { name: "namespace", type: "text" },
  4: { name: "selfLink", type: "ignored" },
  5: { name: "uid", type: "text" },
  6: { name: "resourceVersion", type: "text" },
  7: { name: "generation", type: "number" },
  // The server's own: whatever a client says of it is not taken over.
  8: { name: "creationTimestamp", type: "ignored" },
  11: { name: "labels", type: "textMap" },
  12: { name: "annotations", type: "textMap" },
};
const metadata: Member = { name: "metadata", type: objectMeta };
const shapes: Readonly<Record<string, Shape>> = {
  Namespace: {
    1: metadata,
    2: { name: "spec", type: { 1: { name: "finalizers", type: "text", isList: true } } },
    3: { name: "status", type: { 1: { name: "phase", type: "text" } } },
  },
  Secret: {
    1: metadata,
    2: { name: "data", type: "bytesMap" },
    3: { name: "type", type: "text" },
    4: { name: "stringData", type: "textMap" },
    5: { name: "immutable", type: "boolean" },
  },
  ServiceAccount: { 1: metadata, 4: { name: "automountServiceAccountToken", type: "boolean" } },
};

const magic = Buffer.from("k8s\0");

/**
 * The few kinds of core Kubernetes that kubectl writes in their own protobuf form (`kubectl create namespace`), as JSON. What is not
 * known here is refused as a media type, so that nothing is left out unseen.
 */
export function decodeKubernetesProtobuf(body: Buffer): Json {
  if (!body.subarray(0, magic.length).equals(magic)) throw unsupported("the body is no Kubernetes protobuf");
  const unknown = readFields(body.subarray(magic.length));
  const type = bytesOf(unknown, 1);
  const [apiVersion, kind] = [1, 2].map((field) => bytesOf(readFields(type), field).toString());
  const shape = apiVersion === "v1" && kind !== undefined ? shapes[kind] : undefined;
  if (shape === undefined) throw unsupported(`${kind ?? ""} of ${apiVersion} is not read in protobuf`);
  return { apiVersion, kind, ...decodeMessage(bytesOf(unknown, 2), shape) };
}

type Field = { readonly number: number; readonly value: Buffer | bigint };

function decodeMessage(bytes: Buffer, shape: Shape): Json {
  const members = new Map<string, unknown>();
  for (const { number, value } of readFields(bytes)) {
    const member = shape[number];
    if (member === undefined) throw unsupported(`field ${number} is not known`);
    const { name, type, isList } = member;
    if (type === "ignored") continue;
    const decoded = typeof value === "bigint" ? decodeNumber(value, type) : decodeBytes(value, type);
    const before = members.get(name);
    // Members that are not set are written with their zero value.
    if (decoded === "" || (typeof decoded === "object" && Object.keys(decoded).length === 0)) continue;
    if (isList === true) members.set(name, [...(Array.isArray(before) ? before : []), decoded]);
    else if (type === "textMap" || type === "bytesMap") members.set(name, Object.assign(before ?? {}, decoded));
    else members.set(name, decoded);
  }
  return Object.fromEntries(members);
}

function decodeNumber(value: bigint, type: Member["type"]): number | boolean | "" {
  if (type === "boolean") return value !== 0n;
  if (type === "number") return value === 0n ? "" : Number(value);
  throw unsupported("a member is of another type");
}

function decodeBytes(value: Buffer, type: Member["type"]): string | object {
  if (typeof type === "object") return decodeMessage(value, type);
  if (type === "text") return value.toString();
  if (type === "bytes") return value.toString("base64");
  if (type !== "textMap" && type !== "bytesMap") throw unsupported("a member is of another type");
  const entry = readFields(value);
  const content = bytesOf(entry, 2);
  const text = type === "textMap" ? content.toString() : content.toString("base64");
  return Object.fromEntries([[bytesOf(entry, 1).toString(), text]]);
}

function bytesOf(fields: readonly Field[], number: number): Buffer {
  const value = fields.find((field) => field.number === number)?.value;
  return value instanceof Buffer ? value : Buffer.alloc(0);
}

function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw unsupported("the body ends within a number");
  };
  while (at < bytes.length) {
    const tag = Number(readVarint());
    const wireType = tag & 7;
    if (wireType === 0) {
      fields.push({ number: tag >>> 3, value: readVarint() });
      continue;
    }
    const length = wireType === 2 ? Number(readVarint()) : Number.POSITIVE_INFINITY;
    if (length > bytes.length - at) throw unsupported("the body is no Kubernetes protobuf");
    fields.push({ number: tag >>> 3, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

function unsupported(why: string): StatusError {
  return new StatusError("UnsupportedMediaType", `${why}; send application/json`);
}
