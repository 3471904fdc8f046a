import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type PeerStatus, type RouteUpdate, type SpeakerConfig, allFamilies } from "../bgp/index.ts";
import { askAgent, askAgentLines } from "../client/index.ts";
import { type Logger, parseAddress, parseCidr, seededRandom, silentLogger } from "../lib/index.ts";
import { type Speaker, openSpeaker } from "../speaker/index.ts";
import { type ReflectorSettings, type ReflectorSource, fileSource, flagSource, runReflector } from "./index.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const prefix = (text: string) => parseCidr(text) ?? assert.fail(text);

/** Something that is waited for: looked at again whenever anything has happened. */
class Condition {
  readonly #waiting = new Set<() => void>();

  changed(): void {
    for (const look of this.#waiting) look();
  }

  until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (!holds()) return;
      this.#waiting.delete(look);
      resolve();
    };
    this.#waiting.add(look);
    look();
    return promise;
  }
}

type Client = {
  readonly speaker: Speaker;
  readonly table: Map<string, RouteUpdate>;
  readonly peers: Map<string, PeerStatus>;
};

/** A network of one reflector and clients on loopback addresses of this test's own. */
class Net {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), "tortie-rr-"));
  readonly condition = new Condition();
  readonly log: string[] = [];
  readonly #context: TestContext;
  #reflector: { controller: AbortController; ended: Promise<void> } | undefined;

  constructor(context: TestContext, port: number) {
    this.#context = context;
    this.port = port;
    context.after(async () => {
      await this.stop();
      rmSync(this.folder, { recursive: true });
    });
  }

  get socket(): string {
    return join(this.folder, "reflector.sock");
  }

  settings(more: Partial<ReflectorSettings> = {}): ReflectorSettings {
    return {
      asNumber: 64512,
      routerId: address("10.0.0.1"),
      clusterId: address("10.0.0.99"),
      listen: { port: this.port, addresses: [address("127.0.0.1")] },
      clients: [{ name: "clients", prefix: prefix("127.0.0.0/8"), maxClients: 3, restartTimeSeconds: 120 }],
      peers: [],
      ...more,
    };
  }

  get logger(): Logger {
    const note = (text: string) => {
      this.log.push(text);
      this.condition.changed();
    };
    return { ...silentLogger, info: note, warn: note, error: note };
  }

  start(source: ReflectorSource = flagSource(this.settings()), shutdownText?: string): void {
    const controller = new AbortController();
    const ended = runReflector({
      source,
      socket: { path: this.socket, isRequired: true },
      shutdownText,
      log: this.logger,
      random: seededRandom(1),
      signal: controller.signal,
    });
    this.#reflector = { controller, ended };
  }

  async stop(): Promise<void> {
    this.#reflector?.controller.abort();
    await this.#reflector?.ended;
    this.#reflector = undefined;
  }

  /** Announces 10.NUMBER.0.0/26 and fd00:NUMBER::/122. */
  async client(number: number): Promise<Client> {
    const own = address(`127.0.0.${number}`);
    const config: SpeakerConfig = {
      localAs: 64512,
      routerId: address(`10.0.0.${number}`),
      listenPort: this.port,
      listenAddresses: [own],
      restartTimeSeconds: 120,
      exportWithin: "all",
      nextHop6: address(`2001:db8::${number}`),
      peers: [
        {
          name: "rr",
          type: "nodePeer",
          address: address("127.0.0.1"),
          port: this.port,
          localAddress: own,
          asNumber: "internal",
          isPassive: false,
          families: allFamilies,
          nextHopMode: "auto",
        },
      ],
    };
    const table = new Map<string, RouteUpdate>();
    const peers = new Map<string, PeerStatus>();
    const speaker = await openSpeaker({
      config,
      isRestart: false,
      log: silentLogger,
      random: seededRandom(number),
      signal: new AbortController().signal,
      onRoutes: (updates) => {
        for (const update of updates) {
          if (update.paths.length > 0) table.set(update.prefix, update);
          else table.delete(update.prefix);
        }
        this.condition.changed();
      },
      onPeer: (status) => {
        peers.set(status.name, status);
        this.condition.changed();
      },
      onRestartEnd: () => undefined,
    });
    this.#context.after(() => speaker[Symbol.asyncDispose]());
    speaker.originate([
      { prefix: prefix(`10.${number}.0.0/26`), localPref: 200 },
      { prefix: prefix(`fd00:${number}::/122`), localPref: 200 },
    ]);
    return { speaker, table, peers };
  }
}

