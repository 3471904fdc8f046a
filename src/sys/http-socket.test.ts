import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { TortieError, silentLogger } from "../lib/index.ts";
import { type AnswerRequest, serveSocket } from "./http-socket.ts";

async function serve(context: TestContext, handle: AnswerRequest): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "tortie-socket-"));
  const path = join(folder, "s.sock");
  const server = await serveSocket(path, handle, silentLogger);
  context.after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return path;
}

async function get(socketPath: string, path: string) {
  const sent = request({ socketPath, path });
  sent.end();
  const [response] = await once(sent, "response");
  return response;
}

async function read(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("an answer is one JSON value, or lines of them, and the socket is its owner's alone", async (context) => {
  const path = await serve(context, (_, asked) =>
    asked === "/lines" ? { status: 200, lines: [{ a: 1 }, "b"] } : { status: 404, body: { asked } },
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const one = await get(path, "/x");
  assert.deepEqual([one.statusCode, await read(one)], [404, '{"asked":"/x"}\n']);
  const lines = await get(path, "/lines");
  assert.deepEqual([lines.statusCode, await read(lines)], [200, '{"a":1}\n"b"\n']);
});

test("lines are made as they are read: a reader that stops keeps them from being made", async (context) => {
  let made = 0;
  function* endless() {
    for (;;) {
      made += 1;
      yield "x".repeat(1000);
    }
  }
  const path = await serve(context, () => ({ status: 200, lines: endless() }));
  const response = await get(path, "/");
  await once(response, "readable");
  // Nobody reads: what is made fills the socket and the stream, and no more.
  let before = -1;
  while (made !== before) {
    before = made;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(made > 0 && made < 20_000, `${made} lines were made`);
  response.destroy();
});

test("lines that break in the middle break the answer, so that nobody takes them for all", async (context) => {
  function* breaking() {
    for (let i = 0; i < 1000; i++) yield "x".repeat(1000);
    throw new Error("a bug");
  }
  const path = await serve(context, () => ({ status: 200, lines: breaking() }));
  const response = await get(path, "/");
  await assert.rejects(() => read(response));
});

test("a failure of the world is told in its own words", async (context) => {
  const path = await serve(context, () => {
    throw new TortieError("TT_KERNEL", "it is broken", { hint: "mend it" });
  });
  const response = await get(path, "/");
  assert.equal(response.statusCode, 500);
  assert.deepEqual(JSON.parse(await read(response)).error, {
    code: "TT_KERNEL",
    message: "it is broken",
    hint: "mend it",
  });
});
