import { type Family, allFamilies } from "../../../src/bgp/index.ts";
import { type Pair, originatedBy, untilExchanged, untilUp } from "../bench.ts";
import type { Feature } from "../feature.ts";
import type { Place } from "../network.ts";
import { OurSpeaker } from "../our-speaker.ts";
import { Pings } from "../pings.ts";
import { ourOwner, ourRoute, prefixOf, sessionName, theirOwner, theirRoute } from "../plan.ts";
import { expect, soon } from "../waiting.ts";

/** The second route is not told again after a restart. */
const second = (owner: number, family: Family) => prefixOf(owner, 2, family);

const twoOfOurs = (family: Family) => [ourRoute(family), { ...ourRoute(family), prefix: second(ourOwner, family) }];
const twoOfTheirs = (family: Family) => [
  theirRoute(family),
  { ...theirRoute(family), prefix: second(theirOwner, family) },
];

/** Of the first route of an owner. */
function hostOf(owner: number, family: Family): string {
  return family === "ipv4-unicast" ? `10.${owner}.1.1` : `fd00:${owner}:1::1`;
}

async function giveAddresses(place: Place, owner: number): Promise<void> {
  await place.shell(
    `ip addr add ${hostOf(owner, "ipv4-unicast")}/32 dev lo; ip addr add ${hostOf(owner, "ipv6-unicast")}/128 dev lo`,
  );
}

async function untilOnlyFirstOfOurs(pair: Pair, family: Family): Promise<void> {
  await untilUp(pair, sessionName(family));
  await soon(
    "the first route fresh and the second one gone",
    () => pair.router.seen(sessionName(family), family),
    (seen) => seen.length === 1 && seen[0]?.prefix === prefixOf(ourOwner, 1, family) && !seen[0].isStale,
  );
}

const restartOfOurs: Feature = {
  name: "restart-of-ours",
  isCore: true,
  title: "graceful restart of ours",
  check:
    "Our process is killed and started again; the peer keeps our two routes as stale, and its host forwards by them without losing a ping (BIRD, FRR); after our End-of-RIB it sweeps the one that was not told again (RFC 4724).",
  unsupported: { exabgp: "keeps no routes" },
  async run(bench) {
    const isForwarding = bench.routerName !== "gobgp";
    const pair = await bench.pair({ originated: twoOfOurs, theirs: { restartSeconds: 60 } });
    await giveAddresses(pair.us, ourOwner);
    const pings = await bench.make(async (family) => {
      await untilExchanged(pair, family);
      await soon(
        "both routes at the peer",
        () => pair.router.count(sessionName(family), family),
        (count) => count === 2,
      );
      return isForwarding ? await Pings.start(pair.them, hostOf(ourOwner, family)) : undefined;
    });
    await pair.speaker.crash();
    await bench.each(async (family) => {
      await soon(
        "the peer to keep both routes as stale",
        () => pair.router.seen(sessionName(family), family),
        (seen) => seen.length === 2 && seen.every(({ isStale }) => isStale),
      );
    });
    pair.speaker = await OurSpeaker.start(pair.us, pair.config, { isRestart: true });
    await pair.speaker.originate(originatedBy({}));
    await bench.each(async (family) => {
      await untilOnlyFirstOfOurs(pair, family);
      await soon(
        "our own restart to end",
        async () => pair.speaker.restartEnds,
        (ends) => ends.includes(family),
      );
      await pings.get(family)?.expectNoLoss();
    });
  },
};

const restartOfTheirs: Feature = {
  name: "restart-of-peer",
  isCore: true,
  title: "graceful restart of the peer",
  check:
    "The peer's process is killed and started again; we keep its two routes as stale and our host forwards by them without losing a ping; after its End-of-RIB we sweep the one that was not told again.",
  async run(bench) {
    const pair = await bench.pair({
      told: twoOfTheirs,
      theirs: { restartSeconds: 60 },
      start: { isForwarding: true },
    });
    const { speaker, router } = pair;
    await giveAddresses(pair.them, theirOwner);
    const pathsOf = async (family: Family) => {
      const rows = await speaker.routes();
      return rows.flatMap((row) => {
        return row.paths
          .filter(({ peerName }) => peerName === sessionName(family))
          .map((path) => ({ ...path, prefix: row.prefix }));
      });
    };
    const pings = await bench.make(async (family) => {
      await untilExchanged(pair, family);
      await soon(
        "both routes here",
        () => pathsOf(family),
        (paths) => paths.length === 2,
      );
      return await Pings.start(pair.us, hostOf(theirOwner, family));
    });
    await router.crash();
    await bench.each(async (family) => {
      await soon(
        "us to keep both routes as stale",
        () => pathsOf(family),
        (paths) => paths.length === 2 && paths.every(({ isStale }) => isStale),
      );
    });
    await router.start(
      { ...pair.routerConfig, told: allFamilies.map((family) => theirRoute(family)) },
      { isRestart: true },
    );
    await bench.each(async (family) => {
      await untilUp(pair, sessionName(family));
      await soon(
        "the first route fresh and the second one gone",
        () => pathsOf(family),
        (paths) => paths.length === 1 && paths[0]?.prefix === prefixOf(theirOwner, 1, family) && !paths[0].isStale,
      );
      await pings.get(family)?.expectNoLoss();
      const device = await pair.us.mustRun(
        "ip",
        family === "ipv4-unicast" ? "-4" : "-6",
        "route",
        "show",
        second(theirOwner, family),
      );
      expect("the second route out of the kernel", device === "", device);
    });
  },
};

