import { type MessageContext, describeMessage } from "../../src/bgp/index.ts";

/**
 * What a speaker believes about one route, in the words of our own decoder. A member is absent when the route has no such
 * attribute or when the speaker does not tell of it.
 */
export type Facts = {
  readonly origin?: string;
  readonly asPath?: string;
  readonly nextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: boolean;
  readonly aggregator?: string;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  /** `type:value` in hexadecimal, of attributes that the speaker does not know. */
  readonly unknown?: readonly string[];
};

export type FactName = keyof Facts;

/** By `prefix` or, with path identifiers, `prefix#id`: the routes from one peer. */
export type Routes = ReadonlyMap<string, Facts>;

/** What we make of a message: how the session ends, or what it does to the routes. */
export type Verdict = {
  readonly result: "ok" | "discard" | "withdraw" | "error";
  /** `3/1`. */
  readonly notification?: string;
  readonly complaint: string;
  readonly announced: Routes;
  readonly withdrawn: readonly string[];
};

type Route = {
  readonly prefix: string;
  readonly nextHop?: string | null;
  readonly pathId?: number;
};

export function judge(bytes: Uint8Array, context: MessageContext): Verdict {
  const { result, notification, message } = describeMessage(bytes, context);
  if (result === "error" || message === undefined) {
    const word = notification === undefined ? "" : `${notification.code}/${notification.subcode}`;
    return {
      result,
      notification: word,
      complaint: "",
      announced: new Map(),
      withdrawn: [],
    };
  }
  const attributes = isRecord(message["attributes"]) ? message["attributes"] : {};
  const shared = factsOf(attributes, String(message["asPathText"] ?? ""), context.isInternal);
  const announced = routesIn(message["announce"]).map((route): [string, Facts] => [
    keyOf(route),
    {
      ...shared,
      ...(typeof route.nextHop === "string" ? { nextHop: route.nextHop } : {}),
    },
  ]);
  return {
    result,
    complaint: String(message["complaint"] ?? ""),
    announced: new Map(announced),
    withdrawn: routesIn(message["withdraw"]).map(keyOf),
  };
}

export function keyOf({ prefix, pathId }: Route): string {
  return pathId === undefined ? prefix : `${prefix}#${pathId}`;
}

function factsOf(attributes: Readonly<Record<string, unknown>>, asPath: string, isInternal: boolean): Facts {
  const { origin, med, localPref, atomicAggregate, aggregator, originatorId } = attributes;
  const list = (name: string) => {
    const value = attributes[name];
    return Array.isArray(value) ? { [name]: value.map(String).sort() } : {};
  };
  const unknown = Array.isArray(attributes["unknown"]) ? attributes["unknown"].filter(isRecord) : [];
  return {
    origin: String(origin),
    asPath,
    ...(typeof med === "number" ? { med } : {}),
    // The default of a route that came without one (RFC 4271 section 9.1.1 leaves it to the speaker; all four say 100).
    ...(isInternal ? { localPref: typeof localPref === "number" ? localPref : 100 } : {}),
    ...(atomicAggregate === true ? { atomicAggregate: true } : {}),
    ...(typeof aggregator === "string" ? { aggregator } : {}),
    ...list("communities"),
    ...list("largeCommunities"),
    ...list("extendedCommunities"),
    ...(typeof originatorId === "string" ? { originatorId } : {}),
    ...(Array.isArray(attributes["clusterList"]) ? { clusterList: attributes["clusterList"].map(String) } : {}),
    ...(unknown.length > 0
      ? {
          unknown: unknown
            .map(({ type, value }) => `${Number(type).toString(16).padStart(2, "0")}:${String(value)}`)
            .sort(),
        }
      : {}),
  };
}

function routesIn(value: unknown): Route[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map(({ prefix, nextHop, pathId }) => ({
    prefix: String(prefix),
    ...(typeof nextHop === "string" ? { nextHop } : {}),
    ...(typeof pathId === "number" ? { pathId } : {}),
  }));
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
