import type { Family } from "../../../src/bgp/index.ts";
import { type Bench, untilExchanged, untilUp } from "../bench.ts";
import type { Feature } from "../feature.ts";
import type { OurSpeaker } from "../our-speaker.ts";
import {
  externalAs,
  hostPrefix,
  manyOfOurs,
  manyOfTheirs,
  otherRouterId,
  ourOwner,
  ourRoute,
  ourRouterId,
  prefixOf,
  sessionName,
  sourceOwner,
  theirEnd,
  theirOwner,
  theirRoute,
  theirRouterId,
  wireAddress,
} from "../plan.ts";
import type { Seen } from "../routers/index.ts";
import { expect, soon, steadily } from "../waiting.ts";

const community = (high: number, low: number) => high * 65_536 + low;

const sorted = (values: readonly string[] = []) => [...values].sort().join(" ");

const communities: Feature = {
  name: "communities",
  title: "standard communities",
  check: "A route each way with two communities (RFC 1997), which the other end shows.",
  async run(bench) {
    const pair = await bench.pair({
      originated: (family) => [{ ...ourRoute(family), communities: [community(64_512, 7), community(65_001, 900)] }],
      told: (family) => [{ ...theirRoute(family), communities: ["64512:88", "65002:65535"] }],
    });
    await bench.each(async (family) => {
      await untilExchanged(pair, family);
      const seen = await pair.router.seen(sessionName(family), family);
      expect("64512:7 and 65001:900 at the peer", sorted(seen[0]?.communities) === "64512:7 65001:900", seen);
      const [path] = await pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), sessionName(family));
      const own = path?.communities.map((value) => `${value >>> 16}:${value & 0xffff}`);
      expect("64512:88 and 65002:65535 here", sorted(own) === "64512:88 65002:65535", path);
    });
  },
};

const largeCommunities: Feature = {
  name: "large-communities",
  isCore: true,
  title: "large communities",
  check:
    "We pass a route with two large communities (RFC 8092) on to a second router of the same sort, and tell it one of our own; it shows both.",
  async run(bench) {
    const trio = await bench.between(
      {
        ours: { reflectorCluster: ourRouterId },
        originated: (family) => [{ ...ourRoute(family), largeCommunities: [[4_200_000_000, 1, 4_294_967_295]] }],
        told: (family) => [{ ...theirRoute(family), largeCommunities: ["64512:1:2", "4200000001:4294967295:0"] }],
      },
      { reflectorCluster: ourRouterId },
    );
    await bench.each(async (family) => {
      const session = sessionName(family);
      const isThere = (seen: readonly Seen[]) => seen.length === 2;
      const seen = await soon("both routes at the second router", () => trio.other.seen(session, family), isThere);
      const of = (prefix: string) => sorted(seen.find((route) => route.prefix === prefix)?.largeCommunities);
      expect("our large community", of(prefixOf(ourOwner, 1, family)) === "4200000000:1:4294967295", seen);
      const theirs = of(prefixOf(theirOwner, 1, family));
      expect("the first router's large communities", theirs === "4200000001:4294967295:0 64512:1:2", seen);
    });
  },
};

const localPreference: Feature = {
  name: "local-preference",
  title: "LOCAL_PREF of 32 bits",
  check: "A route each way with a preference near 2^31, which the other end shows.",
  async run(bench) {
    const [ours, theirs] = [2_147_483_135, 2_147_482_623];
    const pair = await bench.pair({
      originated: (family) => [{ ...ourRoute(family), localPref: ours }],
      told: (family) => [{ ...theirRoute(family), localPref: theirs }],
    });
    await bench.each(async (family) => {
      await untilExchanged(pair, family);
      const seen = await pair.router.seen(sessionName(family), family);
      expect(`${ours} at the peer`, seen[0]?.localPref === ours, seen);
      const [path] = await pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), sessionName(family));
      expect(`${theirs} here`, path?.localPref === theirs, path);
    });
  },
};

