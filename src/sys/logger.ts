import type { LogFields, Logger } from "../lib/index.ts";

const levels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof levels)[number];

export type LoggerOptions = {
  /** The least that is written. */
  readonly level: LogLevel;
  /** Default: pretty on a terminal, else JSON lines. */
  readonly format?: "json" | "pretty";
  /** Takes one line with its end. Default: standard error. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
};

const secretName = /password|token|secret/i;

/** Writes logs. The value of a field named like a secret never gets out, however deep it lies. */
export function createLogger(options: LoggerOptions): Logger {
  const format = options.format ?? (process.stderr.isTTY ? "pretty" : "json");
  const write = options.write ?? ((line) => void process.stderr.write(line));
  const now = options.now ?? (() => new Date());
  const render = format === "json" ? renderJson : renderPretty;
  const threshold = levels.indexOf(options.level);
  const make = (own: LogFields): Logger => {
    const log = (level: LogLevel) => (text: string, fields?: LogFields) => {
      if (levels.indexOf(level) > threshold) return;
      write(`${render(now().toISOString(), level, text, plainFields({ ...own, ...fields }))}\n`);
    };
    return {
      error: log("error"),
      warn: log("warn"),
      info: log("info"),
      debug: log("debug"),
      child: (fields) => make({ ...own, ...fields }),
    };
  };
  return make({});
}

function renderJson(time: string, level: LogLevel, text: string, fields: Record<string, unknown>): string {
  // Stands in front for the eye, and comes again last: no field can pass for one of them.
  const fixed = { time, level, text };
  return JSON.stringify({ ...fixed, ...fields, ...fixed });
}

function renderPretty(time: string, level: LogLevel, text: string, fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${prettyValue(value)}`);
  return `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${text}${pairs.join("")}`;
}

function prettyValue(value: unknown): string {
  return typeof value === "string" && /^[^\s"=\p{Cc}]+$/u.test(value) ? value : (JSON.stringify(value) ?? "undefined");
}

function plainFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainField(name, value, [])]));
}

function plainField(name: string, value: unknown, parents: readonly object[]): unknown {
  return secretName.test(name) ? "[hidden]" : plainValue(value, parents);
}

/** What JSON can hold; `parents` guards against things that hold themselves. */
function plainValue(value: unknown, parents: readonly object[]): unknown {
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (parents.includes(value) || parents.length > 8) return "[...]";
  const inside = [...parents, value];
  if (value instanceof Error) return plainError(value, inside);
  if (value instanceof Date) return String(value);
  if (value instanceof Map) return plainValue(Object.fromEntries(value), inside);
  if (value instanceof Set || Array.isArray(value)) return Array.from(value, (item) => plainValue(item, inside));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainField(name, item, inside)]));
}

/** `code`, `fields` and the like are own properties; the stack is only worth its length when the error is a bug of ours. */
function plainError(error: Error, inside: readonly object[]): unknown {
  const own = Object.entries(error).filter(([name]) => name !== "name");
  return {
    message: error.message,
    ...Object.fromEntries(own.map(([name, item]) => [name, plainField(name, item, inside)])),
    ...("code" in error ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: plainValue(error.cause, inside) }),
  };
}
