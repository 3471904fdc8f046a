import { addressToBytes } from "../../lib/index.ts";
import { type PathAttributes, emptyAttributes, makeAttributeSet } from "../attributes.ts";
import { Path, type Source, ownExportId } from "../path.ts";
import { address } from "./network.ts";

export type SourceWish = Partial<Omit<Source, "address" | "routerId" | "cluster">> & {
  readonly address: string;
  readonly routerId?: string;
  readonly cluster?: string;
};

/** A peer: internal and no client, unless it is told otherwise. */
export function makeSource({ address: text, routerId, cluster, ...more }: SourceWish): Source {
  return {
    name: `peer ${text}`,
    address: address(text),
    octets: addressToBytes(address(text)),
    type: "nodeMesh",
    isInternal: true,
    routerId: address(routerId ?? text),
    cluster: cluster === undefined ? undefined : address(cluster),
    version: 0,
    ...more,
  };
}

/** A path of the peer, or one of our own; its next hop is the peer unless the attributes say otherwise. */
export function makePath(source: Source | undefined, attributes: Partial<PathAttributes> = {}): Path {
  const nextHop = source === undefined ? {} : { nextHop: source.address };
  return new Path({
    source,
    raw: makeAttributeSet({ ...emptyAttributes, ...nextHop, ...attributes }),
    exportId: source === undefined ? ownExportId : 2 + (source.octets[3] ?? 0),
    epoch: { isStale: false, isDue: false, isGone: false, acceptedCount: 0 },
  });
}
