import type { Family } from "../../src/bgp/index.ts";
import type { Bench } from "./bench.ts";
import type { RouterName } from "./routers/index.ts";

/** Something that two speakers can do with each other, and how it is tried. */
export type Feature = {
  /** For the command line. */
  readonly name: string;
  readonly title: string;
  /** One sentence for the reference: what is done and what is looked at. */
  readonly check: string;
  /** Tried in every run of the tests, not only in whole runs. */
  readonly isCore?: true;
  /** Both when absent. */
  readonly families?: readonly Family[];
  /** Routers with which it cannot be tried, and why. */
  readonly unsupported?: Readonly<Partial<Record<RouterName, string>>>;
  readonly run: (bench: Bench) => Promise<void>;
};
