import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTable } from "./bird.ts";

const listing = `BIRD 2.0.12 ready.
Table master4:
20.0.1.0/25          unreachable [e1 12:00:00.000 from 10.20.0.1] * (100/-) [AS65009i]
\tType: BGP univ
\tBGP.origin: Incomplete
\tBGP.as_path: 65001 {65009 65002} ({3 2})
\tBGP.next_hop: 192.0.2.7
\tBGP.local_pref: 100
\tBGP.community: (65000,1) (1,2)
\tBGP.ext_community: (rt, 65000, 5) (generic, 0x43000000, 0x1)
\tBGP.aggregator: 10.0.0.1 AS65100
\tBGP.atomic_aggr: 
\tBGP.c8 [t]: 0a 0b
                     unreachable [i2 12:00:00.000 from 10.10.0.2] (100/-) [i]
\tBGP.origin: IGP
\tBGP.as_path: 
\tBGP.local_pref: 7
`;

test("BIRD's table is read by peer, with paths of one prefix under each other", () => {
  const table = parseTable(listing);
  assert.deepEqual([...table.keys()], ["10.20.0.1", "10.10.0.2"]);
  assert.deepEqual(table.get("10.20.0.1")?.get("20.0.1.0/25"), {
    origin: "incomplete",
    asPath: "65001 {65002,65009} [2,3]",
    nextHop: "192.0.2.7",
    communities: ["1:2", "65000:1"],
    extendedCommunities: ["generic 0x43000000 0x1", "rt 65000 5"],
    aggregator: "65100:10.0.0.1",
    atomicAggregate: true,
    unknown: ["c8:0a0b"],
  });
  // LOCAL_PREF says something of internal peers only.
  assert.deepEqual(table.get("10.10.0.2")?.get("20.0.1.0/25"), { origin: "igp", asPath: "", localPref: 7 });
});
