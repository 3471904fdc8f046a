import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { SpeakerCore } from "./speaker-core.ts";
import type { SpeakerInput, SpeakerOutput } from "./steps.ts";
import { Network, peerAt, route } from "./testing/network.ts";

/** Is given all octets in one place, which is written over after each step, as by a driver that reads into one buffer. */
class ForgetfulCore extends SpeakerCore {
  readonly #buffer = new Uint8Array(65_536);

  override step(input: SpeakerInput, nowMs: number): SpeakerOutput[] {
    if (input.type !== "bytes") return super.step(input, nowMs);
    this.#buffer.set(input.bytes);
    const outputs = super.step({ ...input, bytes: this.#buffer.subarray(0, input.bytes.length) }, nowMs);
    this.#buffer.fill(0xa5);
    return outputs;
  }
}

test("the core keeps none of the octets that it is given: what it tells later of their routes is right", () => {
  const network = new Network(5);
  const own = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  const [left, middle, right] = own.map((address, i) => {
    const neighbours = [i - 1, i + 1].filter((at) => at >= 0 && at < own.length);
    const peers = neighbours.map((at) =>
      peerAt(own[at] ?? "", { asNumber: 65_001 + at, families: ["ipv4-unicast", "ipv6-unicast"] }),
    );
    const nextHop6 = network6(address);
    const host = network.add(address, [address], { localAs: 65_001 + i, peers, nextHop6 });
    host.originated = [1, 2, 3].flatMap((n) => [
      route(`10.${i + 1}.${n}.0/24`, { communities: [i, n], med: n, largeCommunities: [[i, n, 1]] }),
      route(`fd00:${i + 1}:${n}::/64`, { communities: [i, n] }),
    ]);
    return host;
  });
  assert.ok(left !== undefined && middle !== undefined && right !== undefined);
  network.start(left);
  network.start(middle);
  middle.core = new ForgetfulCore({ isRestart: false, random: seededRandom(1) });
  network.input(middle, { type: "configure", config: middle.config });
  network.input(middle, { type: "originate", routes: middle.originated });
  network.run(10_000);
  // What it hears of now was read long ago.
  network.start(right);
  network.run(20_000);
  const heard = right.core
    .routes()
    .flatMap(({ prefix, paths }) => paths.flatMap(({ asPath, communities }) => [[prefix, asPath, communities]]))
    .filter(([prefix]) => /^(10.1|fd00:1)/.test(String(prefix)));
  const wanted = [1, 2, 3].flatMap((n) => [
    [`10.1.${n}.0/24`, [65_002, 65_001], [0, n]],
    [`fd00:1:${n}::/64`, [65_002, 65_001], [0, n]],
  ]);
  const inOrder = (rows: unknown[][]) => rows.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  assert.deepEqual(inOrder(heard), inOrder(wanted));
});

function network6(address: string): ReturnType<typeof peerAt>["address"] {
  return peerAt(`2001:db8::${address.split(".").at(-1)}`).address;
}
