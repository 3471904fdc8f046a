/** Bounds of the work of one turn and of the memory that peers may cost who do not keep up. */
export type TurnLimits = {
  /** Destinations that are decided; fewer when many update groups look at each. */
  readonly decided: number;
  /** Destinations that new update groups look at. */
  readonly filled: number;
  /** Changes that are encoded for those who walk through them. */
  readonly walked: number;
  /** Changes in one step of a walk. */
  readonly step: number;
  /** Octets that a peer may be behind in the journal of its group before it walks instead. */
  readonly lagBytes: number;
  /** The same for all groups together, shared evenly. */
  readonly totalLagBytes: number;
  /** Withdrawals that a group keeps for peers that take nothing, besides as many as it has prefixes. */
  readonly graves: number;
};

/** Some 30 ms of work on a machine of 2024. */
export const defaultTurnLimits: TurnLimits = {
  decided: 8192,
  filled: 16_384,
  walked: 32_768,
  step: 16_384,
  lagBytes: 4_194_304,
  totalLagBytes: 67_108_864,
  graves: 262_144,
};
