import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerConfig } from "./config.ts";
import type { ScriptedPeer } from "./testing/scripted-peer.ts";
import { reflector } from "./testing/reflector.ts";

const reason = "its password is not there";

function duo(more: Partial<PeerConfig> = {}) {
  const all = reflector(2, { peer: () => more });
  const [a, b] = all.clients as [ScriptedPeer, ScriptedPeer];
  const change = (changed: Partial<PeerConfig>) => {
    all.stage.configure({
      peers: all.peers.map((peer) => (peer.address === a.address ? { ...peer, ...changed } : peer)),
    });
    all.stage.settle();
  };
  const status = () => all.stage.core.status(all.stage.nowMs).find(({ address }) => address === a.address);
  return { ...all, a, b, change, status };
}

test("a peer that is withheld has no session, is not heard, and tells why", () => {
  const { stage, a, b, change, status } = duo();
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  assert.deepEqual(b.prefixes(), ["10.0.0.0/24"]);
  change({ withheld: reason, isPassive: false });
  assert.deepEqual([a.isUp, b.prefixes(), b.isUp], [false, [], true]);
  assert.deepEqual(
    [status()?.state, status()?.lastError, status()?.isWithheld, stage.take("connect")],
    ["idle", reason, true, []],
  );
  a.connect();
  stage.pass(600_000);
  assert.equal(a.isUp, false);
  assert.deepEqual([status()?.state, stage.take("connect")], ["idle", []]);
  change({ isPassive: false });
  assert.equal(stage.take("connect").length, 1);
  a.connect();
  stage.settle();
  assert.deepEqual([status()?.state, status()?.isWithheld], ["established", undefined]);
});

test("another password goes to the connections of a session, which stands on", () => {
  const { stage, a, b, change } = duo({ password: "first" });
  const { connection } = a;
  a.announce(["10.0.0.0/24"]);
  stage.settle();
  stage.take("rekey");
  const before = b.updateCount;
  change({ password: "second" });
  assert.deepEqual(stage.take("rekey"), [{ type: "rekey", connection, password: "second" }]);
  change({ password: "second" });
  assert.deepEqual(stage.take("rekey"), []);
  assert.deepEqual([a.connection, b.updateCount], [connection, before]);
});
