import { type Dscp, type QosControls, type QosMember, qosLimits, readDscpName } from "./qos-controls.ts";
import { readQuantity } from "./quantity.ts";

const prefix = "qos.projectcalico.org/";
const defaultBurst = 4 * 2 ** 30;
const defaultPacketBurst = 5;

type Annotations = Readonly<Record<string, string>>;

/** What the annotations of a pod ask for; undefined when that is nothing. A bad value counts as absent. */
export function convertQos(annotations: Annotations): QosControls | undefined {
  const dscp = readDscp(annotations[`${prefix}dscp`]);
  const controls = { ...convertDirection("ingress", annotations), ...convertDirection("egress", annotations) };
  const all = { ...controls, ...(dscp === undefined ? {} : { dscp }) };
  return Object.keys(all).length === 0 ? undefined : all;
}

type Settings = Partial<Record<keyof typeof qosLimits, number>>;

function convertDirection(direction: "ingress" | "egress", annotations: Annotations): QosControls {
  const found: Settings = {};
  for (const member of memberNames) {
    const own = annotations[`${prefix}${direction}${member}`];
    const text = own ?? (member === "Bandwidth" ? annotations[`kubernetes.io/${direction}-bandwidth`] : undefined);
    const value = text === undefined ? undefined : readQuantity(text);
    if (value === undefined) continue;
    const { min, max } = qosLimits[member];
    found[member] = Math.min(Math.max(value, min), max);
  }
  const entries = memberNames.flatMap((member): [QosMember, number][] => {
    const value = settle(found)[member];
    return value === undefined ? [] : [[`${direction}${member}`, value]];
  });
  return Object.fromEntries(entries);
}

const memberNames = [
  "Bandwidth",
  "Burst",
  "Peakrate",
  "Minburst",
  "PacketRate",
  "PacketBurst",
  "MaxConnections",
] as const satisfies readonly (keyof typeof qosLimits)[];

/** Some settings mean something only beside another. */
function settle({ Burst, Peakrate, Minburst, PacketBurst, ...found }: Settings): Settings {
  const { Bandwidth, PacketRate } = found;
  const settled: Settings = found;
  if (Bandwidth !== undefined) settled.Burst = Burst ?? defaultBurst;
  if (Bandwidth !== undefined && Peakrate !== undefined && Peakrate > Bandwidth) {
    settled.Peakrate = Peakrate;
    if (Minburst !== undefined) settled.Minburst = Minburst;
  }
  if (PacketRate !== undefined) settled.PacketBurst = PacketBurst ?? defaultPacketBurst;
  return settled;
}

function readDscp(text: string | undefined): Dscp | undefined {
  if (text === undefined) return undefined;
  const number = /^[0-9]{1,2}$/.test(text.trim()) ? Number(text.trim()) : undefined;
  if (number !== undefined) return number <= 63 ? number : undefined;
  return readDscpName(text);
}
