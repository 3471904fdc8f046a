import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../lib/index.ts";
import type { SpeakerConfig } from "./config.ts";
import { PasswordMask, type RecordedLine, parseRecordedLine, startLine, writeRecordedLine } from "./recording.ts";
import { SpeakerCore } from "./speaker-core.ts";
import type { SpeakerInput, SpeakerOutput } from "./steps.ts";
import { Network, address, peerAt, route } from "./testing/network.ts";

const config: SpeakerConfig = {
  localAs: 64512,
  routerId: address("10.0.0.1"),
  listenPort: 179,
  restartTimeSeconds: 120,
  exportWithin: "all",
  peers: [peerAt("10.0.0.2", { password: "sesame" }), peerAt("fd00::2", { password: "simsim" }), peerAt("10.0.0.3")],
  ranges: [
    {
      name: "rack",
      prefix: route("10.1.0.0/16").prefix,
      maxPeers: 8,
      session: { ...peerAt("10.1.0.0"), asNumber: "external", password: "sesame" },
    },
  ],
};

const inputs: readonly SpeakerInput[] = [
  { type: "configure", config },
  { type: "originate", routes: [route("10.2.0.0/26", { communities: [1], largeCommunities: [[1, 2, 3]] })] },
  { type: "connected", connection: "out:0", localAddress: address("10.0.0.1") },
  {
    type: "accepted",
    connection: "in:0",
    localAddress: address("fe80::1"),
    remoteAddress: address("fe80::2"),
    linkName: "eth0",
  },
  { type: "closed", connection: "in:0", reason: "receiving: ECONNRESET" },
  { type: "bytes", connection: "out:0", bytes: Uint8Array.of(0, 255, 16) },
  { type: "blocked", connection: "out:0" },
  { type: "drained", connection: "out:0" },
  { type: "timer", timer: "out:0|hold" },
  { type: "bfd", peer: "10.0.0.2", isUp: false },
  { type: "nextHops", costs: [{ nextHop: address("fd00::9"), cost: 20 }] },
  { type: "turn" },
  { type: "stop", reason: "shutDown", text: 'back at "8"' },
];

test("every input comes out of its line as it went in", () => {
  const lines: RecordedLine[] = [
    startLine({ isRestart: true, tellsRoutes: false, seed: 7 }),
    ...inputs.map((input) => ({ type: "input" as const, atMs: 1.5, input })),
  ];
  for (const line of lines) {
    const text = writeRecordedLine(line);
    assert.doesNotMatch(text, /\n/);
    assert.deepEqual(parseRecordedLine(text), { ok: true, value: line });
  }
});

test("a next hop that cannot be reached is so in a recording too", () => {
  const costs = [{ nextHop: address("10.0.0.9"), cost: undefined }];
  const parsed = parseRecordedLine(writeRecordedLine({ type: "input", atMs: 1, input: { type: "nextHops", costs } }));
  assert.ok(parsed.ok && parsed.value.type === "input" && parsed.value.input.type === "nextHops");
  assert.equal(parsed.value.input.costs[0]?.cost, undefined);
});

test("no password is in a recording, and those that differ can still be told apart", () => {
  const mask = new PasswordMask();
  const masked = mask.mask({ type: "configure", config });
  const text = writeRecordedLine({ type: "input", atMs: 1, input: masked });
  assert.doesNotMatch(text, /sesame|simsim/);
  assert.ok(masked.type === "configure");
  const [first, second, third] = masked.config.peers.map(({ password }) => password);
  assert.notEqual(first, second);
  assert.equal(third, undefined);
  assert.equal(masked.config.ranges?.[0]?.session.password, first);
  const again = mask.mask({
    type: "configure",
    config: { ...config, peers: [peerAt("10.0.0.2", { password: "simsim" })] },
  });
  assert.ok(again.type === "configure");
  assert.equal(again.config.peers[0]?.password, second);
});

test("whatever a line is made of it is read or refused, never thrown at", () => {
  const near = fc.constantFrom(...inputs).chain((input) =>
    fc.record({
      atMs: fc.oneof(fc.double(), fc.string()),
      input: fc
        .dictionary(fc.constantFrom(...Object.keys(input), "x"), fc.jsonValue())
        .map((more) => ({ ...input, ...more })),
    }),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        near.map((line) => JSON.stringify(line)),
      ),
      (text) => {
        const parsed = parseRecordedLine(text);
        if (!parsed.ok) assert.ok(parsed.problems.length > 0);
      },
    ),
  );
});

test("lines of another version, of no known input and with half a byte are refused", () => {
  for (const text of [
    "",
    "null",
    '{"type":"start","version":2,"isRestart":false,"seed":1}',
    '{"type":"start","version":1,"isRestart":false,"seed":1}',
    '{"atMs":1,"input":{"type":"explode"}}',
    '{"atMs":1,"input":{"type":"toString"}}',
    '{"atMs":1,"input":{"type":"bytes","connection":"in:0","bytes":"abc"}}',
    '{"atMs":1,"input":{"type":"connected","connection":"in:0","localAddress":"10.0.0.256"}}',
    '{"atMs":1,"input":{"type":"configure","config":{"localAs":1}}}',
    '{"input":{"type":"turn"}}',
  ]) {
    assert.equal(parseRecordedLine(text).ok, false, text);
  }
});

/** Keeps what it was given, as lines, and what it answered. */
class RecordedCore extends SpeakerCore {
  readonly lines: string[] = [];
  readonly answers: SpeakerOutput[][] = [];

  constructor(seed: number) {
    super({ isRestart: false, tellsRoutes: true, random: seededRandom(seed) });
    this.lines.push(writeRecordedLine(startLine({ isRestart: false, tellsRoutes: true, seed })));
  }

  override step(input: SpeakerInput, nowMs: number): SpeakerOutput[] {
    // Octets belong to the reader of the socket, who uses the place again.
    this.lines.push(writeRecordedLine({ type: "input", atMs: nowMs, input }));
    const outputs = super.step(input, nowMs);
    this.answers.push(structuredClone(outputs));
    return outputs;
  }
}

test("a core that is fed with a recording says the same again", () => {
  const network = new Network(3);
  const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((own, i, all) => {
    const peers = all.filter((other) => other !== own).map((other) => peerAt(other));
    const host = network.add(own, [own], { peers });
    host.originated = [route(`10.${i + 1}.0.0/26`), route(`10.${i + 1}.1.0/26`)];
    return host;
  });
  for (const host of hosts) network.start(host);
  const [first, second] = hosts;
  assert.ok(first !== undefined && second !== undefined);
  const core = new RecordedCore(42);
  first.core = core;
  network.input(first, { type: "configure", config: first.config });
  network.input(first, { type: "originate", routes: first.originated });
  network.run(10_000);
  network.reset(first, second);
  network.run(200_000);
  assert.equal(first.table().length, 4);

  let replayed: SpeakerCore | undefined;
  const answers: SpeakerOutput[][] = [];
  for (const text of core.lines) {
    const parsed = parseRecordedLine(text);
    assert.ok(parsed.ok, text);
    const line = parsed.value;
    if (line.type === "start") {
      replayed = new SpeakerCore({ ...line, random: seededRandom(line.seed) });
    } else answers.push(structuredClone(replayed?.step(line.input, line.atMs) ?? assert.fail()));
  }
  assert.ok(answers.length > 50);
  assert.deepEqual(answers, core.answers);
});
