import type { PeerStatus } from "../../../src/bgp/index.ts";
import { type Bench, type Pair, untilExchanged } from "../bench.ts";
import type { Feature } from "../feature.ts";
import type { Place } from "../network.ts";
import { OurSpeaker } from "../our-speaker.ts";
import {
  cidr,
  externalAs,
  firstLink,
  internalAs,
  ourEnd,
  ourOwner,
  ourRoute,
  peersOf,
  prefixOf,
  routerConfig,
  sessionName,
  speakerConfig,
  theirOwner,
  theirRoute,
} from "../plan.ts";
import { makeRouter } from "../routers/index.ts";
import { expect, soon } from "../waiting.ts";

/** Everything that comes and goes is dropped; the link stays up. */
async function cut(place: Place): Promise<void> {
  const chain = (hook: string) => `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; }`;
  await place.shell(`nft 'add table inet cut; ${chain("input")}; ${chain("output")}'`);
}

async function mend(place: Place): Promise<void> {
  await place.shell("nft delete table inet cut");
}

/** Every packet between the two is dropped, and let pass again. */
async function tryBfd(bench: Bench, pair: Pair): Promise<void> {
  await bench.each(async (family) => {
    await untilExchanged(pair, family);
    await soon(
      "BFD to be up",
      () => pair.speaker.peer(sessionName(family)),
      (status) => status.bfd === "up",
    );
  });
  await cut(pair.them);
  const cutAt = performance.now();
  await bench.each(async (family) => {
    const session = sessionName(family);
    const isDown = ({ state }: PeerStatus) => state !== "established";
    const status = await soon("us to end the session", () => pair.speaker.peer(session), isDown, 10_000);
    const tookMs = Math.round(performance.now() - cutAt);
    expect("the end within 5 s", tookMs < 5000, `${tookMs} ms`);
    expect("BFD as the reason", /bfd/i.test(status.lastError), status);
    await soon(
      "our table to be without the peer's route",
      () => pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), session),
      ({ length }) => length === 0,
    );
    await soon(
      "the peer to end the session",
      () => pair.router.isUp(session),
      (isUp) => !isUp,
    );
  });
  await mend(pair.them);
  await bench.each((family) => untilExchanged(pair, family));
}

const unsupported = { gobgp: "has no BFD", exabgp: "has no BFD" };
const timing = { minTxMs: 50, minRxMs: 50, multiplier: 3 };

const bfd: Feature = {
  name: "bfd",
  isCore: true,
  title: "BFD",
  check:
    "BFD of 50 ms x 3 beside external sessions on one link (RFC 5880, 5881): when every packet between the two is dropped, the link staying up, we end the session for BFD within 5 s, hold times being 90 s; then it comes back.",
  unsupported,
  async run(bench) {
    const ours = { bfd: { ...timing, isMultihop: false } };
    await tryBfd(bench, await bench.pair({ link: { theirAs: externalAs }, ours, theirs: { hasBfd: true } }));
  },
};

const bfdMultihop: Feature = {
  name: "bfd-multihop",
  title: "BFD across a router",
  check: "The same with a router between the two (RFC 5883).",
  unsupported,
  async run(bench) {
    const ours = { bfd: { ...timing, isMultihop: true } };
    await tryBfd(bench, await bench.apart({ ours, theirs: { hasBfd: true, multihop: 3 } }));
  },
};

async function linkLocalOf(place: Place, link: string): Promise<string> {
  const text = await soon(
    `${link} to have a link-local address`,
    () => place.mustRun("ip", "-6", "-o", "addr", "show", "dev", link, "scope", "link"),
    (text) => text.includes("fe80:") && !text.includes("tentative"),
  );
  return /inet6 (fe80:\S+)\//.exec(text)?.[1] ?? "";
}

const unnumbered: Feature = {
  name: "unnumbered",
  isCore: true,
  title: "unnumbered link",
  check:
    "A link with link-local addresses only. We are given its name, send router advertisements and find the neighbour; one external session carries both families, IPv4 with IPv6 next hops (RFC 8950).",
  unsupported: { exabgp: "has no sessions over link-local addresses" },
  async run(bench) {
    const network = bench.network();
    const [us, them] = [await network.place("us"), await network.place("them")];
    await network.wire(us, them, 1, false);
    const [ours, theirs] = [await linkLocalOf(us, "to-them"), await linkLocalOf(them, "to-us")];
    const config = speakerConfig(ourEnd, internalAs, []);
    const [model] = peersOf({ ...firstLink, theirAs: externalAs, onlyOver: "ipv6-unicast" });
    if (model === undefined) throw new Error("no session was planned");
    const { name: _name, address: _address, localAddress: _local, ...rest } = model;
    const range = {
      name: "link",
      prefix: cidr("fe80::/10"),
      linkName: "to-them",
      session: { ...rest, families: bench.families, hasExtendedNextHop: true },
      maxPeers: 1,
    };
    const speaker = await OurSpeaker.start(us, { ...config, ranges: [range] });
    await speaker.originate(bench.families.map((family) => ourRoute(family)));
    // GoBGP does not start without an entry for its neighbour.
    if (bench.routerName === "gobgp") await them.mustRun("ping", "-6", "-c", "2", "-i", "0.2", "ff02::1%to-us");
    const session = "v6";
    const router = makeRouter(bench.routerName, them);
    const told = bench.families.map((family) => ({ ...theirRoute(family), nextHop: theirs }));
    const neighbor = {
      name: session,
      address: ours,
      localAddress: theirs,
      nextHops: { "ipv4-unicast": theirs, "ipv6-unicast": theirs },
      linkName: "to-us",
      remoteAs: internalAs,
      families: bench.families,
      hasExtendedNextHop: true,
    };
    await router.start(routerConfig(externalAs, [neighbor], told));
    const pair: Pair = { us, them, config, routerConfig: routerConfig(externalAs, [], told), router, speaker };
    await bench.each((family) => untilExchanged(pair, family, session, { ourName: `link/${theirs}%to-them` }));
    await bench.each(async (family) => {
      const [path] = await speaker.pathsTo(prefixOf(theirOwner, 1, family), `link/${theirs}%to-them`);
      expect(
        "the peer's link-local next hop",
        [path?.nextHop, path?.linkLocalNextHop].some((hop) => hop === theirs),
        path,
      );
      const seen = (await router.seen(session, family)).find(({ prefix }) => prefix === prefixOf(ourOwner, 1, family));
      expect("our link-local next hop at the peer", seen?.nextHop.split(" ").includes(ours) === true, seen);
    });
  },
};

export const linkFeatures: readonly Feature[] = [bfd, bfdMultihop, unnumbered];
