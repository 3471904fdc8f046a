import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatJoinToken, parseJoinToken } from "./join-token.ts";

const part = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((octets) => octets.toBase64({ alphabet: "base64url", omitPadding: true }));

test("a token is read as it was written, with the line end of its file", () => {
  const token = fc.record({
    id: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((octets) => octets.toHex()),
    secret: part(32),
    authorityHash: part(32),
  });
  fc.assert(
    fc.property(token, (token) => {
      assert.deepEqual(parseJoinToken(`${formatJoinToken(token)}\n`), { ok: true, value: { ...token } });
    }),
  );
});

test("what is no token is refused without being quoted", () => {
  for (const text of ["", "hunter2", "tortie-join.00.x.y", `tortie-join.${"0".repeat(16)}.${"a".repeat(43)}`]) {
    const read = parseJoinToken(text);
    assert.equal(read.ok, false);
    assert.ok(text === "" || !JSON.stringify(read).includes(`"${text}"`));
  }
});
