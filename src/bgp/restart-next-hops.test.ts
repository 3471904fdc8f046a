import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { SpeakerCore } from "./speaker-core.ts";
import type { SpeakerInput, SpeakerOutput } from "./steps.ts";
import { Network, address, peerAt, route } from "./testing/network.ts";

/** Keeps the answers about next hops back until it is told to give them. */
class AskingCore extends SpeakerCore {
  readonly asked: string[] = [];
  readonly said: string[] = [];

  override step(input: SpeakerInput, nowMs: number): SpeakerOutput[] {
    const outputs = super.step(input, nowMs);
    for (const output of outputs) {
      if (output.type === "trackNextHops") this.asked.push(...output.nextHops);
      // No peer has the other family.
      if (output.type === "restartEnd" && output.family === "ipv4-unicast") this.said.push("end");
      if (output.type === "routes") this.said.push(...output.updates.map(({ prefix }) => prefix));
    }
    return outputs;
  }
}

for (const cost of [10, undefined]) {
  test(`a restart is not over before it is known whether next hops can be reached (${cost ?? "no way"})`, () => {
    const network = new Network(4);
    const [left, right] = ["10.0.0.1", "10.0.0.2"].map((own, i, all) =>
      network.add(own, [own], { peers: [peerAt(all[1 - i] ?? "")], hasNextHopTracking: i === 0 }),
    );
    assert.ok(left !== undefined && right !== undefined);
    right.originated = [route("10.2.0.0/24")];
    network.start(right);
    network.start(left, true);
    const core = new AskingCore({ isRestart: true, random: seededRandom(1) });
    left.core = core;
    network.input(left, { type: "configure", config: left.config });
    network.input(left, { type: "originate", routes: [] });
    network.run(5_000);
    assert.deepEqual(core.asked, ["10.0.0.2"]);
    assert.deepEqual(core.said, []);
    network.input(left, { type: "nextHops", costs: [{ nextHop: address("10.0.0.2"), cost }] });
    network.run(1_000);
    assert.deepEqual(core.said, cost === undefined ? ["end"] : ["10.2.0.0/24", "end"]);
  });
}
