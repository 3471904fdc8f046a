import { z } from "zod";
import { Complaint, show } from "./complaint.ts";
import { isLabelValue, isObjectName, isQualifiedName } from "./formats.ts";
import {
  integer,
  isBlank,
  isEmptyList,
  isZero,
  object,
  optional,
  refine,
  required,
  textMap,
  textOf,
} from "./schema.ts";

/** Metadata of every object. `uid`, `resourceVersion`, `generation` and `creationTimestamp` are the server's. */
export type ObjectMeta = {
  readonly name: string;
  /** Present exactly on objects of namespaced kinds. */
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly annotations?: Annotations;
  readonly uid?: string;
  /** Opaque text; compare for equality only. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, UTC. */
  readonly creationTimestamp?: string;
  /** Beginning of a name that the server was to complete. */
  readonly generateName?: string;
  /** The object is on its way out (RFC 3339); it stays until `finalizers` are gone. */
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  /** Kept as written. */
  readonly ownerReferences?: readonly unknown[];
  /** Kept as written. */
  readonly managedFields?: readonly unknown[];
};

export type Labels = Readonly<Record<string, string>>;
export type Annotations = Readonly<Record<string, string>>;

/** What a kind allows as name, and the words for it. */
export type NameRule = { readonly isValid: (name: string) => boolean; readonly hint: string };

export const objectName: NameRule = {
  isValid: isObjectName,
  hint: "at most 253 lower-case letters, digits, dashes and dots; letters or digits at both ends and beside dots",
};

const maxAnnotationBytes = 262144;

export const labels = textMap((key, value) => {
  if (!isQualifiedName(key)) return new Complaint(`${show(key)} is no label name`, labelNameHint);
  if (isLabelValue(value)) return undefined;
  return new Complaint(
    `${show(value)} is no label value`,
    "at most 63 letters, digits, - _ and . with a letter or digit at both ends",
  );
});

export const labelNameHint =
  "at most 63 letters, digits, - _ and . with a letter or digit at both ends; a domain and / may stand before it";

export const annotations = textMap(
  (key) =>
    isQualifiedName(key.toLowerCase()) ? undefined : new Complaint(`${show(key)} is no annotation name`, labelNameHint),
  (map) => {
    const size = Object.entries(map).reduce(
      (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
      0,
    );
    if (size <= maxAnnotationBytes) return undefined;
    return new Complaint(`has ${size} bytes of annotations; at most ${maxAnnotationBytes} are allowed`);
  },
);

const time = textOf(isTimestamp, "a time", "write it like 2026-01-31T12:00:00Z");

/** Metadata of a kind. An object of a namespaced kind that names none is in `default`. */
export function objectMeta(rule: NameRule, isNamespaced: boolean) {
  const name = required(textOf(rule.isValid, "a name this kind can have", rule.hint), isBlank);
  const rest = {
    labels: optional(labels),
    annotations: optional(annotations),
    uid: optional(z.string(), isBlank),
    resourceVersion: optional(z.string(), isBlank),
    generation: optional(integer(0, Number.MAX_SAFE_INTEGER), isZero),
    creationTimestamp: optional(time, isBlank),
    generateName: optional(z.string(), isBlank),
    deletionTimestamp: optional(time, isBlank),
    deletionGracePeriodSeconds: optional(z.number()),
    finalizers: optional(z.array(z.string()), isEmptyList),
    ownerReferences: optional(z.array(z.unknown()), isEmptyList),
    managedFields: optional(z.array(z.unknown()), isEmptyList),
  };
  const namespace = textOf(objectName.isValid, "a namespace", objectName.hint);
  const noNamespace = refine(z.string(), () => new Complaint("this kind has no namespace", "leave it out"));
  return isNamespaced
    ? object({ name, namespace: required(namespace.prefault("default"), isBlank), ...rest })
    : object({ name, namespace: optional(noNamespace, isBlank), ...rest });
}

export function isTimestamp(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text);
}
