import { StatusError } from "./status.ts";

export type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

/** A label name, with or without a domain before it. */
const key = "[A-Za-z0-9][A-Za-z0-9._/-]*";
const shapes: readonly (readonly [shape: RegExp, make: (key: string, values: string) => Requirement | undefined])[] = [
  [new RegExp(`^!\\s*(${key})$`), (name) => (labels) => !Object.hasOwn(labels, name)],
  [new RegExp(`^(${key})$`), (name) => (labels) => Object.hasOwn(labels, name)],
  [new RegExp(`^(${key})\\s*==?\\s*([^\\s=!<>()]*)$`), (name, value) => (labels) => labels[name] === value],
  [new RegExp(`^(${key})\\s*!=\\s*([^\\s=!<>()]*)$`), (name, value) => (labels) => labels[name] !== value],
  [new RegExp(`^(${key})\\s+in\\s*\\(([^()]*)\\)$`), (name, values) => memberOf(name, readValues(values), true)],
  [new RegExp(`^(${key})\\s+notin\\s*\\(([^()]*)\\)$`), (name, values) => memberOf(name, readValues(values), false)],
  [new RegExp(`^(${key})\\s*>\\s*(-?\\d+)$`), (name, bound) => (labels) => numberOf(labels[name]) > Number(bound)],
  [new RegExp(`^(${key})\\s*<\\s*(-?\\d+)$`), (name, bound) => (labels) => numberOf(labels[name]) < Number(bound)],
];

/**
 * Kubernetes' label selectors: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, with commas for "and". As there, `!=` and
 * `notin` hold for who lacks the label. BadRequest when it cannot be read.
 */
export function parseLabelSelector(text: string): (labels: Labels) => boolean {
  const requirements = text.trim() === "" ? [] : splitRequirements(text).map(parseRequirement);
  return (labels) => requirements.every((holds) => holds(labels));
}

/** At the commas that are not inside parentheses, where they part values. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    else if (text[at] === "," && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...parts, text.slice(start).trim()];
}

function parseRequirement(text: string): Requirement {
  for (const [shape, make] of shapes) {
    const match = shape.exec(text);
    const requirement = match === null ? undefined : make(match[1] ?? "", match[2] ?? "");
    if (requirement !== undefined) return requirement;
  }
  throw new StatusError(
    "BadRequest",
    `labelSelector: "${text.slice(0, 100)}" cannot be read; write it like app=web, tier!=db, app in (web,api), app, !app`,
  );
}

function memberOf(name: string, values: ReadonlySet<string>, isWanted: boolean): Requirement {
  return (labels) => {
    const value = labels[name];
    return (value !== undefined && values.has(value)) === isWanted;
  };
}

function readValues(text: string): ReadonlySet<string> {
  return new Set(text.split(",").map((value) => value.trim()));
}

/** NaN, which is neither more nor less than anything, for what is no number. */
function numberOf(text: string | undefined): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
}
