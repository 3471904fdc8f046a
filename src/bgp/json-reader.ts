import { type IpAddress, type Problem, addressToBytes, isJsonObject, parseAddress } from "../lib/index.ts";

/**
 * Takes members out of an object that somebody wrote. What is not as it should be is noted in `problems`, and stands in
 * as a value that is harmless: whoever reads asks for the problems at the end.
 */
export class JsonReader {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly problems: Problem[];

  constructor(json: unknown, path: string, problems: Problem[]) {
    this.#path = path;
    this.problems = problems;
    this.#members = isJsonObject(json) ? json : {};
    if (!isJsonObject(json)) this.refuse("", "must be an object");
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** Null counts as absent. */
  value(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? (this.#members[name] ?? undefined) : undefined;
  }

  refuse(name: string, message: string): void {
    this.problems.push({ path: this.#pathOf(name), message, hint: "" });
  }

  /** An integer from 0 up to `max`; `fallback` when it is absent. */
  number(name: string, max: number, fallback?: number): number {
    const value = this.value(name) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
    this.refuse(name, `must be an integer from 0 to ${max}`);
    return 0;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value === "string") return value;
    this.refuse(name, "must be text");
    return "";
  }

  isSet(name: string): boolean {
    const value = this.value(name);
    if (value !== undefined && typeof value !== "boolean") this.refuse(name, "must be true or false");
    return value === true;
  }

  octets(name: string, maxLength = 0xffff): Uint8Array {
    const text = this.has(name) ? this.text(name) : "";
    const isHex = /^([0-9a-f]{2})*$/i.test(text);
    if (isHex && text.length <= 2 * maxLength) return Uint8Array.fromHex(text);
    this.refuse(name, isHex ? `must be no longer than ${maxLength} octets` : "must be pairs of hexadecimal digits");
    return new Uint8Array(0);
  }

  /** 4 or 16 octets. */
  address(name: string): Uint8Array | undefined {
    const octets = readAddress(this.text(name));
    if (octets === undefined) this.refuse(name, "must be an address");
    return octets;
  }

  router(name: string): IpAddress | undefined {
    const address = parseAddress(this.text(name));
    if (address !== undefined && !address.includes(":")) return address;
    this.refuse(name, "must be an IPv4 address");
    return undefined;
  }

  /** Absent is empty. */
  list(name: string): readonly unknown[] {
    const value = this.value(name) ?? [];
    if (Array.isArray(value)) return value;
    this.refuse(name, "must be a list");
    return [];
  }

  /** `read` notes nothing itself: an element that it gives undefined for is refused with `message`. */
  values<T>(name: string, read: (value: unknown) => T | undefined, message: string): T[] {
    return this.list(name).flatMap((value, i) => {
      const one = read(value);
      if (one === undefined) this.refuse(`${name}[${i}]`, message);
      return one === undefined ? [] : [one];
    });
  }

  objects(name: string): JsonReader[] {
    return this.list(name).map((json, i) => new JsonReader(json, this.#pathOf(`${name}[${i}]`), this.problems));
  }

  /** Absent is empty. */
  object(name: string): JsonReader {
    return new JsonReader(this.value(name) ?? {}, this.#pathOf(name), this.problems);
  }

  #pathOf(name: string): string {
    if (name === "") return this.#path;
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/** 4 or 16 octets. Elsewhere a v4-mapped IPv6 address counts as IPv4, but here it has 16. */
export function readAddress(text: string): Uint8Array | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const octets = addressToBytes(address);
  if (octets.length === 16 || !text.includes(":")) return octets;
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);
}
