import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerStatus, RibRow } from "../bgp/index.ts";
import { parseAddress, parseCidr } from "../lib/index.ts";
import { type BgpView, answerBgp } from "./answer-bgp.ts";

const address = (text: string) => parseAddress(text) ?? assert.fail(text);
const prefix = (text: string) => parseCidr(text) ?? assert.fail(text);
const nowMs = 10_000;

function peer(name: string, at: string): PeerStatus {
  return {
    name,
    address: address(at),
    port: 179,
    type: "dynamic",
    asNumber: 64512,
    state: "established",
    since: 4_000.4,
    uptimeMs: 0,
    families: ["ipv4-unicast"],
    prefixesReceived: 0,
    prefixesSent: 0,
    isRestarting: false,
    isReflectorClient: true,
    holdTimeMs: 90_000,
    capabilities: [],
    messagesReceived: 0,
    messagesSent: 0,
    prefixesRefused: 0,
    lastError: "",
  };
}

const row = (text: string): RibRow => ({ prefix: prefix(text), decidedBy: "onlyPath", paths: [] });

function view(peers: readonly PeerStatus[], rows: readonly string[]): BgpView {
  return {
    localAs: 64512,
    routerId: address("10.0.0.1"),
    status: () => peers,
    routes: ({ family, prefix: wanted }) =>
      rows
        .filter((text) => wanted === undefined || text === wanted)
        .filter((text) => family === undefined || text.includes(":") === (family === "ipv6-unicast"))
        .map(row),
    received: (name) => [row(name === "clients/10.0.0.9" ? "10.9.0.0/26" : "10.1.0.0/26"), row("fd00::/64")],
    advertised: () => [row("10.2.0.0/26")],
  };
}

const peers = [peer("clients/10.0.0.9", "10.0.0.9"), peer("rr-2", "10.0.0.2"), peer("rr-2-again", "10.0.0.2")];

function ask(path: string, asked: BgpView | undefined = view(peers, [])) {
  return answerBgp("GET", path, asked, nowMs) ?? assert.fail(`${path} is no question`);
}

function prefixesOf(path: string, asked?: BgpView): string[] {
  const answer = ask(path, asked);
  assert.ok("lines" in answer, JSON.stringify(answer));
  return [...answer.lines].map((line) => String((line as RibRow).prefix));
}

test("neighbors come by address, with the time since their last change", () => {
  const answer = ask("/v1/bgp/neighbors");
  assert.ok("body" in answer);
  const { localAs, neighbors } = answer.body as { localAs: number; neighbors: PeerStatus[] };
  assert.equal(localAs, 64512);
  assert.deepEqual(
    neighbors.map(({ name, since }) => [name, since]),
    [
      ["rr-2", 6000],
      ["rr-2-again", 6000],
      ["clients/10.0.0.9", 6000],
    ],
  );
});

test("a peer goes by its name, and by its address where that is its alone", () => {
  assert.deepEqual(prefixesOf("/v1/bgp/received?peer=clients/10.0.0.9"), ["10.9.0.0/26", "fd00::/64"]);
  assert.deepEqual(prefixesOf("/v1/bgp/received?peer=10.0.0.9&family=ipv6-unicast"), ["fd00::/64"]);
  assert.deepEqual(prefixesOf("/v1/bgp/advertised?peer=rr-2"), ["10.2.0.0/26"]);
  assert.deepEqual(ask("/v1/bgp/advertised?peer=10.0.0.2"), {
    status: 400,
    body: {
      error: {
        code: "TT_USAGE",
        message: "10.0.0.2: there are several sessions with it",
        hint: "name one of rr-2, rr-2-again",
      },
    },
  });
});

test("who is asked about a peer that is not there names those that are", () => {
  for (const question of ["neighbors", "received", "advertised"]) {
    assert.deepEqual(ask(`/v1/bgp/${question}?peer=rr-3`), {
      status: 404,
      body: {
        error: {
          code: "TT_USAGE",
          message: "there is no peer rr-3",
          hint: "there are clients/10.0.0.9, rr-2, rr-2-again",
        },
      },
    });
  }
  const many = Array.from({ length: 1000 }, (_, i) =>
    peer(`p${String(i).padStart(3, "0")}`, `10.1.${i >> 8}.${i & 255}`),
  );
  const { body } = ask("/v1/bgp/received?peer=x", view(many, [])) as { body: { error: { hint: string } } };
  assert.match(body.error.hint, /^there are p000, p001, .*, p009 and 990 more$/);
  const none = ask("/v1/bgp/received?peer=x", view([], [])) as { body: { error: { hint: string } } };
  assert.equal(none.body.error.hint, "there is no peer at all");
});

test("a route is found by any prefix or address that it covers", () => {
  const table = view([], ["0.0.0.0/0", "10.0.0.0/8", "10.65.0.0/26", "10.65.0.64/26", "::/0", "fd00:65::/64"]);
  const covering = (text: string) => prefixesOf(`/v1/bgp/routes?covering=${text}`, table);
  assert.deepEqual(covering("10.65.0.7"), ["10.65.0.0/26", "10.0.0.0/8", "0.0.0.0/0"]);
  assert.deepEqual(covering("10.65.0.0/25"), ["10.0.0.0/8", "0.0.0.0/0"]);
  assert.deepEqual(covering("fd00:65::1"), ["fd00:65::/64", "::/0"]);
  assert.equal(prefixesOf("/v1/bgp/routes?family=ipv6-unicast", table).length, 2);
  const refused = ask("/v1/bgp/routes?covering=10.65", table);
  assert.equal(refused.status, 400);
});

test("what is no question about BGP is left to others; without a speaker every question is told so", () => {
  assert.equal(answerBgp("GET", "/v1/status", view([], []), 0), undefined);
  assert.equal(answerBgp("POST", "/v1/bgp/neighbors", view([], []), 0), undefined);
  assert.equal(answerBgp("GET", "/v1/bgp/constructor", view([], []), 0), undefined);
  assert.equal(answerBgp("GET", "/v1/bgp/routes", undefined, 0)?.status, 503);
});
