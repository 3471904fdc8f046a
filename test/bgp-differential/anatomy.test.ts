import assert from "node:assert/strict";
import { test } from "node:test";
import { attributes as attr, prefix, update } from "../bgp-fuzz/wire.ts";
import { dissect } from "./anatomy.ts";

const prefixes = [prefix("10.1.0.0/24")];

test("a message is cut into its attributes, long ones too", () => {
  const long = attr.communities(...Array.from({ length: 100 }, (_, at) => at));
  const anatomy = dissect(update({ attributes: [attr.origin(2), long], nlri: prefixes }));
  assert.deepEqual(
    anatomy.attributes.map(({ flags, type, value }) => [flags, type, value.length]),
    [
      [0x40, 1, 1],
      [0xd0, 8, 400],
    ],
  );
  assert.deepEqual(anatomy.attributes[0]?.value.toHex(), "02");
  assert.deepEqual([anatomy.hasNlri, anatomy.hasWithdrawn, anatomy.isCut], [true, false, false]);
});

test("an attribute that runs over the end of the attributes is seen, wherever its head is cut", () => {
  const whole = attr.med(7);
  for (let length = 1; length < whole.length; length++) {
    const anatomy = dissect(update({ withdrawn: prefixes, attributes: [attr.origin(0), whole.subarray(0, length)] }));
    assert.deepEqual(
      anatomy.attributes.map(({ type }) => type),
      [1],
    );
    assert.deepEqual([anatomy.hasNlri, anatomy.hasWithdrawn, anatomy.isCut], [false, true, true]);
  }
});
