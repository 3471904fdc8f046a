// A speaker in a process of its own, which can be stopped as a whole. Told by messages: {config} once, then "size" asks for the table.
import assert from "node:assert/strict";
import { TestSpeaker } from "./test-speaker.ts";

let running: Promise<TestSpeaker> | undefined;

process.on("message", (message: unknown) => {
  void answer(message);
});

async function answer(message: unknown): Promise<void> {
  if (typeof message === "object" && message !== null && "config" in message) {
    const { config } = JSON.parse(JSON.stringify(message));
    running = TestSpeaker.open(config);
    return;
  }
  const speaker = await (running ?? assert.fail("no configuration yet"));
  process.send?.({ size: speaker.table.size, has: [...speaker.table.keys()].slice(-1)[0], isUp: speaker.isUp() });
}
