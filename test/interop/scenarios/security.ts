import type { PeerConfig, SpeakerConfig } from "../../../src/bgp/index.ts";
import { type Bench, type Pair, untilExchanged } from "../bench.ts";
import type { Feature } from "../feature.ts";
import type { Place } from "../network.ts";
import { externalAs, manyOfOurs, manyOfTheirs, sessionName } from "../plan.ts";
import { soon } from "../waiting.ts";

function withPeers(config: SpeakerConfig, change: Partial<PeerConfig>): SpeakerConfig {
  return { ...config, peers: config.peers.map((peer) => ({ ...peer, ...change })) };
}

/** The kernel has dropped packets for the reason that is tried, and no session came up. */
async function untilRefused(bench: Bench, { speaker }: Pair, place: Place, counter: string): Promise<void> {
  await soon(
    `the kernel to count ${counter}`,
    () => place.counter(counter),
    (count) => count >= 2,
  );
  await bench.each(async (family) => {
    await soon(
      "no session",
      () => speaker.peer(sessionName(family)),
      ({ state }) => state !== "established" && state !== "openConfirm",
      0,
    );
  });
}

function md5(name: string, isPassive: boolean): Feature {
  return {
    name,
    isCore: true,
    title: `MD5 signatures, ${isPassive ? "the peer connects" : "we connect"}`,
    check: isPassive
      ? "The same with the peer connecting to our listening socket."
      : "We connect with a key of our own: the kernel counts TCPMD5Failure and no session comes up; with the peer's key in our configuration it does (RFC 2385).",
    async run(bench) {
      const pair = await bench.pair({
        ours: { password: "not the same", isPassive },
        theirs: { password: "s3cret-key", isPassive: !isPassive },
      });
      await untilRefused(bench, pair, isPassive ? pair.us : pair.them, "TCPMD5Failure");
      await pair.speaker.configure(withPeers(pair.config, { password: "s3cret-key" }));
      // A router that waits for TCP sends its next SYN after 1, 2, 4, 8, 16 or 32 s.
      await bench.each((family) => untilExchanged(pair, family, sessionName(family), { withinMs: 50_000 }));
    },
  };
}

const gtsm: Feature = {
  name: "gtsm",
  title: "TTL security",
  check: "External neighbours on one link, both with the generalized TTL security mechanism (RFC 5082).",
  async run(bench) {
    const pair = await bench.pair({
      link: { theirAs: externalAs },
      ours: { ttlSecurityHops: 1 },
      theirs: { securityHops: 1 },
    });
    await bench.each((family) => untilExchanged(pair, family));
  },
};

const gtsmFar: Feature = {
  name: "gtsm-far",
  isCore: true,
  title: "TTL security, one hop too many",
  check:
    "A router stands between the two. Told to take one hop, we refuse: the kernel counts TCPMinTTLDrop and no session comes up; told to take two, it does.",
  async run(bench) {
    const pair = await bench.apart({
      ours: { ttlSecurityHops: 1 },
      theirs: { securityHops: 2 },
    });
    await untilRefused(bench, pair, pair.us, "TCPMinTTLDrop");
    await pair.speaker.configure(withPeers(pair.config, { ttlSecurityHops: 2 }));
    await bench.each((family) => untilExchanged(pair, family));
  },
};

const prefixLimit: Feature = {
  name: "prefix-limit",
  isCore: true,
  title: "prefix limit",
  check:
    "The peer tells five prefixes where we take three: we end the session with the Cease of RFC 4486, which the peer shows.",
  async run(bench) {
    const pair = await bench.pair({
      ours: { maxPrefixes: { count: 3, action: "end" } },
      told: (family) => manyOfTheirs(5, family),
    });
    await bench.each(async (family) => {
      const session = sessionName(family);
      await soon(
        "us to end the session for its prefixes",
        () => pair.speaker.peer(session),
        ({ state, lastError }) => state !== "established" && /prefix/i.test(lastError),
      );
      await soon(
        "our table to be without its routes",
        () => pair.speaker.routes(),
        (rows) => {
          return rows.every(({ paths }) => paths.every(({ peerName }) => peerName !== session));
        },
      );
      await soon(
        "the peer to tell of the limit",
        () => pair.router.words(session),
        (words) =>
          /max(imum)?[ -]?(number of )?prefix|code 6\(cease\) subcode 1|"code": ?6, ?"subcode": ?1\b/i.test(words),
      );
    });
  },
};

const prefixLimitOfPeer: Feature = {
  name: "prefix-limit-of-peer",
  title: "prefix limit of the peer",
  check: "The other way round: the peer ends the session, and we show why.",
  unsupported: { exabgp: "counts no prefixes" },
  async run(bench) {
    const pair = await bench.pair({
      // Of two connections that collide just now one end's word may be lost.
      ours: { isPassive: true },
      theirs: { maxPrefixes: 3 },
      originated: (family) => manyOfOurs(5, family),
    });
    await bench.each(async (family) => {
      await soon(
        "us to show the peer's reason",
        async () =>
          pair.speaker.history.filter(({ name }) => name === sessionName(family)).map(({ lastError }) => lastError),
        (errors) => errors.some((error) => /prefix/i.test(error)),
      );
    });
  },
};

export const securityFeatures: readonly Feature[] = [
  md5("md5", false),
  md5("md5-listening", true),
  gtsm,
  gtsmFar,
  prefixLimit,
  prefixLimitOfPeer,
];
