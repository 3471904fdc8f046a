import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeAttachRequest, decodeDetachRequest } from "./attach-request.ts";

test("a request with the least there can be is given the defaults", () => {
  assert.deepEqual(decodeAttachRequest({ pid: 17, name: "web" }), {
    ok: true,
    value: {
      netns: "/proc/17/ns/net",
      name: "web",
      namespace: "default",
      labels: {},
      profiles: undefined,
      interface: "eth0",
    },
  });
});

test("each mistake of a request is told once, by the member's name", () => {
  const cases: [request: unknown, path: string][] = [
    [{ name: "web" }, "netns"],
    [{ netns: "relative", name: "web" }, "netns"],
    [{ pid: -1, name: "web" }, "netns"],
    [{ netns: "/run/netns/w" }, "name"],
    [{ netns: "/run/netns/w", name: "web", interface: "much-too-long-a-name" }, "interface"],
    [{ netns: "/run/netns/w", name: "web", labels: { a: 1 } }, "labels"],
    [{ netns: "/run/netns/w", name: "web", profiles: "p" }, "profiles"],
    [{ netns: "/run/netns/w", name: "web", nmae: "x" }, "nmae"],
    ["text", ""],
  ];
  for (const [request, path] of cases) {
    const decoded = decodeAttachRequest(request);
    assert.deepEqual(
      decoded.ok ? [] : decoded.problems.map((problem) => problem.path),
      [path],
      JSON.stringify(request),
    );
  }
});

test("any JSON is answered without an exception", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      decodeAttachRequest(json);
      decodeDetachRequest(json);
    }),
  );
});
