import { protocolNumber, type Protocol } from "../../src/resources/index.ts";
import type { Json } from "./random-labels.ts";

/** A header that a rule looks for, or just does not. */
export type Hint = {
  readonly protocol: number;
  readonly ports: readonly number[];
  readonly isSource: boolean;
  readonly icmp?: { readonly type: number; readonly code: number };
};

/** Found in any object by the names of its members: rules of ours and of Kubernetes alike. */
export function findHints(objects: readonly Json[]): Hint[] {
  return objects.flatMap(({ spec }) => hintsIn(spec));
}

function hintsIn(value: unknown): Hint[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(hintsIn);
  const rule = value as Json;
  const below = Object.values(rule).flatMap(hintsIn);
  if (typeof rule["action"] === "string" && ("source" in rule || "destination" in rule))
    return [...below, ...ofRule(rule)];
  if (typeof rule["port"] === "number") return [...below, ...ofPort(rule)];
  return below;
}

function ofRule(rule: Json): Hint[] {
  const protocol = rule["protocol"] === undefined ? undefined : protocolNumber(rule["protocol"] as Protocol);
  const icmp = [rule["icmp"], rule["notICMP"]].flatMap((match) => {
    const { type, code = 0 } = (match ?? {}) as { type?: number; code?: number };
    return type === undefined ? [] : [{ type, code }];
  });
  const ends = (["source", "destination"] as const).flatMap((end): Hint[] => {
    const { ports = [], notPorts = [] } = (rule[end] ?? {}) as {
      ports?: (string | number)[];
      notPorts?: (string | number)[];
    };
    const near = [...ports, ...notPorts].flatMap(portsNear);
    const protocols = protocol === undefined ? [6, 17] : [protocol];
    return near.length === 0
      ? []
      : protocols.map((one) => ({ protocol: one, ports: near, isSource: end === "source" }));
  });
  const types = icmp.map((one) => ({ protocol: protocol ?? 1, ports: [], isSource: false, icmp: one }));
  return [...ends, ...types];
}

/** An entry of Kubernetes' port lists, or a port that an endpoint has. */
function ofPort(entry: Json): Hint[] {
  const { protocol = "TCP", port, endPort = port } = entry as { protocol?: string; port: number; endPort?: number };
  const number = { TCP: 6, UDP: 17, SCTP: 132 }[protocol];
  return number === undefined
    ? []
    : [{ protocol: number, ports: [...portsNear(port), ...portsNear(endPort!)], isSource: false }];
}

/** The ends of a range and what lies beside them; what a name may stand for. */
function portsNear(port: string | number): number[] {
  const ends = String(port).split(":").map(Number);
  if (ends.some(Number.isNaN)) return [53, 80, 8080];
  const [first = 0, last = first] = ends;
  return [first, last, last, first - 1, last + 1, last + 1].filter((number) => number > 0 && number <= 65535);
}
