import assert from "node:assert/strict";
import { formatProblem } from "../../lib/index.ts";
import type { DecodeOptions } from "../kind-definition.ts";
import { apiVersionOf, decodeResource, definitionOf } from "../kinds.ts";
import type { Kind, ResourceOf } from "../resource.ts";

export type Json = Record<string, unknown>;

/** An object of the kind with this spec and metadata; the name is one that every kind but a few allows. */
export function objectOf(kind: Kind, spec: unknown, metadata: Json = {}): Json {
  const isSingle = kind === "BGPConfiguration" || kind === "IPAMConfiguration" || kind === "ClusterInformation";
  const head = { apiVersion: apiVersionOf(definitionOf(kind)), kind: definitionOf(kind).apiKind };
  return { ...head, metadata: { name: isSingle ? "default" : "x", ...metadata }, spec };
}

/** The object in canonical form. Fails when it does not decode, or does not decode to itself again. */
export function decoded<K extends Kind>(kind: K, spec: unknown, metadata?: Json): ResourceOf<K> {
  const result = definitionOf(kind).decode(objectOf(kind, spec, metadata));
  assert.ok(result.ok, JSON.stringify([spec, result]));
  const again = decodeResource(JSON.parse(JSON.stringify(result.value)));
  assert.ok(again.ok, JSON.stringify(again));
  assert.equal(JSON.stringify(again.value), JSON.stringify(result.value));
  return result.value;
}

/** The problems of an object, as lines; fails when there are none. */
export function problemsOf(json: unknown, options?: DecodeOptions): string[] {
  const result = decodeResource(json, options);
  assert.ok(!result.ok, `accepted: ${JSON.stringify(json)}`);
  const lines = result.problems.map(formatProblem);
  for (const line of lines)
    assert.doesNotMatch(line, /Invalid input|Unrecognized key|, received |undefined|NaN|Too (big|small)/);
  return lines;
}

/** Asserts that each spec is accepted. */
export function assertAccepted(kind: Kind, specs: readonly unknown[]): void {
  for (const spec of specs) decoded(kind, spec);
}

/** Asserts that each spec is refused with exactly these paths, which are below `spec`. */
export function assertRefused(kind: Kind, cases: readonly (readonly [spec: unknown, ...paths: string[]])[]): void {
  for (const [spec, ...paths] of cases) {
    const result = decodeResource(objectOf(kind, spec));
    assert.ok(!result.ok, `accepted: ${JSON.stringify(spec)}`);
    problemsOf(objectOf(kind, spec));
    const found = result.problems.map(({ path }) => path);
    assert.deepEqual(
      found,
      paths.map((path) => (path === "" ? "spec" : `spec.${path}`)),
      JSON.stringify(result.problems),
    );
  }
}

/** Asserts that each spec, which has nothing wrong with it, is refused as unsupported with exactly these paths. */
export function assertUnsupported(kind: Kind, cases: readonly (readonly [spec: unknown, ...paths: string[]])[]): void {
  assertRefused(kind, cases);
  for (const [spec] of cases) {
    const result = decodeResource(objectOf(kind, spec));
    assert.ok(!result.ok && result.problems.every(({ isUnsupported }) => isUnsupported === true), JSON.stringify(spec));
  }
}

/** Asserts that each spec has something wrong with it, besides what is unsupported, and is told of that alone. */
export function assertInvalid(kind: Kind, specs: readonly unknown[]): void {
  for (const spec of specs) {
    const result = decodeResource(objectOf(kind, spec));
    assert.ok(!result.ok && result.problems.every(({ isUnsupported }) => isUnsupported !== true), JSON.stringify(spec));
  }
}

export function repeat<T>(count: number, item: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => item(at));
}
