import type { Family } from "../../../src/bgp/index.ts";
import { type Bench, type Pair, untilExchanged, untilUp } from "../bench.ts";
import type { Feature } from "../feature.ts";
import type { Place } from "../network.ts";
import {
  address,
  cidr,
  externalAs,
  firstLink,
  peersOf,
  prefixOf,
  sessionName,
  theirEnd,
  theirOwner,
  wireAddress,
} from "../plan.ts";
import { expect, soon } from "../waiting.ts";

/** Both ends take back what they have told. */
async function untilWithdrawn(bench: Bench, { speaker, router }: Pair, session?: string): Promise<void> {
  await speaker.originate([]);
  await router.tell([]);
  await bench.each(async (family) => {
    const name = session ?? sessionName(family);
    const prefix = prefixOf(theirOwner, 1, family);
    await soon(
      "the peer to have none of our routes",
      () => router.count(name, family),
      (count) => count === 0,
    );
    await soon(
      `us to have ${prefix} no more`,
      () => speaker.pathsTo(prefix, name),
      (paths) => paths.length === 0,
    );
  });
}

function oneSessionOver(transport: Family): Pick<Feature, "run"> {
  return {
    async run(bench) {
      const pair = await bench.pair({ link: { onlyOver: transport } });
      await bench.each((family) => untilExchanged(pair, family, sessionName(transport)));
      await untilWithdrawn(bench, pair, sessionName(transport));
    },
  };
}

const sessions: Feature = {
  name: "sessions",
  isCore: true,
  title: "one session a family",
  check: "An internal session over IPv4 for IPv4 and one over IPv6 for IPv6; a route is told and withdrawn each way.",
  async run(bench) {
    const pair = await bench.pair();
    await bench.each((family) => untilExchanged(pair, family));
    await untilWithdrawn(bench, pair);
  },
};

const bothOverIpv4: Feature = {
  name: "multiprotocol-4",
  title: "both families over IPv4",
  check:
    "One internal session over IPv4 carries both families (RFC 4760); a route of each is told and withdrawn each way.",
  ...oneSessionOver("ipv4-unicast"),
};

const bothOverIpv6: Feature = {
  name: "multiprotocol-6",
  title: "both families over IPv6",
  check: "The same over IPv6, IPv4 routes with IPv4 next hops.",
  ...oneSessionOver("ipv6-unicast"),
};

const external: Feature = {
  name: "four-octet-as",
  title: "4-octet AS numbers",
  check:
    "External sessions between AS 4200000077 and AS 4200000001; each end shows the other's AS number as the whole path.",
  async run(bench) {
    const ourAs = 4_200_000_077;
    const pair = await bench.pair({ link: { ourAs, theirAs: externalAs } });
    await bench.each(async (family) => {
      await untilExchanged(pair, family);
      const [path] = await pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), sessionName(family));
      expect(`the path ${externalAs}`, path?.asPath.join(" ") === String(externalAs), path?.asPath);
      const seen = await pair.router.seen(sessionName(family), family);
      expect(`the path ${ourAs} at the peer`, seen[0]?.asPath === String(ourAs), seen);
    });
  },
};

const localAs: Feature = {
  name: "local-as",
  title: "another AS number for one peer",
  check:
    "AS 64512 poses as AS 65010 (RFC 7705): the session is external, and the peer sees a path that begins with 65010.",
  async run(bench) {
    const pose = 65_010;
    const { speaker, router } = await bench.pair({
      link: { theirAs: externalAs },
      ours: { localAs: pose },
      theirs: { remoteAs: pose },
    });
    await bench.each(async (family) => {
      const session = sessionName(family);
      const seen = await soon(
        "the peer to have our route",
        () => router.seen(session, family),
        (seen) => seen.length === 1,
      );
      expect("a path that begins with 65010", seen[0]?.asPath.split(" ")[0] === String(pose), seen);
      await soon(
        "us to have the peer's route",
        () => speaker.pathsTo(prefixOf(theirOwner, 1, family), session),
        (paths) => paths[0]?.asPath.at(-1) === externalAs,
      );
    });
  },
};

const passive: Feature = {
  name: "passive",
  title: "we wait",
  check: "We only listen; the peer connects.",
  async run(bench) {
    const pair = await bench.pair({ ours: { isPassive: true } });
    await bench.each((family) => untilExchanged(pair, family));
  },
};

const active: Feature = {
  name: "active",
  title: "the peer waits",
  check: "The peer only listens; we connect.",
  async run(bench) {
    const pair = await bench.pair({ theirs: { isPassive: true } });
    await bench.each((family) => untilExchanged(pair, family));
  },
};

const dynamic: Feature = {
  name: "dynamic",
  title: "neighbour out of a range",
  check: "We know a range of addresses only; the peer connects out of it.",
  async run(bench) {
    const pair = await bench.pair({
      speaker: {
        ranges: peersOf(firstLink).map(({ name, address, linkName: _link, ...session }) => ({
          name,
          prefix: cidr(address.includes(":") ? "fd00:9:1::/64" : "10.9.1.0/24"),
          session: { ...session, type: "dynamic", isPassive: true },
          maxPeers: 2,
        })),
        peers: [],
      },
    });
    await bench.each(async (family) => {
      const session = sessionName(family);
      const name = `${session}/${wireAddress(theirEnd, family)}`;
      await soon(
        "the peer to call the session established",
        () => pair.router.isUp(session),
        (isUp) => isUp,
      );
      await soon(
        "us to have the peer's route",
        () => pair.speaker.pathsTo(prefixOf(theirOwner, 1, family), name),
        (paths) => paths.length === 1,
      );
      await soon(
        "the peer to have our route",
        () => pair.router.count(session, family),
        (count) => count === 1,
      );
    });
  },
};

