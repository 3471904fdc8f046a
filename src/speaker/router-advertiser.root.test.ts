import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { openRouterAdvertiser } from "./router-advertiser.ts";
import { hasFrr, startFrr } from "./testing/frr.ts";
import { LinkedHosts, eventually } from "./testing/linked-hosts.ts";

const frrConfig = `
interface vb
 no ipv6 nd suppress-ra
!
router bgp 65001
 bgp router-id 10.0.0.2
 neighbor vb interface remote-as external
 neighbor vb timers connect 1
!
`;

test("FRR that peers with an interface finds us by our adverts, and we find it", {
  timeout: 120_000,
  skip: hasFrr ? false : "FRR is not installed",
}, async () => {
  await using hosts = new LinkedHosts();
  const ask = await startFrr(hosts, "bgpd", frrConfig);
  await using advertiser = openRouterAdvertiser({ log: silentLogger, random: seededRandom(1), netns: hosts.a });
  const found: string[] = [];
  const { signal } = new AbortController();
  advertiser.configure(["va"]);
  advertiser.discover({ linkName: "va", signal, onNeighbour: (address) => found.push(address) });
  await eventually("the neighbour", () => found.length > 0);
  assert.deepEqual(found, ["fe80::2"]);
  await eventually("our address at FRR's", () => ask("show bgp neighbors vb").includes("BGP neighbor on vb: fe80::1,"));
});
