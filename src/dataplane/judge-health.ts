/** Whether the agent can be used, and whether it still runs. */
export type Health = {
  readonly isReady: boolean;
  readonly isLive: boolean;
  /** For people, a line each. */
  readonly reasons: readonly string[];
};

type HealthFacts = {
  /** Where the view of the cluster comes from; `none`: nothing is known yet. */
  readonly source: "server" | "snapshot" | "none";
  readonly isServerThere: boolean;
  /** How long the round that is at work has taken so far; 0 when none is. */
  readonly busyMs: number;
  /** All that is wanted has been in the kernel once. */
  readonly hasProgrammed: boolean;
  /** What could not be programmed and is tried again: the agent works all the same. */
  readonly failures: readonly string[];
};

/** The host loop has had so long for one round: it hangs. */
const hangMs = 90_000;

export function judgeHealth({ source, isServerThere, busyMs, hasProgrammed, failures }: HealthFacts): Health {
  const hangs = busyMs > hangMs ? [`programming the kernel has taken ${Math.round(busyMs / 1000)} s`] : [];
  const lacks = [
    ...(source === "none" ? ["nothing is known of the cluster yet"] : []),
    ...(source !== "none" && !isServerThere ? ["the server is away; what is known may be old"] : []),
    ...(hasProgrammed ? [] : ["the kernel has not been programmed yet"]),
  ];
  return {
    isLive: hangs.length === 0,
    isReady: lacks.length === 0 && hangs.length === 0,
    reasons: [...hangs, ...lacks, ...failures],
  };
}
