import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import {
  type PeerConfig,
  type RouteUpdate,
  type SpeakerConfig,
  SpeakerCore,
  allFamilies,
  parseRecordedLine,
} from "../bgp/index.ts";
import { parseAddress, parseCidr, seededRandom, silentLogger } from "../lib/index.ts";
import { type Speaker, openSpeaker } from "./index.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const prefix = (text: string) => parseCidr(text) ?? assert.fail(text);

function peer(own: string, remote: string, port: number, isPassive: boolean): PeerConfig {
  return {
    name: `Mesh_${remote.replaceAll(".", "_")}`,
    type: "nodeMesh",
    address: address(remote),
    port,
    localAddress: address(own),
    asNumber: 64512,
    isPassive,
    families: allFamilies,
    nextHopMode: "auto",
  };
}

function config(own: string, listenPort: number, peers: readonly PeerConfig[]): SpeakerConfig {
  const nextHop6 = address(`2001:db8::${own.split(".").at(-1)}`);
  return {
    localAs: 64512,
    routerId: address(own),
    listenPort,
    restartTimeSeconds: 120,
    exportWithin: "all",
    nextHop6,
    peers,
  };
}

/** Opens a speaker, and tells when its table is as long as is waited for. */
async function open(config: SpeakerConfig, signal: AbortSignal, record: (line: string) => void = () => undefined) {
  const table = new Map<string, RouteUpdate>();
  const waiting: { readonly size: number; readonly resolve: () => void }[] = [];
  const speaker = await openSpeaker({
    config,
    isRestart: false,
    log: silentLogger,
    random: seededRandom(1),
    signal,
    record,
    onRoutes(updates) {
      for (const update of updates) {
        if (update.paths.length > 0) table.set(update.prefix, update);
        else table.delete(update.prefix);
      }
      for (const { size, resolve } of waiting) if (table.size === size) resolve();
    },
    onPeer() {},
    onRestartEnd() {},
  });
  const untilSize = (size: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ size, resolve });
    if (table.size === size) resolve();
    return promise;
  };
  return { speaker, table, untilSize };
}

function originate(speaker: Speaker, number: number, count: number): void {
  const routes = Array.from({ length: count }, (_, i) => [
    { prefix: prefix(`10.${number}.${i >> 8}.${i & 255}/32`), localPref: 100 + (i % 7) },
    { prefix: prefix(`fd00:${number}::${(i + 1).toString(16)}/128`), localPref: 100 },
  ]).flat();
  speaker.originate(routes);
}

test("two speakers exchange thousands of routes of both families over real TCP, and a stranger is turned away", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const a = await open(config("127.0.0.21", 21791, [peer("127.0.0.21", "127.0.0.22", 21792, true)]), signal);
  const b = await open(config("127.0.0.22", 21792, [peer("127.0.0.22", "127.0.0.21", 21791, false)]), signal);
  await using _first = a.speaker;
  await using _second = b.speaker;
  originate(a.speaker, 1, 5000);
  originate(b.speaker, 2, 10);
  await Promise.all([a.untilSize(20), b.untilSize(10_000)]);
  assert.equal(b.table.get("fd00:1::1/128")?.paths[0]?.nextHop, "2001:db8::21");
  assert.equal(b.table.get("10.1.0.1/32")?.paths[0]?.nextHop, "127.0.0.21");
  assert.equal(a.speaker.status()[0]?.state, "established");
  assert.equal(a.speaker.status()[0]?.prefixesSent, 10_000);
  assert.equal([...b.speaker.routes()].length, 10_020);

  const stranger = connect({ host: "127.0.0.1", port: 21791 });
  const { promise, resolve } = Promise.withResolvers<void>();
  stranger.once("close", () => resolve());
  stranger.resume();
  await promise;

  originate(a.speaker, 1, 1);
  await b.untilSize(2);
  await a.speaker.shutDown();
  await b.untilSize(0);
  assert.match(b.speaker.status()[0]?.lastError ?? "", /administrative shutdown|refused|closed/i);
  controller.abort();
});

test("what was recorded of a speaker leads another core to the same table, at the same times, without the passwords", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const lines: string[] = [];
  const withPassword = { ...peer("127.0.0.23", "127.0.0.24", 21794, true), password: "sesame" };
  const a = await open(config("127.0.0.23", 21793, [withPassword]), signal, (line) => lines.push(line));
  const b = await open(
    config("127.0.0.24", 21794, [{ ...peer("127.0.0.24", "127.0.0.23", 21793, false), password: "sesame" }]),
    signal,
  );
  await using _first = a.speaker;
  await using _second = b.speaker;
  originate(a.speaker, 1, 10);
  originate(b.speaker, 2, 500);
  await a.untilSize(1000);
  originate(b.speaker, 2, 200);
  await a.untilSize(400);
  // Asked in one turn of the event loop.
  const table = [...a.speaker.routes()];
  const recorded = lines.splice(0);
  assert.doesNotMatch(recorded.join(), /sesame/);
  let core: SpeakerCore | undefined;
  for (const text of recorded) {
    const line = parseRecordedLine(text);
    assert.ok(line.ok, text);
    if (line.value.type === "start") core = new SpeakerCore({ ...line.value, random: seededRandom(line.value.seed) });
    else core?.step(line.value.input, line.value.atMs);
  }
  assert.deepEqual(core?.routes(), table);
  controller.abort();
});

test("the port and the addresses to listen on change under sessions that go on", async () => {
  const { signal } = new AbortController();
  const before = config("127.0.0.25", 21795, [peer("127.0.0.25", "127.0.0.26", 21796, true)]);
  const a = await open(before, signal);
  const b = await open(config("127.0.0.26", 21796, [peer("127.0.0.26", "127.0.0.25", 21795, false)]), signal);
  await using _first = a.speaker;
  await using _second = b.speaker;
  originate(b.speaker, 2, 10);
  await a.untilSize(20);
  const since = a.speaker.status()[0]?.since;
  a.speaker.configure({ ...before, listenPort: 21797, listenAddresses: [address("127.0.0.25")] });
  originate(b.speaker, 2, 5);
  await a.untilSize(10);
  assert.equal(a.speaker.status()[0]?.since, since);
  assert.equal(a.speaker.status()[0]?.state, "established");
});
