import assert from "node:assert/strict";
import { test } from "node:test";
import { statusFailure } from "./status-failure.ts";

const cases: readonly (readonly [unknown, number, string, RegExp])[] = [
  [{ reason: "AlreadyExists", message: "it exists" }, 409, "TT_API_EXISTS", /^it exists$/],
  [{ reason: "Conflict", message: "stale" }, 409, "TT_API_CONFLICT", /^stale$/],
  [{ reason: "NotFound", message: "nothing" }, 404, "TT_API_NOT_FOUND", /^nothing$/],
  [{ reason: "Expired", message: "old" }, 410, "TT_API_GONE", /^old$/],
  [{ reason: "Gone", message: "old" }, 410, "TT_API_GONE", /^old$/],
  [{ reason: "Forbidden", message: "no" }, 403, "TT_API_DENIED", /^no$/],
  [{ reason: "ServiceUnavailable", message: "the disk is full" }, 503, "TT_API_UNAVAILABLE", /^the disk is full$/],
  [{ reason: "SomethingNew" }, 499, "TT_API_UNAVAILABLE", /HTTP status 499/],
  ["<html>", 502, "TT_API_UNAVAILABLE", /HTTP status 502/],
  [null, 200, "TT_API_UNAVAILABLE", /HTTP status 200/],
];

for (const [status, httpCode, code, message] of cases) {
  test(`a status ${JSON.stringify(status)} is ${code}`, () => {
    const error = statusFailure(httpCode, status);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.equal(error.fields["httpCode"], httpCode);
  });
}

test("what is invalid is told by field, and the problems are the cause", () => {
  const causes = [{ field: "spec.cidr", message: "is missing", reason: "FieldValueInvalid" }];
  const error = statusFailure(422, { reason: "Invalid", message: "it is invalid", details: { causes } });
  assert.equal(error.code, "TT_API_INVALID");
  assert.equal(error.fields["spec.cidr"], "is missing");
  assert.deepEqual(error.cause, [{ path: "spec.cidr", message: "is missing", hint: "" }]);
});
