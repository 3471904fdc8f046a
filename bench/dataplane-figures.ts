import type { IpVersion } from "../src/lib/index.ts";
import { type Judged, judgeRatios } from "./reflector-figures.ts";
import type { Traffic } from "./dataplane-traffic.ts";

export const setupNames = ["plain", "tortie-10", "tortie-1000", "overlay"] as const;
export type SetupName = (typeof setupNames)[number];

/** One kind of traffic; `isWireSized`: no card cuts, so that every frame crosses the fabric by itself. */
export type Measure = {
  readonly name: string;
  readonly traffic: Traffic;
  readonly version: IpVersion;
  readonly isWireSized: boolean;
};

const words: Readonly<Record<Traffic, string>> = {
  ask: "request/response",
  connect: "connects",
  packets: "packets",
  bulk: "bulk",
};

export const measures: readonly Measure[] = [
  ...(["ask", "connect", "packets", "bulk"] as const).flatMap((traffic) =>
    ([4, 6] as const).map((version) => ({
      name: `${words[traffic]}, IPv${version}`,
      traffic,
      version,
      isWireSized: false,
    })),
  ),
  { name: "bulk, frames of the wire's size", traffic: "bulk", version: 4, isWireSized: true },
];

export function formatRate({ traffic }: Measure, perSecond: number): string {
  if (traffic === "bulk") return `${((perSecond * 8) / 1e9).toFixed(2)} Gbit/s`;
  return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
}

/** Ours at 1,000 against another set-up: the least ratio, by traffic; absent: told, not judged. */
export const claims: readonly {
  readonly other: Exclude<SetupName, "tortie-1000">;
  readonly least: Readonly<Partial<Record<Traffic, number>>>;
}[] = [
  { other: "plain", least: { ask: 0.97, connect: 0.95, packets: 0.97 } },
  { other: "tortie-10", least: { ask: 0.97, connect: 0.97, packets: 0.97, bulk: 0.97 } },
  { other: "overlay", least: { ask: 1.2, connect: 1.3, packets: 1.4, bulk: 1.6 } },
];

/** Of ratios of us to another, one a round: the median must be at least `least`. */
export function judgeAtLeast(ratios: readonly number[], least: number): Judged {
  const upsideDown = judgeRatios(
    ratios.map((ratio) => 1 / ratio),
    1 / least,
  );
  const { middle, low, high, verdict } = upsideDown;
  return { middle: 1 / middle, low: 1 / high, high: 1 / low, verdict };
}
