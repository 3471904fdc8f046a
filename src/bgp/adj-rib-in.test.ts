import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AdjRibIn } from "./adj-rib-in.ts";
import { type AttributeSet, emptyAttributes, makeAttributeSet } from "./attributes.ts";
import { Importer } from "./import.ts";
import { PathIdSource } from "./path.ts";
import { type PrefixKey, cidrToKey } from "./prefix-key.ts";
import { RibTable } from "./rib.ts";
import { address, route } from "./testing/network.ts";
import { makeSource } from "./testing/paths.ts";

const keys = Array.from({ length: 8 }, (_, i) => cidrToKey(route(`10.0.${i}.0/24`).prefix));
const sets = [0, 7, 8].map((community) =>
  makeAttributeSet({ ...emptyAttributes, nextHop: address("192.0.2.2"), communities: [community] }),
);
const source = makeSource({ address: "192.0.2.2" });

/** Refuses what has the community, and one of the prefixes. */
function importerAgainst(community: number): Importer {
  const prefixes = [{ prefix: route("10.0.5.0/24").prefix, minLength: 24, maxLength: 24 }];
  return new Importer(
    {
      family: "ipv4-unicast",
      localAs: 64512,
      sessionAs: undefined,
      allowLocalAs: 0,
      routerId: address("192.0.2.1"),
      clusters: new Set(),
      peerAs: 64512,
      isInternal: true,
      ownAddresses: [],
      hasExtendedNextHop: false,
      policy: {
        name: "test",
        rules: [
          { match: { communities: [community] }, action: "reject" },
          { match: { prefixes, communities: [8] }, action: "reject" },
        ],
        otherwise: "accept",
      },
      isPolicyRequired: false,
    },
    source,
  );
}

type Known = { readonly key: PrefixKey; readonly set: AttributeSet; isStale: boolean; isDue: boolean };

test("what a peer has told, and what of it counts, is what a plain list would say", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ put: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]), set: fc.nat(2), pathId: fc.nat(2) }),
    },
    { weight: 3, arbitrary: fc.record({ remove: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]), pathId: fc.nat(2) }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "stale",
        "staleKept",
        "sweepStale",
        "due",
        "sweepDue",
        "clear",
        "judge7",
        "judge9",
        "renew",
        "work",
      ),
    },
  );
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 60, size: "max" }), (hasPathIds, steps) => {
      const table = new RibTable("ipv4-unicast", () => 0.5);
      const routes = new AdjRibIn(source, table, new PathIdSource());
      const known = new Map<string, Known>();
      let refused = 7;
      routes.importer = importerAgainst(refused);
      const nameOf = (key: PrefixKey, pathId: number) => `${key} ${hasPathIds ? pathId : ""}`;
      for (const one of steps) {
        if (typeof one !== "string") {
          const { pathId } = one;
          const chosen = ("put" in one ? one.put : one.remove).map((i) => keys[i]!);
          const pathIds = hasPathIds ? chosen.map(() => pathId) : undefined;
          if ("put" in one) {
            const set = sets[one.set]!;
            routes.put(chosen, set, pathIds);
            for (const key of chosen) known.set(nameOf(key, pathId), { key, set, isStale: false, isDue: false });
          } else {
            routes.remove(chosen, pathIds);
            for (const key of chosen) known.delete(nameOf(key, pathId));
          }
          continue;
        }
        const drop = (isDropped: (one: Known) => boolean) => {
          for (const [name, route] of known) if (isDropped(route)) known.delete(name);
        };
        switch (one) {
          case "work":
            table.decide(1, false);
            break;
          case "stale":
          case "staleKept":
            if (one === "stale") drop(({ isStale }) => isStale);
            routes.markStale(one === "staleKept");
            for (const route of known.values()) route.isStale = true;
            break;
          case "sweepStale":
            routes.sweepStale();
            drop(({ isStale }) => isStale);
            break;
          case "due":
            routes.markDue();
            for (const route of known.values()) route.isDue = true;
            break;
          case "sweepDue":
            routes.sweepDue();
            drop(({ isDue }) => isDue);
            break;
          case "clear":
            routes.clear();
            known.clear();
            break;
          default:
            if (one !== "renew") refused = one === "judge7" ? 7 : 9;
            routes.importer = importerAgainst(refused);
            routes.judgeAgain(one === "renew");
        }
      }
      while (table.isDirty) table.decide(2, false);
      const isRefused = ({ key, set }: Known) =>
        set.attributes.communities.includes(refused) || (key === keys[5] && set === sets[2]);
      const all = [...known.values()];
      assert.equal(routes.size, all.length);
      assert.equal(routes.refusedCount, all.filter(isRefused).length);
      assert.equal(
        routes.hasStale,
        all.some(({ isStale }) => isStale),
      );
      const seen = [...routes.entries()].map(([key, path]) => [nameOf(key, path.pathId ?? 0), path] as const);
      assert.deepEqual(seen.map(([name]) => name).toSorted(), [...known.keys()].toSorted());
      for (const [name, { raw, epoch, refusal }] of seen) {
        const wanted = known.get(name)!;
        assert.deepEqual([raw, epoch.isStale, refusal !== undefined], [wanted.set, wanted.isStale, isRefused(wanted)]);
      }
      const accepted = all.filter((route) => !isRefused(route)).map(({ key }) => key);
      const inTable = keys.flatMap((key) => (table.byKey(key)?.paths ?? []).map(() => key));
      assert.deepEqual(
        inTable,
        accepted.toSorted((a, b) => keys.indexOf(a) - keys.indexOf(b)),
      );
    }),
    { numRuns: 300 },
  );
});
