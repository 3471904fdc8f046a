import { Complaint, show } from "./complaint.ts";
import { convert, integer, isZero, numberOrText, object, optional } from "./schema.ts";

type Limits = { readonly min: number; readonly max: number };

/** Whole numbers: bits a second, bits, packets a second, packets, connections. Each exists for ingress and for egress. */
export const qosLimits = {
  Bandwidth: { min: 1000, max: 1_000_000_000_000_000 },
  Burst: { min: 1000, max: 34_359_738_360 },
  Peakrate: { min: 1010, max: 1_010_000_000_000_000 },
  Minburst: { min: 1000, max: 100_000_000 },
  PacketRate: { min: 1, max: 10_000 },
  PacketBurst: { min: 1, max: 10_000 },
  MaxConnections: { min: 1, max: 4_294_967_295 },
} as const satisfies Readonly<Record<string, Limits>>;

export type QosMember = `${"ingress" | "egress"}${keyof typeof qosLimits}`;

/** How much traffic an endpoint may have, and what its packets are marked with. */
export type QosControls = { readonly [M in QosMember]?: number } & { readonly dscp?: Dscp };

/** 0..63, or a name in capitals. */
export type Dscp = number | string;

const dscpName = /^(DF|EF|AF[1-4][123]|CS[0-6])$/;

/** Capitals without blanks around; undefined when it is no name of a DSCP. */
export function readDscpName(text: string): string | undefined {
  const name = text.trim().toUpperCase();
  return dscpName.test(name) ? name : undefined;
}

export const dscp = convert(numberOrText, (value): Dscp | Complaint => {
  const read = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value;
  if (typeof read === "number" && Number.isInteger(read) && read >= 0 && read <= 63) return read === 0 ? 0 : read;
  const name = typeof read === "string" ? readDscpName(read) : undefined;
  return (
    name ?? new Complaint(`${show(value)} is no DSCP`, "write a number from 0 to 63, or a name such as EF or AF41")
  );
});

function limited({ min, max }: Limits) {
  return optional(integer(min, max), isZero);
}

export const qosControls = object({
  ingressBandwidth: limited(qosLimits.Bandwidth),
  ingressBurst: limited(qosLimits.Burst),
  ingressPeakrate: limited(qosLimits.Peakrate),
  ingressMinburst: limited(qosLimits.Minburst),
  ingressPacketRate: limited(qosLimits.PacketRate),
  ingressPacketBurst: limited(qosLimits.PacketBurst),
  ingressMaxConnections: limited(qosLimits.MaxConnections),
  egressBandwidth: limited(qosLimits.Bandwidth),
  egressBurst: limited(qosLimits.Burst),
  egressPeakrate: limited(qosLimits.Peakrate),
  egressMinburst: limited(qosLimits.Minburst),
  egressPacketRate: limited(qosLimits.PacketRate),
  egressPacketBurst: limited(qosLimits.PacketBurst),
  egressMaxConnections: limited(qosLimits.MaxConnections),
  dscp: optional(dscp),
});
