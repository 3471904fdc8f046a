import { z } from "zod";
import { Complaint, show } from "./complaint.ts";

/** Which values of a member mean the same as leaving it out, by the member's schema. */
const unsetRules = new WeakMap<z.ZodType, (value: unknown) => boolean>();

/** Values that count as absent, besides null: the zero value of Go fields that are not pointers. */
export const isBlank = (value: unknown): boolean => value === "";
export const isZero = (value: unknown): boolean => value === 0;
export const isFalse = (value: unknown): boolean => value === false;
export const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** A member that must be there; `isUnset` tells which values count as its absence. */
export function required<S extends z.ZodType>(schema: S, isUnset: (value: unknown) => boolean): S {
  const field = schema.clone();
  unsetRules.set(field, isUnset);
  return field;
}

/** Without `isUnset` every value that is there is judged, an explicit zero too. */
export function optional<S extends z.ZodType>(schema: S, isUnset?: (value: unknown) => boolean): z.ZodExactOptional<S> {
  const field = z.exactOptional(schema);
  if (isUnset !== undefined) unsetRules.set(field, isUnset);
  return field;
}

/** Members that are known only to be refused; not worth naming to somebody who mistyped another. */
const refusedFields = new WeakSet<z.ZodType>();

/** A member that old objects have and that must not be true. */
export function mustBeFalse(hint: string): z.ZodExactOptional<z.ZodBoolean> {
  const schema = refine(z.boolean(), (value) => (value ? new Complaint("must not be true", hint) : undefined));
  const field = optional(schema, isFalse);
  refusedFields.add(field);
  return field;
}

/** An object with these members and no others; absent and null mean the same. */
export function object<S extends z.ZodRawShape>(shape: S) {
  const rules = new Map<string, ((value: unknown) => boolean) | undefined>();
  const served: string[] = [];
  for (const [name, field] of Object.entries(shape)) {
    if (!(field instanceof z.ZodType)) continue;
    rules.set(name, unsetRules.get(field));
    if (!refusedFields.has(field)) served.push(name);
  }
  const known = served.join(" ");
  // The message of this one issue carries the names that would have been right; problems.ts puts it in words.
  const schema = z.strictObject(shape, { error: (issue) => (issue.code === "unrecognized_keys" ? known : undefined) });
  return z.preprocess((value) => (isRecord(value) ? dropUnset(value, rules) : value), schema);
}

function dropUnset(
  value: Readonly<Record<string, unknown>>,
  rules: ReadonlyMap<string, ((value: unknown) => boolean) | undefined>,
): Readonly<Record<string, unknown>> {
  const isUnset = (name: string) => {
    const member = value[name];
    return member === null || member === undefined || rules.get(name)?.(member) === true;
  };
  const names = Object.keys(value);
  // Most objects have nothing to drop; they are not copied.
  if (!names.some(isUnset)) return value;
  return Object.fromEntries(names.filter((name) => !isUnset(name)).map((name) => [name, value[name]]));
}

/** An object as it came out of JSON. */
export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adds a rule; any number of complaints. */
export function refine<S extends z.ZodType>(
  schema: S,
  check: (value: z.output<S>) => Complaint | readonly Complaint[] | undefined,
): S {
  return schema.check((context) => {
    const found = check(context.value);
    for (const complaint of found === undefined ? [] : [found].flat()) {
      context.issues.push({ ...customIssue(complaint), input: context.value, continue: true });
    }
  });
}

/** Replaces the value by its canonical form, or complains. */
export function convert<S extends z.ZodType, T>(schema: S, read: (value: z.output<S>) => T | Complaint) {
  return schema.transform((value, context): T => {
    const result = read(value);
    if (!(result instanceof Complaint)) return result;
    context.addIssue(customIssue(result));
    return z.NEVER;
  });
}

function customIssue({ message, hint, path }: Complaint) {
  return { code: "custom" as const, message, params: { hint }, path: [...path] };
}

type ListRules = { readonly max?: number; readonly isSet?: boolean };

/** A list of at most `max` entries; a set refuses repeats, and drops entries that turn out the same in canonical form. */
export function list<S extends z.ZodType>(item: S, { max = Number.POSITIVE_INFINITY, isSet = false }: ListRules = {}) {
  const items = z.array(item);
  return z.preprocess(
    (value, context) => {
      if (!Array.isArray(value)) return value;
      const tooMany = new Complaint(`has ${value.length} entries; at most ${max} are allowed`);
      const complaints = value.length > max ? [tooMany] : isSet ? findRepeats(value) : [];
      for (const complaint of complaints) context.addIssue(customIssue(complaint));
      return value;
    },
    isSet ? items.transform((entries) => [...new Set(entries)]) : items,
  );
}

function findRepeats(entries: readonly unknown[]): Complaint[] {
  const seen = new Map<unknown, number>();
  const repeats: Complaint[] = [];
  for (const [at, entry] of entries.entries()) {
    const first = seen.get(entry);
    if (first === undefined) seen.set(entry, at);
    else
      repeats.push(new Complaint(`${show(entry)} is already entry ${first} of the list`, "remove one of them", [at]));
  }
  return repeats;
}

/** An object whose names are the writer's own; `check` sees every entry, `checkAll` the whole. */
export function textMap(
  check: (name: string, value: string) => Complaint | undefined,
  checkAll: (map: Readonly<Record<string, string>>) => Complaint | undefined = () => undefined,
) {
  const anyMap = z.unknown().meta({ type: "object", additionalProperties: { type: "string" } });
  return anyMap.transform((value, context): Readonly<Record<string, string>> => {
    const complain = (complaint: Complaint) => context.addIssue(customIssue(complaint));
    const entries: [string, string][] = [];
    if (!isRecord(value)) complain(new Complaint(`must be an object of texts, not ${show(value)}`));
    else {
      for (const [name, member] of Object.entries(value)) {
        const text = member ?? "";
        if (typeof text !== "string") {
          complain(new Complaint(`must be text, not ${show(text)}`, "put it in quotes", [name]));
          continue;
        }
        const complaint = check(name, text);
        if (complaint === undefined) entries.push([name, text]);
        else complain(new Complaint(complaint.message, complaint.hint, [name]));
      }
    }
    const map = Object.fromEntries(entries);
    const whole = checkAll(map);
    if (whole !== undefined) complain(whole);
    return map;
  });
}

/** What may be written as a number or as text, before it is read. */
export const numberOrText = z
  .unknown()
  .meta({ anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true });

/** A whole number of this range. */
export function integer(min: number, max: number) {
  return convert(z.number(), (value): number | Complaint => {
    if (Number.isInteger(value) && value >= min && value <= max) return withoutSign(value);
    return new Complaint(`${value} is not a whole number from ${min} to ${max}`);
  });
}

/** JSON can say -0, which is not worth telling from 0. */
export function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}

/** Text of a form. `what` completes "is not ...". */
export function textOf(isValid: (text: string) => boolean, what: string, hint = "") {
  return refine(z.string(), (text) =>
    isValid(text) ? undefined : new Complaint(`${show(text)} is not ${what}`, hint),
  );
}