const allowLocalAs: Feature = {
  name: "allowas-in",
  isCore: true,
  title: "our own AS number in the path",
  check:
    "Another site of our AS tells a route through the peer's AS: we refuse it; when we are told to take our AS number once, we have it without a new session.",
  unsupported: { gobgp: "does not send a path to the AS that is in it", exabgp: "passes nothing on" },
  async run(bench) {
    const pair = await bench.relay({ link: { theirAs: externalAs }, sources: [64_512] });
    await bench.each(async (family) => {
      const session = sessionName(family);
      await untilExchanged(pair, family);
      await soon(
        "the peer to have the route of the other site",
        () => pair.router.count(`source0_${session}`, family),
        (count) => count === 1,
      );
    });
    await expectRefused(bench, pair.speaker);
    const allowed = pair.config.peers.map((peer) => ({ ...peer, allowLocalAs: 1 }));
    await pair.speaker.configure({ ...pair.config, peers: allowed });
    await bench.each(async (family) => {
      const prefix = prefixOf(sourceOwner, 1, family);
      const paths = await soon(
        "us to have the route of the other site",
        () => pair.speaker.pathsTo(prefix, sessionName(family)),
        (paths) => paths.length === 1,
      );
      expect("the path 4200000001 64512", paths[0]?.asPath.join(" ") === "4200000001 64512", paths);
    });
  },
};

/** What is refused leaves nothing to wait for: it is looked for a while. */
async function expectRefused(bench: Bench, speaker: OurSpeaker): Promise<void> {
  await bench.each(async (family) => {
    const prefix = prefixOf(sourceOwner, 1, family);
    await steadily(
      `${prefix} to be refused`,
      () => speaker.pathsTo(prefix, sessionName(family)),
      ({ length }) => length === 0,
      1500,
    );
  });
}

const allowLocalAsSaid: Feature = {
  name: "allowas-in-said",
  title: "our own AS number in the path, as ExaBGP is told to say",
  check: "The same with a path that ExaBGP is made to claim; twice is refused, once is taken.",
  unsupported: {
    bird: "is tried with a real path above",
    frr: "is tried with a real path above",
    gobgp: "cannot be made to claim a path by its command",
  },
  async run(bench) {
    const pair = await bench.pair({
      link: { theirAs: externalAs },
      ours: { allowLocalAs: 1 },
      told: (family) => [
        { ...theirRoute(family), asPath: [externalAs, 64_512] },
        { ...theirRoute(family), prefix: prefixOf(sourceOwner, 1, family), asPath: [externalAs, 64_512, 64_512] },
      ],
    });
    await bench.each((family) => untilExchanged(pair, family));
    await expectRefused(bench, pair.speaker);
  },
};

async function messagesSent(speaker: OurSpeaker, session: string): Promise<number> {
  return (await speaker.peer(session)).messagesSent;
}

const refresh: Feature = {
  name: "refresh",
  title: "route refresh, the peer asks",
  check: "The peer asks for our routes again (RFC 2918): we send them, and it has them as before.",
  unsupported: { gobgp: "never asks; it keeps what it was told" },
  async run(bench) {
    const pair = await bench.pair();
    await bench.each(async (family) => {
      const session = sessionName(family);
      await untilExchanged(pair, family);
      const before = await messagesSent(pair.speaker, session);
      await pair.router.askRefresh(session, family);
      await soon(
        "us to send again",
        () => messagesSent(pair.speaker, session),
        (count) => count > before,
      );
      await soon(
        "the peer to have our route",
        () => pair.router.count(session, family),
        (count) => count === 1,
      );
      await untilUp(pair, session);
    });
  },
};

const refreshOfOurs: Feature = {
  name: "refresh-of-ours",
  title: "route refresh, we ask",
  check: "We ask for the peer's routes again: it sends them, and we have them as before, none of them stale.",
  async run(bench) {
    const { speaker, ...pair } = await bench.pair();
    await bench.each(async (family) => {
      const session = sessionName(family);
      await untilExchanged({ speaker, ...pair }, family);
      const received = async () => (await speaker.peer(session)).messagesReceived;
      const before = await received();
      await speaker.refresh(session);
      await soon("the peer to send again", received, (count) => count > before);
      const paths = () => speaker.pathsTo(prefixOf(theirOwner, 1, family), session);
      await soon("us to have its route", paths, (found) => found.length === 1 && found[0]?.isStale === false);
    });
  },
};

