/** What is wrong with a value, in words for its writer; becomes a Problem once its path is known. */
export class Complaint {
  readonly message: string;
  readonly hint: string;
  /** Where inside the value. */
  readonly path: readonly (string | number)[];

  constructor(message: string, hint = "", path: readonly (string | number)[] = []) {
    this.message = message;
    this.hint = hint;
    this.path = path;
  }
}

/** A value as a message quotes it: texts in quotes and shortened, lists and objects by their sort. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return describe(value);
}

/** The sort of a value, with its article. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${show(value)}`;
  if (typeof value === "number") return `the number ${value}`;
  return typeof value === "boolean" ? String(value) : "an object";
}
