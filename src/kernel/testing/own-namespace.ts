import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";

/** Whether the network namespace of this process was made for a test: it has no addresses but those of its loopback. */
export function hasOwnNamespace(): boolean {
  return Object.keys(networkInterfaces()).every((name) => name === "lo");
}

/** For tests that work in the network namespace of their process: started anywhere else they would rewrite the machine's. */
export function requireOwnNamespace(): void {
  assert.ok(hasOwnNamespace(), "this is the machine's own network: run the test by `npm test -- --only TEXT`");
}
