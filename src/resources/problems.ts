import type { z } from "zod";
import { type Problem, type Result, success } from "../lib/index.ts";
import { describe, show } from "./complaint.ts";
import type { DecodeOptions } from "./kind-definition.ts";
import { findNearest } from "./nearest.ts";
import { isRecord } from "./schema.ts";

type Issue = z.core.$ZodIssue;
type UnknownFields = z.core.$ZodIssueUnrecognizedKeys;
/** Unknown fields of one object that are told by name. */
const maxNamed = 50;

type Path = readonly PropertyKey[];

/** Applies a schema; every problem found is told in our own words. */
export function decodeWith<T>(schema: z.ZodType<T>, json: unknown, options: DecodeOptions = {}): Result<T> {
  const parsed = schema.safeParse(json, { reportInput: true });
  if (parsed.success) return success(parsed.data);
  const { issues } = parsed.error;
  const unknown = issues.filter((issue) => issue.code === "unrecognized_keys");
  if (unknown.length === 0) return { ok: false, problems: issues.map(toProblem) };
  // An unknown field hides what else is wrong: look again without it.
  const rest = decodeWith(schema, prune(json, placeFields(unknown)), options);
  if (options.unknownFields === "drop") return rest;
  if (options.unknownFields === "keep") {
    if (rest.ok) for (const issue of unknown) carryOver(json, rest.value, issue);
    return rest;
  }
  return { ok: false, problems: [...unknown.flatMap(toUnknownProblems), ...(rest.ok ? [] : rest.problems)] };
}

/** Names of unknown fields by where they are: as many as an attacker likes, hence a tree to look them up in. */
type Placed = { readonly names: Set<string>; readonly below: Map<PropertyKey, Placed> };

function placeFields(issues: readonly UnknownFields[]): Placed {
  const root: Placed = { names: new Set(), below: new Map() };
  for (const { path, keys } of issues) {
    let place = root;
    for (const step of path) {
      const next: Placed = place.below.get(step) ?? { names: new Set(), below: new Map() };
      place.below.set(step, next);
      place = next;
    }
    for (const name of keys) place.names.add(name);
  }
  return root;
}

/** A copy without these fields; what lies off their paths is shared. */
function prune(value: unknown, placed: Placed | undefined): unknown {
  if (placed === undefined) return value;
  if (Array.isArray(value)) return value.map((item, at) => prune(item, placed.below.get(at)));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([name]) => !placed.names.has(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, prune(item, placed.below.get(name))]));
}

function carryOver(from: unknown, to: unknown, issue: UnknownFields): void {
  const source = issue.path.reduce(memberOf, from);
  const target = issue.path.reduce(memberOf, to);
  if (!isRecord(source) || !isRecord(target)) return;
  for (const name of issue.keys) {
    Object.defineProperty(target, name, { value: source[name], enumerable: true, configurable: true, writable: true });
  }
}

function memberOf(value: unknown, step: PropertyKey): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
}

function toUnknownProblems(issue: UnknownFields): Problem[] {
  const known = issue.message.split(" ");
  const listed = known.length <= 12 ? `there are ${known.join(", ")}` : "remove it";
  const problems = issue.keys.slice(0, maxNamed).map((name): Problem => {
    const nearest = findNearest(name, known);
    const hint = nearest === undefined ? listed : `did you mean ${nearest}?`;
    return { path: formatPath([...issue.path, name]), message: "unknown field", hint };
  });
  const more = issue.keys.length - problems.length;
  return more === 0
    ? problems
    : [...problems, { path: formatPath(issue.path), message: `has ${more} more unknown fields`, hint: "" }];
}

function toProblem(issue: Issue): Problem {
  const path = formatPath(issue.path);
  if (issue.code === "custom") return { path, message: issue.message, hint: String(issue.params?.["hint"] ?? "") };
  if (issue.input === undefined) return { path, message: "is missing", hint: hintOf(issue) };
  if (issue.code === "invalid_value") {
    return {
      path,
      message: `${show(issue.input)} is not ${formatChoice(issue.values.map(String))}`,
      hint: hintOf(issue),
    };
  }
  const wanted = issue.code === "invalid_type" ? (sorts[issue.expected] ?? issue.expected) : "valid";
  return { path, message: `must be ${wanted}, not ${describe(issue.input)}`, hint: hintOf(issue) };
}

function hintOf(issue: Issue): string {
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    if (issue.input === undefined) return `give ${formatChoice(values)}`;
    const nearest = typeof issue.input === "string" ? findNearest(issue.input, values) : undefined;
    return nearest === undefined ? "" : `write ${nearest}`;
  }
  if (issue.code !== "invalid_type" || issue.input === undefined) return "";
  if (issue.expected === "string" && typeof issue.input !== "object") return "put it in quotes";
  const isQuoted = typeof issue.input === "string" && (issue.expected === "number" || issue.expected === "boolean");
  return isQuoted ? "write it without quotes" : "";
}

const sorts: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function formatChoice(values: readonly string[]): string {
  return values.length <= 1 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

/** `spec.ingress[0].action`; names that are no plain words as `metadata.labels["a.b/c"]`. */
function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_]\w*$/.test(String(step))) text += text === "" ? String(step) : `.${String(step)}`;
    else text += `[${show(String(step))}]`;
  }
  return text;
}
