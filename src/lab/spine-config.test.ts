import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeLab } from "./decode-lab.ts";
import { planLab } from "./plan-lab.ts";
import { decodeSpineConfig, originatedRoutes, speakerConfig } from "./spine-config.ts";

const decoded = decodeLab({ name: "t", fabric: { type: "spines" }, hosts: [{ name: "a" }, { name: "b" }] });
const { parts } = planLab(decoded.ok ? decoded.value : assert.fail(), { numbers: new Map(), isBare: true });
const config = parts.flatMap((part) => (part.type === "process" && part.config !== undefined ? [part.config] : []))[1]!;

test("a spine's configuration survives its file", () => {
  assert.deepEqual(decodeSpineConfig(JSON.parse(JSON.stringify(config))), { ok: true, value: config });
});

test("a spine waits for each host on each address of their link", () => {
  const { peers, ...rest } = speakerConfig(config);
  assert.deepEqual(rest, {
    localAs: 65000,
    routerId: "172.31.16.1",
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all",
  });
  assert.deepEqual(
    peers.map(({ name, address, localAddress, asNumber, families, isPassive }) => [
      name,
      address,
      localAddress,
      asNumber,
      families,
      isPassive,
    ]),
    [
      ["a-v4", "172.31.16.3", "172.31.16.2", 4200000001, ["ipv4-unicast"], true],
      ["a-v6", "fd00:31:0:2::3", "fd00:31:0:2::2", 4200000001, ["ipv6-unicast"], true],
      ["b-v4", "172.31.16.5", "172.31.16.4", 4200000002, ["ipv4-unicast"], true],
      ["b-v6", "fd00:31:0:2::5", "fd00:31:0:2::4", 4200000002, ["ipv6-unicast"], true],
    ],
  );
});

test("a spine announces its links and the hosts' own addresses", () => {
  assert.deepEqual(
    originatedRoutes(config).map(({ prefix }) => prefix),
    ["172.31.16.0/20", "fd00:31:0:2::/64", "172.30.0.1/32", "fd00:30::1/128", "172.30.0.2/32", "fd00:30::2/128"],
  );
});

test("any JSON is answered without an exception", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      decodeSpineConfig(json);
      decodeSpineConfig({ ...config, sessions: json });
    }),
  );
});
