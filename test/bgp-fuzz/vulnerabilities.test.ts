import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena, slots } from "./arena.ts";
import { type Vulnerability, basics, externalAs, knownPrefix, knownPrefix6 } from "./vulnerability.ts";
import { openVulnerabilities } from "./vulnerable-open.ts";
import { updateVulnerabilities } from "./vulnerable-update.ts";
import { attributes as attr, capabilities, ip6, keepalive, open, prefix, update } from "./wire.ts";

const { fourOctetAs, multiprotocol, routeRefresh, extendedMessage } = capabilities;
const families = [multiprotocol(1, 1), multiprotocol(2, 1)];

/** Peers that the cases are sent by: the slot of the arena, their good OPEN and the routes they have told before. */
const senders = {
  external: {
    slot: "outer",
    opening: [
      open({
        asNumber: externalAs,
        routerId: "10.1.1.1",
        capabilities: [...families, fourOctetAs(externalAs), routeRefresh, extendedMessage],
      }),
      keepalive,
    ],
    known: [
      update({ attributes: basics(), nlri: prefix(knownPrefix) }),
      update({ attributes: [attr.mpReach(2, 1, ip6("2001:db8:ffff::23"), prefix(knownPrefix6)), basics()] }),
    ],
  },
  internal: {
    slot: "client",
    opening: [
      open({ asNumber: 64512, routerId: "10.1.1.2", capabilities: [...families, fourOctetAs(64512), routeRefresh] }),
      keepalive,
    ],
    known: [
      update({
        attributes: [attr.origin(0), attr.asPath(), attr.nextHop("192.0.2.21"), attr.localPref(100)],
        nlri: prefix(knownPrefix),
      }),
    ],
  },
  narrow: {
    slot: "narrow",
    opening: [open({ asNumber: 65002, routerId: "10.1.1.3", capabilities: [multiprotocol(1, 1)] }), keepalive],
    known: [
      update({
        attributes: [attr.origin(0), attr.narrowAsPath(["sequence", 65002]), attr.nextHop("192.0.2.24")],
        nlri: prefix(knownPrefix),
      }),
    ],
  },
} as const;

const connection = 0;

function play({ peer = "external", opening, messages = [] }: Vulnerability): Arena {
  const sender = senders[peer];
  const arena = new Arena(4, (run) => run(), true);
  const send = (bytes: Uint8Array) => {
    arena.apply({ do: "bytes", connection, bytes });
    arena.turn();
  };
  // A second peer that knows two-octet AS numbers only listens to what becomes of it.
  const narrow = slots.findIndex(({ name }) => name === "narrow");
  if (peer !== "narrow") {
    arena.apply({ do: "accept", slot: narrow, connection: 1 });
    for (const bytes of senders.narrow.opening) arena.apply({ do: "bytes", connection: 1, bytes });
  }
  arena.apply({ do: "accept", slot: slots.findIndex(({ name }) => name === sender.slot), connection });
  for (const bytes of opening ?? sender.opening) send(bytes);
  if (arena.fates.has(connection)) return arena;
  for (const bytes of [...sender.known, ...messages]) send(bytes);
  return arena;
}

function holds(arena: Arena, text: string): boolean {
  return arena.core.routes().some(({ prefix: one }) => one === text);
}

/** What the healthy client was told about the known prefix, as hexadecimal octets; undefined when nothing. */
function told(arena: Arena, name: string): string | undefined {
  const key = `4${Buffer.from(prefix(knownPrefix)).toString("latin1")}`;
  const text = arena.toldTo(name).get(key);
  return text === undefined ? undefined : Buffer.from(text, "latin1").toString("hex");
}

function typesIn(attributesHex: string): number[] {
  const bytes = Uint8Array.fromHex(attributesHex);
  const types: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    types.push(bytes[at + 1] ?? 0);
    const isWide = ((bytes[at] ?? 0) & 0x10) !== 0;
    at += isWide ? 4 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) : 3 + (bytes[at + 2] ?? 0);
  }
  return types;
}

for (const vulnerability of [...openVulnerabilities, ...updateVulnerabilities]) {
  const { id, title, outcome } = vulnerability;
  test(`${id}: ${title} harms nobody`, () => {
    const arena = play(vulnerability);
    const fate = arena.fates.get(connection);
    const word = fate?.notification;
    const session = fate === undefined ? "stays" : word === undefined ? "ends" : `${word.code}/${word.subcode}`;
    assert.equal(session, outcome.session);
    if (outcome.route !== undefined) assert.equal(holds(arena, knownPrefix), outcome.route === "kept");
    if (outcome.session !== "stays") assert.equal(holds(arena, knownPrefix) || holds(arena, knownPrefix6), false);
    const attributes = told(arena, "healthy1");
    if (outcome.route === "gone" || outcome.session !== "stays") assert.equal(attributes, undefined);
    if (outcome.passedOn !== undefined)
      assert.ok(attributes?.includes(outcome.passedOn.toHex()), attributes ?? "not told");
    if (outcome.notPassedOn !== undefined) {
      assert.equal(typesIn(attributes ?? "").includes(outcome.notPassedOn), false, attributes ?? "");
    }
    arena.checkHealthy();
    arena.checkRest();
  });
}

test("at least 25 of the inputs are of published vulnerabilities", () => {
  const ids = [...openVulnerabilities, ...updateVulnerabilities].flatMap(({ id }) => id.match(/CVE-\d+-\d+/g) ?? []);
  assert.ok(new Set(ids).size >= 25);
});