test("routes of one client reach the others unchanged but for ORIGINATOR_ID and CLUSTER_LIST, and never come back", async (context) => {
  const net = new Net(context, 21801);
  net.start();
  const [a, b, c] = [await net.client(11), await net.client(12), await net.client(13)];
  await net.condition.until(() => [a, b, c].every(({ table }) => table.size === 4));
  const rows = new Map([...b.speaker.routes()].map((row) => [String(row.prefix), row]));
  for (const [text, nextHop] of [
    ["10.11.0.0/26", "127.0.0.11"],
    ["fd00:11::/122", "2001:db8::11"],
    ["10.13.0.0/26", "127.0.0.13"],
  ]) {
    const [path] = rows.get(text ?? "")?.paths ?? [];
    assert.equal(path?.nextHop, nextHop);
    assert.deepEqual(path?.clusterList, ["10.0.0.99"]);
    assert.equal(path?.localPref, 200);
  }
  assert.equal(rows.get("10.11.0.0/26")?.paths[0]?.originatorId, "10.0.0.11");
  // Its own route is there once: as its own.
  assert.deepEqual(
    rows.get("10.12.0.0/26")?.paths.map(({ peer }) => peer),
    [undefined],
  );

  const { neighbors } = (await askAgent(net.socket, "GET", "/v1/bgp/neighbors")) as { neighbors: PeerStatus[] };
  assert.deepEqual(
    neighbors.map(({ name, state, isReflectorClient, prefixesReceived, prefixesSent }) => [
      name,
      state,
      isReflectorClient,
      prefixesReceived,
      prefixesSent,
    ]),
    [11, 12, 13].map((number) => [`clients/127.0.0.${number}`, "established", true, 2, 4]),
  );
  const told: unknown[] = [];
  for await (const row of askAgentLines(net.socket, "/v1/bgp/advertised?peer=127.0.0.12")) told.push(row);
  assert.deepEqual(told.map((row) => (row as { prefix: string }).prefix).toSorted(), [
    "10.11.0.0/26",
    "10.13.0.0/26",
    "fd00:11::/122",
    "fd00:13::/122",
  ]);
  const heard: unknown[] = [];
  for await (const row of askAgentLines(net.socket, "/v1/bgp/received?peer=127.0.0.12")) heard.push(row);
  assert.equal(heard.length, 2);

  await b.speaker.shutDown();
  await net.condition.until(() => a.table.size === 2 && c.table.size === 2);
});

test("a reflector that is restarted finds its clients as it left them: nothing is withdrawn meanwhile", async (context) => {
  const net = new Net(context, 21802);
  net.start();
  const [a, b] = [await net.client(21), await net.client(22)];
  await net.condition.until(() => a.table.size === 2 && b.table.size === 2);
  let smallest = 2;
  void net.condition.until(() => {
    smallest = Math.min(smallest, a.table.size, b.table.size);
    return false;
  });
  await net.stop();
  await net.condition.until(() => [a, b].every(({ peers }) => peers.get("rr")?.state !== "established"));
  assert.ok([...a.speaker.routes()].some(({ paths }) => paths.some(({ isStale }) => isStale)));
  net.start();
  await net.condition.until(() => [a, b].every(({ peers }) => peers.get("rr")?.state === "established"));
  await net.client(23);
  await net.condition.until(() => a.table.size === 4 && b.table.size === 4);
  assert.equal(smallest, 2);
});

test("a reflector that leaves for good says so, in the words it was given, and its routes go at once", async (context) => {
  const net = new Net(context, 21803);
  net.start(flagSource(net.settings()), "moved to rack 7");
  const [a, b] = [await net.client(31), await net.client(32)];
  await net.condition.until(() => a.table.size === 2 && b.table.size === 2);
  await net.stop();
  await net.condition.until(() => a.table.size === 0 && b.table.size === 0);
  assert.match(a.peers.get("rr")?.lastError ?? "", /administrative shutdown \(moved to rack 7\)/);
});

test("no more clients are taken than are allowed", async (context) => {
  const net = new Net(context, 21804);
  net.start();
  const clients = [await net.client(41), await net.client(42), await net.client(43)];
  await net.condition.until(() => clients.every(({ table }) => table.size === 4));
  await net.client(44);
  await net.condition.until(() => net.log.includes("no more peers are taken from the range"));
  const { neighbors } = (await askAgent(net.socket, "GET", "/v1/bgp/neighbors")) as { neighbors: PeerStatus[] };
  assert.equal(neighbors.length, 3);
});

test("a file that changes changes the reflector, sessions that stay the same stand, and a bad file changes nothing", async (context) => {
  const net = new Net(context, 21805);
  const path = join(net.folder, "reflector.yaml");
  const write = (more: string) =>
    writeFileSync(
      path,
      `{ asNumber: 64512, routerId: 10.0.0.1, listen: "127.0.0.1:${net.port}", clients: [{ name: hosts, prefix: 127.0.0.51/32 }${more}] }`,
    );
  write("");
  net.start(fileSource(path, net.logger));
  const a = await net.client(51);
  await net.condition.until(() => a.peers.get("rr")?.state === "established");
  const since = a.peers.get("rr")?.since;
  write(", { name: more, prefix: 127.0.0.52/31 }");
  await net.condition.until(() => net.log.includes("settings changed"));
  const b = await net.client(52);
  await net.condition.until(() => a.table.size === 2 && b.table.size === 2);
  write(", {");
  await net.condition.until(() => net.log.includes("the file cannot be used; the settings of before stay"));
  const c = await net.client(53);
  await net.condition.until(() => [a, b, c].every(({ table }) => table.size === 4));
  write("");
  await net.condition.until(() => a.table.size === 0);
  assert.deepEqual([a.peers.get("rr")?.state, a.peers.get("rr")?.since], ["established", since]);
});
