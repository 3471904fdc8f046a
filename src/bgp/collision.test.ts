import assert from "node:assert/strict";
import { test } from "node:test";
import { writeKeepalive } from "./message.ts";
import { Network, peerAt } from "./testing/network.ts";
import { Script } from "./testing/script.ts";
import { address } from "./testing/values.ts";

const collision = "3:6/7:";
/** Of the peer, whose connections are preferred then. */
const higher = { routerId: address("192.0.2.2") };
const lower = { routerId: address("10.0.0.1") };

test("two that call each other at nearly the same time soon have one session, and never lose one", () => {
  for (let seed = 0; seed < 150; seed++) {
    const network = new Network(seed);
    network.maxDelayMs = [0, 1, 5, 50, 400][seed % 5] ?? 0;
    const one = network.add("one", ["192.0.2.1"], { peers: [peerAt("192.0.2.2")] });
    const other = network.add("other", ["192.0.2.2"], { peers: [peerAt("192.0.2.1")] });
    network.start(one);
    network.run((seed * 7) % 40);
    network.start(other);
    network.run(4000);
    for (const { name, core, states } of [one, other]) {
      assert.equal(core.status(network.nowMs)[0]?.state, "established", `seed ${seed}, ${name}`);
      assert.equal(states.filter(({ state }) => state === "established").length, 1, `seed ${seed}, ${name}`);
      assert.equal(states.at(-1)?.state, "established", `seed ${seed}, ${name}`);
    }
    assert.equal(network.connectionCount(one, other), 1, `seed ${seed}`);
  }
});

test("a session stays when the peer says an OPEN on another connection, however young it is", () => {
  for (const more of [higher, lower]) {
    const script = new Script();
    const theirs = script.accept();
    script.wait(2500);
    const ours = script.connect();
    script.open(ours, more);
    script.send(ours, writeKeepalive());
    // It was silent for too long to be waited for.
    script.wait(2000);
    assert.equal(script.status.state, "established");
    script.open(theirs, more);
    assert.deepEqual([...script.connections], [ours]);
    assert.equal(script.said.get(theirs)?.at(-2), collision);
    assert.equal(script.status.lastError, "");
  }
});

test("an OPEN is not answered while the peer may still say one on a connection that is to be preferred", () => {
  const script = new Script();
  const [ours, theirs] = [script.connect(), script.accept()];
  script.open(ours, higher);
  script.send(ours, writeKeepalive());
  assert.deepEqual(script.said.get(ours), ["1"]);
  assert.equal(script.status.state, "openConfirm");
  script.open(theirs, higher);
  assert.deepEqual(script.said.get(ours)?.slice(-2), [collision, "close"]);
  script.send(theirs, writeKeepalive());
  assert.equal(script.status.state, "established");
  assert.deepEqual([...script.connections], [theirs]);
});

test("it is answered when the other connection goes, or says nothing for two seconds", () => {
  for (const isLost of [true, false]) {
    for (const isConfirmedFirst of [true, false]) {
      const script = new Script();
      const [ours, theirs] = [script.connect(), script.accept()];
      script.open(ours, higher);
      if (isConfirmedFirst) script.send(ours, writeKeepalive());
      if (isLost) script.lose(theirs);
      else script.wait(2000);
      assert.equal(script.said.get(ours)?.[1], "4");
      if (!isConfirmedFirst) script.send(ours, writeKeepalive());
      assert.equal(script.status.state, "established");
    }
  }
});

test("the connection that is not preferred goes at once, though it has said nothing", () => {
  const script = new Script();
  const [ours, theirs] = [script.connect(), script.accept()];
  script.open(ours, lower);
  assert.deepEqual([...script.connections], [ours]);
  assert.deepEqual(script.said.get(theirs), ["1", collision, "close"]);
});

test("a peer that comes when our connection is all but a session is sent away before it hears an OPEN", () => {
  const script = new Script();
  const ours = script.connect();
  script.open(ours, higher);
  const early = script.accept();
  script.send(ours, writeKeepalive());
  const late = script.accept();
  for (const theirs of [early, late]) assert.deepEqual(script.said.get(theirs), [collision, "close"]);
  assert.equal(script.status.state, "established");
});