const enhancedRefresh: Feature = {
  name: "enhanced-refresh",
  isCore: true,
  title: "enhanced route refresh",
  check: "The peer asks, and its log shows our marks of begin and end (RFC 7313).",
  unsupported: { gobgp: "knows RFC 2918 only" },
  async run(bench) {
    const pair = await bench.pair();
    await bench.each(async (family) => {
      const session = sessionName(family);
      await untilExchanged(pair, family);
      await pair.router.askRefresh(session, family);
      await soon(
        "the peer to show both marks",
        async () => (await pair.router.words(session)).split("\n").filter((line) => /rr\b|refresh/i.test(line)),
        (lines) =>
          [/got BEGIN-OF-RR|begin|BoRR/i, /got END-OF-RR|\bend\b|EoRR/i].every((mark) =>
            lines.some((line) => mark.test(line)),
          ),
      );
      await soon(
        "the peer to have our route",
        () => pair.router.count(session, family),
        (count) => count === 1,
      );
    });
  },
};

const addPathReceive: Feature = {
  name: "add-path-receive",
  isCore: true,
  title: "several paths from the peer",
  check:
    "Two neighbours of the peer in other ASes tell it one prefix; it passes both paths on to us (RFC 7911), and takes one back. ExaBGP tells both by itself.",
  async run(bench) {
    const { routerName } = bench;
    const options = {
      ours: { addPath: { canSend: false, canReceive: true, maxSent: 1 } },
      theirs: { addPath: "send" as const },
    };
    const pair =
      routerName === "exabgp"
        ? await bench.pair({ ...options, told: (family) => [...theirPath(family, 1), ...theirPath(family, 2)] })
        : await bench.relay({ ...options, sources: [65_011, 65_012] });
    await bench.each(async (family) => {
      const prefix = prefixOf(sourceOwner, 1, family);
      const paths = () => pair.speaker.pathsTo(prefix, sessionName(family));
      const found = await soon("us to have two paths", paths, ({ length }) => length === 2);
      expect("different identifiers", new Set(found.map(({ pathId }) => pathId)).size === 2, found);
      expect("different AS paths", new Set(found.map(({ asPath }) => asPath.join(" "))).size === 2, found);
    });
    if (routerName !== "exabgp") return;
    await pair.router.tell(pair.routerConfig.told.filter(({ pathId }) => pathId === 1));
    await bench.each(async (family) => {
      const paths = () => pair.speaker.pathsTo(prefixOf(sourceOwner, 1, family), sessionName(family));
      await soon("us to have one path", paths, (found) => found.length === 1);
    });
  },
};

function theirPath(family: Family, pathId: number) {
  return [{ ...theirRoute(family), prefix: prefixOf(sourceOwner, 1, family), pathId, asPath: [65_010 + pathId] }];
}

const addPathSend: Feature = {
  name: "add-path-send",
  isCore: true,
  title: "several paths to the peer",
  check:
    "Two neighbours of ours in other ASes tell us one prefix; we pass both paths on (RFC 7911), which the peer shows beside our own route.",
  async run(bench) {
    const pair = await bench.hub({
      ours: { addPath: { canSend: true, canReceive: false, maxSent: 4 } },
      theirs: { addPath: "receive" },
      sources: [65_011, 65_012],
    });
    await bench.each(async (family) => {
      const prefix = prefixOf(sourceOwner, 1, family);
      const seen = await soon(
        "the peer to have two paths",
        async () => (await pair.router.seen(sessionName(family), family)).filter((route) => route.prefix === prefix),
        (routes) => routes.length === 2,
      );
      expect("paths by 65011 and 65012", sorted(seen.map(({ asPath }) => asPath)) === "65011 65012", seen);
      await untilExchanged(pair, family);
    });
  },
};

