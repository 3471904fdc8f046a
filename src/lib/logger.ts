export type LogFields = Readonly<Record<string, unknown>>;

/** A fixed text plus fields; no text built from values, no secrets. */
export type Logger = {
  /** Something an operator needs to act on. */
  error(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  /** Something an operator would want to know. */
  info(text: string, fields?: LogFields): void;
  /** Something we want to know. */
  debug(text: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
};

/** Keeps quiet: for tests and for callers that do not care. */
export const silentLogger: Logger = {
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  child: () => silentLogger,
};

function ignore(): void {
  // Nothing is written.
}