/** LLGR_STALE of RFC 9494. */
const staleCommunity = 0xffff0006;

const longLivedOfTheirs: Feature = {
  name: "long-lived-of-peer",
  isCore: true,
  title: "long-lived stale routes of the peer",
  check:
    "The peer goes for good, with a restart time of 1 s and a long-lived stale time of 6 s (RFC 9494): its route stays, with the community LLGR_STALE, and is gone when the times have passed.",
  unsupported: { exabgp: "does not know RFC 9494" },
  async run(bench) {
    const pair = await bench.pair({
      ours: { longLivedStaleSeconds: 6 },
      theirs: { restartSeconds: 1, longLivedSeconds: 6 },
    });
    await bench.each((family) => untilExchanged(pair, family));
    await pair.router.crash();
    await bench.each(async (family) => {
      const paths = () => pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), sessionName(family));
      await soon(
        "the route with LLGR_STALE",
        paths,
        (found) => found[0]?.isStale === true && found[0].communities.includes(staleCommunity),
      );
      await soon("the route to be gone", paths, (found) => found.length === 0, 15_000);
    });
  },
};

const longLivedOfOurs: Feature = {
  name: "long-lived-of-ours",
  title: "long-lived stale routes of ours",
  check:
    "The other way round: we go for good, and the peer shows our route with LLGR_STALE until the times have passed.",
  unsupported: { exabgp: "does not know RFC 9494" },
  async run(bench) {
    const pair = await bench.pair({
      speaker: { restartTimeSeconds: 1 },
      ours: { longLivedStaleSeconds: 6 },
      theirs: { restartSeconds: 1, longLivedSeconds: 6 },
    });
    await bench.each((family) => untilExchanged(pair, family));
    await pair.speaker.crash();
    await bench.each(async (family) => {
      const seen = () => pair.router.seen(sessionName(family), family);
      await soon(
        "the peer to mark our route with LLGR_STALE",
        seen,
        (routes) => routes[0]?.communities.some((value) => /65535:6|llgr-stale/i.test(value)) === true,
      );
      await soon("our route to be gone", seen, (routes) => routes.length === 0, 15_000);
    });
  },
};

const notification: Feature = {
  name: "restart-notification",
  title: "NOTIFICATION without loss",
  check:
    "The peer's process is stopped for longer than the hold time of 3 s: we say so with a NOTIFICATION, both keep the other's routes as stale (RFC 8538), and they are fresh when it goes on.",
  unsupported: { bird: "does not know RFC 8538", exabgp: "does not know RFC 8538" },
  async run(bench) {
    const pair = await bench.pair({
      ours: { holdTimeSeconds: 3 },
      theirs: { holdSeconds: 3, restartSeconds: 60 },
    });
    await bench.each((family) => untilExchanged(pair, family));
    pair.router.pause();
    const isStaleHere = async (family: Family) => {
      const paths = await pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), sessionName(family));
      return paths.map(({ isStale }) => isStale);
    };
    await bench.each(async (family) => {
      await soon(
        "the peer's route to be kept as stale",
        () => isStaleHere(family),
        (found) => found[0] === true,
      );
    });
    pair.router.resume();
    await bench.each(async (family) => {
      await untilExchanged(pair, family);
      await soon(
        "the peer's route to be fresh",
        () => isStaleHere(family),
        (found) => found[0] === false,
      );
    });
  },
};

export const restartFeatures: readonly Feature[] = [
  restartOfOurs,
  restartOfTheirs,
  notification,
  longLivedOfTheirs,
  longLivedOfOurs,
];