const reflection: Feature = {
  name: "reflection",
  isCore: true,
  title: "we reflect",
  check:
    "Two routers of one sort are our clients (RFC 4456). The second has the first's route with its ORIGINATOR_ID, our cluster in CLUSTER_LIST and the next hop untouched.",
  async run(bench) {
    const trio = await bench.between({ ours: { reflectorCluster: ourRouterId } }, { reflectorCluster: ourRouterId });
    await bench.each(async (family) => {
      await untilExchanged(trio, family);
      const prefix = prefixOf(theirOwner, 1, family);
      const seen = await soon(
        `the second router to have ${prefix}`,
        () => trio.other.seen(sessionName(family), family),
        (routes) => routes.some((route) => route.prefix === prefix),
      );
      const route = seen.find((route) => route.prefix === prefix);
      expect("ORIGINATOR_ID 10.255.0.2", route?.originatorId === theirRouterId, seen);
      expect("CLUSTER_LIST 10.255.0.1", route?.clusterList?.join() === ourRouterId, seen);
      expect("the first router's next hop", route?.nextHop.split(" ")[0] === wireAddress(theirEnd, family), seen);
    });
  },
};

const reflected: Feature = {
  name: "reflected",
  title: "the peer reflects",
  check:
    "The peer is the reflector, we and another speaker of ours its clients: we have the other's route with the other's next hop.",
  unsupported: { exabgp: "passes nothing on" },
  async run(bench) {
    const isClient = { isClient: true };
    const pair = await bench.relay({ theirs: isClient, sources: [64_512] }, isClient);
    await bench.each(async (family) => {
      await untilExchanged(pair, family);
      const prefix = prefixOf(sourceOwner, 1, family);
      const paths = () => pair.speaker.pathsTo(prefix, sessionName(family));
      const [path] = await soon(`us to have ${prefix}`, paths, ({ length }) => length === 1);
      expect("the other's next hop", path?.nextHop === wireAddress({ wire: 2, host: 2 }, family), path);
    });
  },
};

const loops: Feature = {
  name: "reflection-loops",
  isCore: true,
  title: "reflected routes that come back",
  check:
    "ExaBGP tells a route with our router identifier as ORIGINATOR_ID and one with our cluster in CLUSTER_LIST: we refuse both, and take one with another identifier.",
  unsupported: {
    bird: "cannot be made to tell a loop",
    frr: "cannot be made to tell a loop",
    gobgp: "cannot be made to tell a loop",
  },
  async run(bench) {
    const pair = await bench.pair({
      ours: { reflectorCluster: ourRouterId },
      told: (family) => [
        { ...theirRoute(family), originatorId: otherRouterId, clusterList: ["10.255.0.99"] },
        {
          ...theirRoute(family),
          prefix: prefixOf(theirOwner, 2, family),
          originatorId: ourRouterId,
          clusterList: ["10.255.0.99"],
        },
        {
          ...theirRoute(family),
          prefix: prefixOf(theirOwner, 3, family),
          originatorId: otherRouterId,
          clusterList: ["10.255.0.99", ourRouterId],
        },
      ],
    });
    await bench.each((family) => untilExchanged(pair, family));
    await bench.each(async (family) => {
      const looped = [2, 3].map((at) => prefixOf(theirOwner, at, family));
      const found = async () => {
        const paths = await Promise.all(looped.map((prefix) => pair.speaker.pathsTo(prefix, sessionName(family))));
        return paths.flat();
      };
      await steadily("the loops to be refused", found, ({ length }) => length === 0, 1500);
      await soon(
        "the session to stay",
        () => pair.speaker.peer(sessionName(family)),
        ({ state }) => state === "established",
        0,
      );
    });
  },
};

