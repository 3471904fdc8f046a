import assert from "node:assert/strict";
import { type IpAddress, parseAddress, parseCidr } from "../../lib/index.ts";
import type { OriginatedRoute, PeerConfig } from "../config.ts";

export function address(text: string): IpAddress {
  return parseAddress(text) ?? assert.fail(text);
}

export function route(prefix: string, more: Partial<OriginatedRoute> = {}): OriginatedRoute {
  return { prefix: parseCidr(prefix) ?? assert.fail(prefix), localPref: 100, ...more };
}

/** An internal peer that both ends connect to, unless told otherwise. */
export function peerAt(remote: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: remote,
    type: "nodeMesh",
    address: address(remote),
    port: 179,
    asNumber: 64512,
    isPassive: false,
    families: remote.includes(":") ? ["ipv6-unicast"] : ["ipv4-unicast"],
    nextHopMode: "auto",
    ...more,
  };
}
