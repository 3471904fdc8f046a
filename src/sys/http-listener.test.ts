import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { listenHttp } from "./http-listener.ts";

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : assert.fail();
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`texts are served on ${host}, and nothing else`, async () => {
    const port = await freePort(host);
    const at = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const listener = await listenHttp({
      host,
      port,
      answer: (path) => (path === "/one" ? { status: 200, mediaType: "text/plain", text: "1\n" } : undefined),
    });
    const one = await fetch(`${at}/one?x=y`);
    assert.deepEqual([one.status, await one.text()], [200, "1\n"]);
    assert.equal((await fetch(`${at}/two`)).status, 404);
    assert.equal((await fetch(`${at}/one`, { method: "POST", body: "x" })).status, 405);
    await assert.rejects(listenHttp({ host, port, answer: () => undefined }), /EADDRINUSE/);
    await listener[Symbol.asyncDispose]();
    await assert.rejects(fetch(`${at}/one`));
  });
}