/**
 * TCP's handshakes pass but messages do not, so that both ends connect and no OPEN is there. When it is lifted TCP sends
 * the OPENs of all connections again.
 */
async function holdMessages(place: Place): Promise<void> {
  const rules = [
    "meta nfproto ipv4 meta length > 80 tcp sport 179 drop",
    "meta nfproto ipv4 meta length > 80 tcp dport 179 drop",
  ];
  const all = [...rules, ...rules.map((rule) => rule.replace("ipv4", "ipv6").replace("80", "100"))];
  const chain = (hook: string) => [
    `add chain inet hold ${hook} { type filter hook ${hook} priority 0; }`,
    ...all.map((rule) => `add rule inet hold ${hook} ${rule}`),
  ];
  await place.shell(`nft '${["add table inet hold", ...chain("input"), ...chain("output")].join("; ")}'`);
}

async function connectionsTo(place: Place, family: Family): Promise<string[]> {
  const lines = (await place.mustRun("ss", "-Htn", "state", "established")).split("\n");
  return lines.filter((line) => line.includes(wireAddress(theirEnd, family)));
}

const collision: Feature = {
  name: "collision",
  isCore: true,
  title: "collision of two connections",
  check:
    "Messages are held back until each end has connected to the other, then let pass (RFC 4271 section 6.8): one connection stays, when our router identifier is the lower one and when it is the higher one. GoBGP and ExaBGP keep only one of two connections that have no OPEN yet, which is as good.",
  async run(bench) {
    const isStrict = bench.routerName === "bird" || bench.routerName === "frr";
    for (const routerId of ["10.255.0.1", "10.255.0.3"]) {
      const pair = await bench.pair({
        speaker: { routerId: address(routerId) },
        beforeOurs: (router) => holdMessages(router.place),
      });
      const { us } = pair;
      await bench.each(async (family) => {
        const isThere = (found: readonly string[]) => found.length >= (isStrict ? 2 : 1);
        await soon("a connection each way", () => connectionsTo(us, family), isThere);
      });
      await pair.them.shell("nft delete table inet hold");
      await bench.each(async (family) => {
        await untilExchanged(pair, family);
        await soon(
          "one connection to stay",
          () => connectionsTo(us, family),
          ({ length }) => length === 1,
        );
      });
    }
  },
};

const holdTime: Feature = {
  name: "hold-time",
  isCore: true,
  title: "hold time expires",
  check:
    "Hold time 3 s: the peer's process is stopped until we end the session by RFC 4271 section 6.5, goes on, and comes back; then ours is stopped.",
  async run(bench) {
    const pair = await bench.pair({ ours: { holdTimeSeconds: 3 }, theirs: { holdSeconds: 3 } });
    const { speaker, router } = pair;
    await bench.each((family) => untilExchanged(pair, family));
    router.pause();
    await bench.each(async (family) => {
      const isOver = ({ lastError }: { lastError: string }) => /hold/i.test(lastError);
      await soon("us to end the session for its hold time", () => speaker.peer(sessionName(family)), isOver);
    });
    router.resume();
    await bench.each((family) => untilExchanged(pair, family));
    speaker.signal("SIGSTOP");
    await bench.each(async (family) => {
      await soon(
        "the peer to end the session",
        () => router.isUp(sessionName(family)),
        (isUp) => !isUp,
      );
    });
    speaker.signal("SIGCONT");
    await bench.each((family) => untilExchanged(pair, family));
  },
};

const shutdownCommunication: Feature = {
  name: "shutdown",
  isCore: true,
  title: "administrative shutdown",
  check:
    "The peer's administrator ends the session with a reason, which we show (RFC 9003); then ours does, and the peer shows it. Without a reason with ExaBGP, which fails on one, and GoBGP shows none.",
  async run(bench) {
    const reason = "cable works until noon";
    const pair = await bench.pair();
    const { speaker, router } = pair;
    await bench.each((family) => untilExchanged(pair, family));
    const theirWord = bench.routerName === "exabgp" ? /shutdown/i : new RegExp(reason);
    await bench.each(async (family) => {
      const session = sessionName(family);
      await router.shutDown(session, reason);
      await soon(
        `us to show ${theirWord}`,
        async () => speaker.history.filter(({ name }) => name === session).map(({ lastError }) => lastError),
        (errors) => errors.some((error) => theirWord.test(error)),
      );
    });
    const second = await bench.pair();
    await bench.each((family) => untilUp(second, sessionName(family)));
    // ExaBGP 4.2 fails on any text, whatever it says.
    await second.speaker.shutDown(bench.routerName === "exabgp" ? "" : reason);
    // GoBGP 3.10 drops the text; its log has the code.
    const ourWord =
      bench.routerName === "gobgp" || bench.routerName === "exabgp"
        ? /code 6\(cease\) subcode 2|"code": ?6|administrative shutdown/i
        : new RegExp(reason);
    await bench.each(async (family) => {
      await soon(
        `the peer to show ${ourWord}`,
        async () =>
          (await second.router.words(sessionName(family)))
            .split("\n")
            .filter((line) => /notif|cease|shutdown|works/i.test(line)),
        (words) => words.some((line) => ourWord.test(line)),
      );
    });
  },
};

export const sessionFeatures: readonly Feature[] = [
  sessions,
  bothOverIpv4,
  bothOverIpv6,
  external,
  localAs,
  passive,
  active,
  dynamic,
  collision,
  holdTime,
  shutdownCommunication,
];
