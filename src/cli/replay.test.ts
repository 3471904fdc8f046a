import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type SpeakerConfig, allFamilies } from "../bgp/index.ts";
import { parseAddress, parseCidr, seededRandom, silentLogger } from "../lib/index.ts";
import { openSpeaker } from "../speaker/index.ts";
import { BadInput } from "./failure.ts";
import { runCli } from "./main.ts";
import { replayFile } from "./replay-file.ts";
import { describeReplay } from "./replay-report.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const prefix = (text: string) => parseCidr(text) ?? assert.fail(text);
const folder = mkdtempSync(join(tmpdir(), "tortie-replay-"));
const recording = join(folder, "recording");
const port = 21811;

function config(own: string, remote: string, isPassive: boolean): SpeakerConfig {
  return {
    localAs: 64512,
    routerId: address(own),
    listenPort: port,
    listenAddresses: [address(own)],
    restartTimeSeconds: 120,
    exportWithin: "all",
    nextHop6: address(`2001:db8::${own.split(".").at(-1)}`),
    peers: [
      {
        name: `peer-${remote}`,
        type: "nodePeer",
        address: address(remote),
        port,
        localAddress: address(own),
        asNumber: 64512,
        isPassive,
        families: allFamilies,
        nextHopMode: "auto",
        // Loopback takes MD5 signatures like any link.
        password: "canary",
      },
    ],
  };
}

/** Two speakers on loopback exchange 30 IPv4 and 30 IPv6 routes; what happens to the first is written down. */
before(async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const lines: string[] = [];
  const shared = {
    isRestart: false,
    log: silentLogger,
    signal: new AbortController().signal,
    onRestartEnd: () => undefined,
  };
  await using first = await openSpeaker({
    ...shared,
    config: config("127.0.0.81", "127.0.0.82", true),
    random: seededRandom(1),
    record: (line) => lines.push(line),
    onRoutes: (updates) => {
      if (updates.some((update) => update.prefix === "fd00::29/128")) resolve();
    },
    onPeer: () => undefined,
  });
  await using second = await openSpeaker({
    ...shared,
    config: config("127.0.0.82", "127.0.0.81", false),
    random: seededRandom(2),
    onPeer: () => undefined,
  });
  first.originate([]);
  second.originate(
    Array.from({ length: 30 }, (_, i) => [`10.0.0.${i}/32`, `fd00::${i}/128`])
      .flat()
      .map((text) => ({ prefix: prefix(text === "fd00::0/128" ? "fd00::30/128" : text), localPref: 100 })),
  );
  await promise;
  writeFileSync(recording, `${lines.join("\n")}\n`);
});

after(() => rmSync(folder, { recursive: true }));

test("a recording tells what happened, does the same each time it is replayed, and holds no password", async () => {
  const [once, again] = [await replayFile(recording, () => undefined), await replayFile(recording, () => undefined)];
  assert.equal(once.hash, again.hash);
  assert.deepEqual(once.routes, { ipv4: 30, ipv6: 30 });
  assert.deepEqual(
    once.sessions.map(({ status, ups, downs }) => [status.name, status.state, ups, downs]),
    [["peer-127.0.0.82", "established", 1, 0]],
  );
  assert.equal(once.inputs["configure"], 1);
  assert.ok(once.bytesReceived > 500 && once.bytesSent > 50);
  assert.equal(readFileSync(recording, "utf8").includes("canary"), false);
  const text = describeReplay(once);
  assert.match(text, /^\d+s of a speaker\n {2}inputs +\d+ \(.*1 configure.*\)\n/);
  assert.match(text, /routes +30 IPv4 and 30 IPv6 prefixes at the end/);
  assert.match(text, /^peer-127\.0\.0\.82 +established +\d+s +1 +0$/m);
});

test("other octets make another hash", async () => {
  const other = join(folder, "other");
  const text = readFileSync(recording, "utf8");
  // The router id in the peer's OPEN.
  writeFileSync(other, text.replace("7f000052", "7f000053"));
  assert.notEqual((await replayFile(other, () => undefined)).hash, (await replayFile(recording, () => undefined)).hash);
});

test("a last line that is cut off is passed over, a broken one in the middle is not", async () => {
  const text = readFileSync(recording, "utf8");
  const cut = join(folder, "cut");
  writeFileSync(cut, `${text}{"atMs":1,"inp`);
  const report = await replayFile(cut, () => undefined);
  assert.equal(report.isCutOff, true);
  assert.match(describeReplay(report), /^\d+s of a speaker; the last line is cut off and was passed over\n/);
  writeFileSync(cut, text.replace("\n", "\n{\n"));
  await assert.rejects(() => replayFile(cut, () => undefined), /cut, line 2: the line is no JSON object/);
});

test("what is no recording is refused in one line", async () => {
  const path = join(folder, "none");
  for (const [text, words] of [
    ["", /none, line 1: the file is empty/],
    ["hello\n", /none, line 1: the line is no JSON object \(give a file that was recorded by tortie\)/],
    ['{"type":"start","version":99}\n', /none, line 1: version: is 99 \(this program reads version 1\)/],
    ['{"atMs":1,"input":{"type":"turn"}}\n', /none, line 1: the recording does not begin with its start/],
  ] as const) {
    writeFileSync(path, text);
    await assert.rejects(
      () => replayFile(path, () => undefined),
      (error) => error instanceof BadInput && words.test(error.message),
    );
  }
  await assert.rejects(() => replayFile(join(folder, "no"), () => undefined), /no: cannot be read \(ENOENT\)/);
  await assert.rejects(() => replayFile(folder, () => undefined), /is no file/);
});

test("tortie replay prints the report, or JSON", async (context) => {
  const lines: string[] = [];
  context.mock.method(console, "log", (text: string) => lines.push(text));
  assert.equal(await runCli(["replay", recording]), 0);
  assert.equal(await runCli(["replay", recording, "-o", "json"]), 0);
  assert.match(lines[0] ?? "", /hash {6}[0-9a-f]{64}/);
  assert.equal(JSON.parse(lines[1] ?? "").routes.ipv4, 30);
});
