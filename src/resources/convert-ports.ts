import { type Port, type PortMatch, readPort } from "./port.ts";
import type { ProtocolName } from "./protocol.ts";

/** Ports of one protocol, or of none that is named; `ports` undefined: all of them. */
export type PortGroup = { readonly protocol: ProtocolName | undefined; readonly ports: readonly Port[] | undefined };

/** What one entry of a list of ports stands for. */
export type PortEntry = { readonly protocol: ProtocolName | undefined; readonly port: Port | undefined };

/** One group for every protocol, sorted by name, those without one first. An entry without a port beats the listed ones. */
export function groupPorts(entries: readonly PortEntry[]): PortGroup[] {
  if (entries.length === 0) return [{ protocol: undefined, ports: undefined }];
  const byProtocol = Map.groupBy(entries, ({ protocol }) => protocol ?? "");
  return [...byProtocol.keys()].sort().map((name) => {
    const group = byProtocol.get(name) ?? [];
    const ports = group.flatMap(({ port }) => (port === undefined ? [] : [port]));
    return { protocol: group[0]?.protocol, ports: ports.length < group.length ? undefined : simplifyPorts(ports) };
  });
}

/** Numbers and ranges that overlap or touch become one. A list with one number and no range stays as it is. */
function simplifyPorts(ports: readonly Port[]): readonly Port[] {
  const read = ports.map(readPort);
  const ranges = read.filter((port) => port.type === "range");
  if (ranges.length === 0 || (ranges.length === 1 && ranges[0]?.first === ranges[0]?.last)) return ports;
  const names = read.flatMap((port) => (port.type === "name" ? [port.name] : []));
  return [...names, ...mergeRanges(ranges)];
}

function mergeRanges(ranges: readonly (PortMatch & { readonly type: "range" })[]): Port[] {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const open = merged.at(-1);
    if (open !== undefined && first <= open.last + 1) open.last = Math.max(open.last, last);
    else merged.push({ first, last });
  }
  return merged.map(({ first, last }) => makeRange(first, last));
}

export function makeRange(first: number, last: number): Port {
  return first === last ? first : `${first}:${last}`;
}

/** 0 to 65535: what Kubernetes lets through is taken as it is. */
export function isWirePort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
}

/** Any name that a port could have, digits alone too. */
export function isReadablePortName(text: string): boolean {
  return /^[A-Za-z0-9_.-]{1,128}$/.test(text);
}
