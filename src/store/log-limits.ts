/** How much history a store keeps for watches that come back. A revision is forgotten when either limit is passed. */
export type LogLimits = {
  /** At least 1: the newest revision is never forgotten. */
  readonly keepRevisions: number;
  readonly keepMs: number;
};

/** About 100 MB of ordinary objects at most; longer than a server or an agent is away for an upgrade. */
export const defaultLogLimits: LogLimits = { keepRevisions: 100_000, keepMs: 3_600_000 };
