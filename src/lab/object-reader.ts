import { type Problem, isJsonObject } from "../lib/index.ts";

/** Collects mistakes, each with its path. */
export class Complaints {
  readonly problems: Problem[] = [];

  add(path: string, message: string, hint = ""): undefined {
    this.problems.push({ path, message, hint });
    return undefined;
  }
}

/**
 * Reads a JSON object member by member. A mistake is noted once, the member then counts as absent;
 * `end` notes members that nobody asked for.
 */
export class ObjectReader {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #known = new Set<string>();
  readonly #complaints: Complaints;
  readonly #path: string;
  readonly #isObject: boolean;

  constructor(json: unknown, path: string, complaints: Complaints) {
    this.#path = path;
    this.#complaints = complaints;
    this.#isObject = isJsonObject(json);
    if (!this.#isObject) complaints.add(path, `${show(json)} is no mapping`, "write members as NAME: VALUE");
    this.#members = new Map(isJsonObject(json) ? Object.entries(json).filter(([, value]) => value !== null) : []);
  }

  pathOf(member: string): string {
    return this.#path === "" ? member : `${this.#path}.${member}`;
  }

  value(member: string): unknown {
    this.#known.add(member);
    return this.#members.get(member);
  }

  /** A text that the pattern allows; `hint` tells the pattern in words. */
  text(member: string, pattern: RegExp, hint: string): string | undefined {
    const value = this.value(member);
    if (value === undefined) return undefined;
    if (typeof value === "string" && pattern.test(value)) return value;
    return this.#complaints.add(this.pathOf(member), `${show(value)} is not allowed here`, hint);
  }

  /** As `text`, and it has to be there. */
  requiredText(member: string, pattern: RegExp, hint: string): string | undefined {
    if (this.value(member) !== undefined || !this.#isObject) return this.text(member, pattern, hint);
    return this.#complaints.add(this.pathOf(member), "is missing", hint);
  }

  integer(member: string, least: number, most: number): number | undefined {
    const value = this.value(member);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.#complaints.add(this.pathOf(member), `${show(value)} is no number from ${least} to ${most}`);
  }

  list(member: string): readonly unknown[] {
    const value = this.value(member);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.#complaints.add(this.pathOf(member), `${show(value)} is no list`, "write one item a line, each behind a dash");
    return [];
  }

  textMap(member: string): Readonly<Record<string, string>> {
    const value = this.value(member);
    if (value === undefined) return {};
    if (!isJsonObject(value)) {
      this.#complaints.add(this.pathOf(member), `${show(value)} is no mapping`, "write { NAME: VALUE }");
      return {};
    }
    const texts: [string, string][] = [];
    for (const [name, text] of Object.entries(value)) {
      if (typeof text === "string") texts.push([name, text]);
      else this.#complaints.add(`${this.pathOf(member)}.${name}`, `${show(text)} is no text`, "put it in quotes");
    }
    return Object.fromEntries(texts);
  }

  end(): void {
    for (const member of this.#members.keys()) {
      if (this.#known.has(member)) continue;
      this.#complaints.add(this.pathOf(member), "there is no such member", `there are ${[...this.#known].join(", ")}`);
    }
  }
}

/** A value as the user wrote it, shortened. */
export function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
