import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "../client/index.ts";
import { type Cidr, TortieError } from "../lib/index.ts";
import { type BlockOfHost, type MissingRoute, missingRoutes } from "./missing-routes.ts";
import type { Network } from "./network.ts";

const pollMs = 20;

/** Waits until the kernel of every host has a route to every address block of the others, of both IP versions. */
export async function waitForRoutes(
  network: Network,
  client: ApiClient,
  hosts: readonly string[],
  options: { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<void> {
  const blocks = await readBlocks(client, hosts);
  const deadline = performance.now() + options.deadlineMs;
  // One host after the other: all have to get there, and looking costs time that their agents need.
  for (const host of hosts) {
    while ((await lookAt(network, [host], blocks)).length > 0) {
      if (performance.now() > deadline) throw notConverged(await lookAt(network, hosts, blocks), options.deadlineMs);
      await sleep(pollMs, undefined, { signal: options.signal });
    }
  }
}

async function lookAt(
  network: Network,
  hosts: readonly string[],
  blocks: readonly BlockOfHost[],
): Promise<readonly MissingRoute[]> {
  const prefixesByHost = new Map<string, ReadonlySet<Cidr>>();
  for (const host of hosts) prefixesByHost.set(host, await network.routedPrefixes(host));
  return missingRoutes(prefixesByHost, blocks);
}

async function readBlocks(client: ApiClient, hosts: readonly string[]): Promise<readonly BlockOfHost[]> {
  const { items } = await client.list("IPAMBlock", {});
  return items.flatMap(({ spec }) => {
    const host = spec.affinity?.replace(/^host:/, "");
    return host !== undefined && hosts.includes(host) ? [{ host, cidr: spec.cidr }] : [];
  });
}

function notConverged(missing: readonly MissingRoute[], deadlineMs: number): TortieError {
  const lines = missing
    .slice(0, 5)
    .map(({ host, block }) => `host ${host} has no route to ${block.cidr} of host ${block.host}`);
  const more = missing.length > lines.length ? ` and ${missing.length - lines.length} more` : "";
  return new TortieError("TT_LAB", `no full routing after ${deadlineMs / 1000} s: ${lines.join("; ")}${more}`, {
    hint: "the BGP sessions tell why: the agents' logs have their last errors",
  });
}