const extendedMessages: Feature = {
  name: "extended-messages",
  title: "messages beyond 4,096 octets",
  check:
    "2,000 routes with the same attributes each way (RFC 8654): both ends have them all, in so few messages that some must have been long.",
  unsupported: { gobgp: "does not know RFC 8654" },
  async run(bench) {
    const count = 2000;
    // In messages of 4,096 octets IPv4 routes take 3 and IPv6 routes 9.
    const most = (family: Family) => (family === "ipv4-unicast" ? 2 : 8);
    const pair = await bench.pair({
      told: (family) => manyOfTheirs(count, family),
      originated: (family) => manyOfOurs(count, family),
    });
    await bench.each(async (family) => {
      const session = sessionName(family);
      await untilUp(pair, session);
      await soon(
        "us to have all",
        () => pair.speaker.peer(session),
        ({ prefixesReceived }) => prefixesReceived === count,
      );
      await soon(
        "the peer to have all",
        () => pair.router.count(session, family),
        (seen) => seen === count,
      );
      const status = await pair.speaker.peer(session);
      expect(
        "extended messages agreed",
        status.capabilities.some((name) => /extended.message/i.test(name)),
        status.capabilities,
      );
      // OPEN, two KEEPALIVEs at most and End-of-RIB come besides.
      expect("few messages sent", status.messagesSent <= most(family) + 4, status.messagesSent);
    });
  },
};

const extendedNextHop: Feature = {
  name: "extended-next-hop",
  isCore: true,
  title: "IPv4 routes with IPv6 next hops",
  check: "An external session over IPv6 carries IPv4 routes with the IPv6 next hops of its ends (RFC 8950), each way.",
  families: ["ipv4-unicast"],
  unsupported: { gobgp: "offers it on unnumbered sessions only" },
  async run(bench) {
    const pair = await bench.pair({
      link: { theirAs: externalAs, onlyOver: "ipv6-unicast" },
      ours: { hasExtendedNextHop: true },
      theirs: { hasExtendedNextHop: true },
      told: (family) => [{ ...theirRoute(family), nextHop: wireAddress(theirEnd, "ipv6-unicast") }],
    });
    await bench.each(async (family) => {
      await untilExchanged(pair, family, "v6");
      const [path] = await pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), "v6");
      expect("the peer's IPv6 next hop", path?.nextHop === wireAddress(theirEnd, "ipv6-unicast"), path);
      const seen = (await pair.router.seen("v6", family)).find(
        ({ prefix }) => prefix === prefixOf(ourOwner, 1, family),
      );
      expect("our IPv6 next hop at the peer", seen?.nextHop.split(" ")[0] === "fd00:9:1::1", seen);
    });
  },
};

const bulk: Feature = {
  name: "many-routes",
  title: "5,000 routes each way",
  check:
    "5,000 host routes of each family each way, then our half withdrawn again. Through GoBGP, whose command takes one route at a time, they come from another speaker of ours.",
  async run(bench) {
    const count = 5000;
    const originated = (family: Family) => manyOfOurs(count, family);
    const isRelay = bench.routerName === "gobgp";
    const pair = isRelay
      ? await bench.relay({
          link: { theirAs: externalAs },
          originated,
          sources: [65_011],
          sourceRoutes: (family) => manyOfOurs(count, family, sourceOwner),
        })
      : await bench.pair({ told: (family) => manyOfTheirs(count, family), originated });
    const least = count;
    await bench.each(async (family) => {
      const session = sessionName(family);
      await soon(
        "us to have all",
        () => pair.speaker.peer(session),
        ({ prefixesReceived }) => prefixesReceived >= least,
        30_000,
      );
      await soon(
        "the peer to have all",
        () => pair.router.count(session, family),
        (seen) => seen === count,
        30_000,
      );
    });
    await pair.speaker.originate([]);
    await bench.each(async (family) => {
      await soon(
        "the peer to have none",
        () => pair.router.count(sessionName(family), family),
        (seen) => seen === 0,
        30_000,
      );
      const last = hostPrefix(isRelay ? sourceOwner : theirOwner, count - 1, family);
      const paths = await pair.speaker.pathsTo(last, sessionName(family));
      expect("us to have the last one still", paths.length === 1, paths);
    });
  },
};

export const routeFeatures: readonly Feature[] = [
  communities,
  largeCommunities,
  localPreference,
  allowLocalAs,
  allowLocalAsSaid,
  refresh,
  refreshOfOurs,
  enhancedRefresh,
  addPathReceive,
  addPathSend,
  reflection,
  reflected,
  loops,
  extendedMessages,
  extendedNextHop,
  bulk,
];
