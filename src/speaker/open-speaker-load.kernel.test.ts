import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { OriginatedRoute, SpeakerConfig } from "../bgp/index.ts";
import { TcpSocket } from "../sys/index.ts";
import { address, eventually } from "./testing/linked-hosts.ts";
import { TestSpeaker, peer, prefix, speakerConfig } from "./testing/test-speaker.ts";

type Told = { readonly size: number; readonly isUp: boolean };

class ChildSpeaker implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor(config: SpeakerConfig) {
    this.#process = fork(new URL("testing/child-speaker.ts", import.meta.url), { serialization: "json" });
    this.#process.send({ config });
  }

  stop(): void {
    this.#process.kill("SIGSTOP");
  }

  goOn(): void {
    this.#process.kill("SIGCONT");
  }

  async ask(): Promise<Told> {
    this.#process.send("size");
    const [told] = await once(this.#process, "message");
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }
}

const ballast = Array.from({ length: 120 }, (_, i) => i + 1);

/** Each of its own attributes, so that each is a message of its own. */
function routes(count: number, from = 0): OriginatedRoute[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return {
      prefix: prefix(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`),
      localPref: 100 + n,
      communities: [n, ...ballast],
    };
  });
}

test("who does not read gets in the end what counts then, and keeps nobody waiting", async () => {
  const blocked = new Set<unknown>();
  await using left = await TestSpeaker.open(
    speakerConfig(31, {
      listenAddresses: [address("127.0.0.31")],
      peers: [peer("127.0.0.32", { isPassive: true }), peer("127.0.0.33", { isPassive: true })],
    }),
    {
      record(line) {
        const { input } = JSON.parse(line);
        if (input?.type === "blocked") blocked.add(input.connection);
        else if (input?.type === "drained") blocked.delete(input.connection);
      },
    },
  );
  const client = (number: number) =>
    speakerConfig(number, {
      listenAddresses: [address(`127.0.0.${number}`)],
      peers: [peer("127.0.0.31", { localAddress: address(`127.0.0.${number}`) })],
    });
  await using quick = await TestSpeaker.open(client(32));
  await using slow = new ChildSpeaker(client(33));
  await eventually("both", () => left.isUp("127.0.0.32") && left.isUp("127.0.0.33"));
  slow.stop();
  // More than any buffer holds, and most of it is of no interest any more when it reads again.
  for (let round = 0; round < 3; round++) {
    const now = routes(10_000, round * 10_000);
    left.speaker.originate(now);
    await eventually(
      "the routes of now at the quick one",
      () => quick.table.size === now.length && now.every(({ prefix }) => quick.table.has(prefix)),
    );
  }
  left.speaker.originate(routes(500, 7));
  await eventually("few routes", () => quick.table.size === 500);
  assert.equal(blocked.size, 1);
  slow.goOn();
  let told: Told = { size: -1, isUp: false };
  await eventually("the same at the slow one", async () => {
    told = await slow.ask();
    return told.size === 500;
  });
  assert.equal(blocked.size, 0);
  assert.ok(told.isUp);
  assert.ok(left.isUp("127.0.0.33") && left.isUp("127.0.0.32"));
});

/** Says OPEN, then a KEEPALIVE every 300 ms, and reads nothing into what it hears. */
const deafPeer = `
  const marker = "ff".repeat(16);
  const open = Buffer.from(marker + "002b01" + "04fc000003c000022a" + "0e" + "020c" + "010400010001" + "4104" + "0000fc00", "hex");
  const keepalive = Buffer.from(marker + "001304", "hex");
  const socket = require("node:net").connect({ host: "127.0.0.34", port: 179, localAddress: "127.0.0.42" });
  socket.on("connect", () => socket.write(Buffer.concat([open, keepalive])));
  socket.on("error", () => process.exit(1));
  socket.on("close", () => process.exit(2));
  socket.resume();
  setInterval(() => socket.write(keepalive), 300);
`;

test("a session survives that we were busy for longer than its hold time, if the peer was not", async () => {
  await using left = await TestSpeaker.open(
    speakerConfig(34, {
      listenAddresses: [address("127.0.0.34")],
      peers: [peer("127.0.0.42", { isPassive: true, holdTimeSeconds: 3 })],
    }),
  );
  const child = spawn(process.execPath, ["-e", deafPeer], { stdio: ["ignore", "ignore", "inherit"] });
  const { promise: exit, resolve } = Promise.withResolvers<unknown>();
  child.once("exit", resolve);
  try {
    await left.untilUp();
    assert.equal(left.status()?.holdTimeMs, 3000);
    const end = performance.now() + 4000;
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.ok(left.isUp(), left.status()?.lastError ?? "there is no peer");
    child.kill("SIGSTOP");
    await left.untilDown();
    assert.match(left.status()?.lastError ?? "", /hold timer/i);
  } finally {
    child.kill("SIGKILL");
    await exit;
  }
});

test("a flood of strangers costs no session, no socket and hardly a line in the log", async () => {
  await using left = await TestSpeaker.open(
    speakerConfig(35, { listenAddresses: [address("127.0.0.35")], peers: [peer("127.0.0.36", { isPassive: true })] }),
  );
  await using right = await TestSpeaker.open(
    speakerConfig(36, {
      listenAddresses: [address("127.0.0.36")],
      peers: [peer("127.0.0.35", { localAddress: address("127.0.0.36"), holdTimeSeconds: 3 })],
    }),
  );
  await right.untilUp();
  for (let round = 0; round < 50; round++) {
    const strangers = Array.from({ length: 200 }, () =>
      TcpSocket.connect({ remote: address("127.0.0.35"), port: 179 }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    for (const stranger of strangers) stranger[Symbol.dispose]();
  }
  right.originate("10.1.0.0/24");
  await eventually("the route", () => left.table.size === 1);
  assert.equal(left.states.filter(({ state }) => state === "established").length, 1);
  assert.ok(left.lines.filter((line) => /unknown peer/.test(line)).length <= 2, left.lines.join("\n"));
});
