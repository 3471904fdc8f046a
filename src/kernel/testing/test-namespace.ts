import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inNamespace, makeNamespace, removeNamespace } from "../../sys/index.ts";

/** A network namespace of a test's own, looked at with iproute2. */
export class TestNamespace implements Disposable {
  readonly path: string;
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "tortie-"));
    this.path = join(this.#folder, "netns");
    makeNamespace(this.path);
  }

  /** Output of `ip` with these words. */
  ip(words: string): string {
    const { status, stdout, stderr } = inNamespace(this.path, () =>
      spawnSync("ip", words.split(" "), { encoding: "utf8" }),
    );
    assert.equal(status, 0, `ip ${words}: ${stderr}`);
    return stdout;
  }

  ipJson(words: string): Record<string, unknown>[] {
    const text = this.ip(`-j -details ${words}`);
    return text.trim() === "" ? [] : JSON.parse(text);
  }

  [Symbol.dispose](): void {
    removeNamespace(this.path);
    rmSync(this.#folder, { recursive: true });
  }
}

/** Those of the fields that are asked for. */
export function pick(from: Record<string, unknown>, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}
