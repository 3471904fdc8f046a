import assert from "node:assert/strict";
import { test } from "node:test";
import { renewalTimeMs } from "./renewal.ts";

const hour = 3_600_000;

test("a certificate of a day is renewed after twelve hours, at random up to a tenth of the day sooner", () => {
  const validity = { notBeforeMs: 0, notAfterMs: 24 * hour };
  assert.equal(
    renewalTimeMs(validity, () => 0),
    12 * hour,
  );
  assert.equal(renewalTimeMs(validity, () => 0.999999) > 9.6 * hour, true);
});
