import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TortieError } from "../lib/index.ts";
import { readReflectorFile } from "./reflector-file.ts";
import { speakerConfig } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "tortie-reflector-"));
after(() => rmSync(folder, { recursive: true }));

function write(text: string, name = "reflector.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const least = `
asNumber: 64512
routerId: 10.0.0.1
listen: "[::]:179"
clients: [{ name: hosts, prefix: 10.0.0.0/8 }]
`;

test("the least that a file may say makes a reflector for a range of clients, of both families", () => {
  assert.deepEqual(speakerConfig(readReflectorFile(write(least))), {
    localAs: 64512,
    routerId: "10.0.0.1",
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all",
    isPolicyRequired: true,
    peers: [],
    ranges: [
      {
        name: "hosts",
        prefix: "10.0.0.0/8",
        maxPeers: 10_000,
        session: {
          type: "dynamic",
          port: 179,
          asNumber: "internal",
          isPassive: false,
          families: ["ipv4-unicast", "ipv6-unicast"],
          nextHopMode: "auto",
          restartTimeSeconds: 120,
          reflectorCluster: "10.0.0.1",
        },
      },
    ],
  });
});

test("all that a file may say becomes settings of sessions; what one does not say is taken from the defaults", () => {
  write("s3cret\n", "password");
  const config = speakerConfig(
    readReflectorFile(
      write(`
asNumber: "1.10"
routerId: 10.0.0.1
clusterId: 10.0.0.99
listen: [10.0.0.1:1179, "[2001:db8::1]:1179"]
reflectWithin: [10.65.0.0/16, fd00:65::/64]
defaults: { holdTime: 30s, addPath: 4, longLivedStaleTime: 24h, import: only-blocks, passwordFile: password }
clients:
  - { name: hosts, prefix: 10.0.0.0/16, max: 100, maxPrefixes: 1000 }
  - { name: links, prefix: fe80::/64, link: eth0, families: [ipv6], addPath: 1 }
peers:
  - { name: rr-2, address: 10.0.0.2, port: 1179, localAddress: 10.0.0.1, passive: true }
  - name: tor
    address: 2001:db8::ff
    asNumber: 64601
    nextHop: self
    ttlSecurity: 1
    holdTime: 0s
    bfd: { interval: 50ms, multiplier: 5, multihop: false }
    export: all
policies:
  - name: only-blocks
    rules:
      - match: { prefixes: [{ prefix: 10.65.0.0/16, from: 26 }, { prefix: fd00:65::/64 }], communities: ["64512:1", "1:2:3"] }
        set: { localPref: 200, addCommunities: ["64512:7"], removeCommunities: ["64512:1:2"], prepend: [64512], med: 0 }
        action: accept
      - { match: { asPathPrefix: [64601], internal: false }, action: next }
  - { name: all, rules: [], otherwise: accept }
`),
    ),
  );
  const [hosts, links] = config.ranges ?? [];
  const [second, tor] = config.peers;
  assert.equal(config.localAs, 65546);
  assert.deepEqual([config.listenPort, config.listenAddresses], [1179, ["10.0.0.1", "2001:db8::1"]]);
  assert.deepEqual(config.exportWithin, ["10.65.0.0/16", "fd00:65::/64"]);
  assert.deepEqual(hosts?.session, {
    type: "dynamic",
    port: 179,
    asNumber: "internal",
    isPassive: false,
    families: ["ipv4-unicast", "ipv6-unicast"],
    nextHopMode: "auto",
    holdTimeSeconds: 30,
    restartTimeSeconds: 120,
    longLivedStaleSeconds: 86_400,
    addPath: { canSend: true, canReceive: true, maxSent: 4 },
    password: "s3cret",
    maxPrefixes: { count: 1000, action: "end" },
    importPolicy: {
      name: "only-blocks",
      otherwise: "reject",
      rules: [
        {
          match: {
            prefixes: [
              { prefix: "10.65.0.0/16", minLength: 26, maxLength: 32 },
              { prefix: "fd00:65::/64", minLength: 64, maxLength: 64 },
            ],
            communities: [64512 * 65536 + 1],
            largeCommunities: [[1, 2, 3]],
          },
          action: "accept",
          set: {
            localPref: 200,
            med: 0,
            addCommunities: [64512 * 65536 + 7],
            removeLargeCommunities: [[64512, 1, 2]],
            prepend: [64512],
          },
        },
        { match: { asPathPrefix: [64601], isFromInternal: false }, action: "next" },
      ],
    },
    reflectorCluster: "10.0.0.99",
  });
  assert.deepEqual(
    [links?.linkName, links?.session.families, links?.session.addPath],
    ["eth0", ["ipv6-unicast"], undefined],
  );
  assert.deepEqual([second?.asNumber, second?.isPassive, second?.reflectorCluster], ["internal", true, undefined]);
  assert.deepEqual(
    [tor?.ttlSecurityHops, tor?.nextHopMode, tor?.holdTimeSeconds, tor?.exportPolicy?.name],
    [1, "self", 0, "all"],
  );
  assert.deepEqual(tor?.bfd, { minTxMs: 50, minRxMs: 50, multiplier: 5, isMultihop: false });
});

const mistakes: readonly (readonly [name: string, text: string, words: RegExp])[] = [
  ["no YAML", "clients: [", /reflector\.yaml, line 1, column \d+: not YAML: .* \(mend the line\)$/],
  ["nothing", "", /reflector\.yaml: must be an object, not nothing$/],
  ["no AS number", least.replace("asNumber: 64512", ""), /: asNumber: nothing is no AS number \(write a number/],
  ["an AS number of 0", least.replace("64512", "0"), /: asNumber: must not be 0$/],
  [
    "a bad router id",
    least.replace("10.0.0.1", "fd00::1"),
    /: routerId: "fd00::1" is no IPv4 address \(write it like 192\.0\.2\.1\)$/,
  ],
  [
    "an unknown member",
    `${least}restartTme: 5s\n`,
    /: restartTme: unknown field \(did you mean .*\)$|: restartTme: unknown field \(there are /,
  ],
  [
    "a bad place to listen",
    least.replace('"[::]:179"', "10.0.0.1"),
    /: listen: "10\.0\.0\.1" is no address with a port \(write it like 192\.0\.2\.1:179/,
  ],
  ["no place to listen", least.replace(/listen.*/, ""), /: listen: is missing \(write it like 192\.0\.2\.1:179\)$/],
  [
    "two ports",
    least.replace('"[::]:179"', '["10.0.0.1:1", "10.0.0.2:2"]'),
    /: listen: ports 1 and 2 differ \(use one port/,
  ],
  ["no clients", least.replace(/clients.*/, ""), /: clients: is missing \(name the prefixes/],
  [
    "host bits",
    least.replace("10.0.0.0/8", "10.0.0.1/8"),
    /: clients\[0\]\.prefix: "10\.0\.0\.1\/8" has bits set .* \(write 10\.0\.0\.0\/8\)$/,
  ],
  [
    "a hold time of 2 s",
    least.replace("prefix:", "holdTime: 2s, prefix:"),
    /: clients\[0\]\.holdTime: 2s is not in whole seconds from 3s to 65535s, or 0s for none$/,
  ],
  [
    "a number for a duration",
    least.replace("prefix:", "restartTime: 120, prefix:"),
    /: clients\[0\]\.restartTime: must be text, not the number 120 \(put it in quotes\)$/,
  ],
  [
    "an unknown policy",
    least.replace("prefix:", "import: x, prefix:"),
    /: clients\[0\]\.import: there is no policy "x" \(write it under policies\)$/,
  ],
  [
    "a password file that is not there",
    least.replace("prefix:", "passwordFile: no, prefix:"),
    /: clients\[0\]\.passwordFile: .*\/no cannot be read \(ENOENT\)$/,
  ],
  [
    "a peer's bad AS number",
    `${least}peers: [{ name: a, address: 10.0.0.2, asNumber: mine }]`,
    /: peers\[0\]\.asNumber: is no AS number \(write internal, external, or a number/,
  ],
  [
    "two peers of one name",
    `${least}peers: [{ name: a, address: 10.0.0.2 }, { name: a, address: 10.0.0.3 }]`,
    /: peers\[1\]\.name: "a" is taken by peers\[0\] \(give each its own\)$/,
  ],
  [
    "a local address of the other version",
    `${least}peers: [{ name: a, address: 10.0.0.2, localAddress: "::1" }]`,
    /: peers\[0\]\.localAddress: must be of the IP version of 10\.0\.0\.2$/,
  ],
  ["several mistakes", "asNumber: 64512", /: routerId: is missing.*, and \d more$/],
];

for (const [name, text, words] of mistakes) {
  test(`a file with ${name} is refused in one line that names the place and what to do`, () => {
    assert.throws(
      () => readReflectorFile(write(text)),
      (error) => {
        assert.ok(error instanceof TortieError && error.code === "TT_CONFIG");
        const line = error.hint === "" ? error.message : `${error.message} (${error.hint})`;
        assert.match(line, words);
        return !line.includes("\n");
      },
    );
  });
}

test("a password is in no error", () => {
  write(`${"long-secret".repeat(8)}\n`, "password");
  const text = least.replace("prefix:", "passwordFile: password, prefix:");
  assert.throws(
    () => readReflectorFile(write(text)),
    (error) =>
      error instanceof TortieError &&
      /88 octets \(use at most 80\)/.test(error.message) &&
      !error.message.includes("secret"),
  );
});

for (const page of ["docs/operate/reflector.md", "docs/reference/bgp.md"]) {
  test(`the file that ${page} shows is one`, () => {
    write("secret", "bgp-password");
    const [, text] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(page, "utf8")) ?? [];
    const { clients, peers } = readReflectorFile(write(text ?? assert.fail("no file")));
    assert.ok(clients.length > 0 && peers.length > 0);
  });
}

test("docs/reference/bgp.md shows every member that a file may have", () => {
  const page = readFileSync("docs/reference/bgp.md", "utf8");
  const schema = readFileSync("src/reflector/file-schema.ts", "utf8");
  const names = [...schema.matchAll(/([a-zA-Z]+): optional\(/g)].map(([, name = ""]) => name);
  assert.ok(names.length > 30);
  for (const name of new Set(names)) assert.match(page, new RegExp(`(^|[ {])${name}:`, "m"), name);
});
