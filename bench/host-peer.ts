// Another network namespace for those that ours is put beside: the same kernel state, without an agent.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNftSocket } from "../src/kernel/index.ts";
import { type NftChange, type Table, diffTables, encodeChanges } from "../src/nft/index.ts";
import { inNamespace, makeNamespace, removeNamespace } from "../src/sys/index.ts";

/** What a socket without rights takes at once, and less than that. */
const batchBytes = 200_000;

export class HostPeer implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "tortie-bench-"));
  readonly #netns = join(this.#folder, "netns");
  readonly #floor = join(this.#folder, "host-floor");
  #files = 0;

  constructor() {
    makeNamespace(this.#netns);
    const source = join(import.meta.dirname, "host-floor.c");
    const built = spawnSync("cc", ["-O2", "-o", this.#floor, source], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`building host-floor (Debian: gcc libc6-dev): ${built.stderr}`);
  }

  /** Runs a program in the namespace; gives what it prints. */
  run(program: string, args: readonly string[]): string {
    const done = inNamespace(this.#netns, () => spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 26 }));
    if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr} ${done.error?.message ?? ""}`);
    return done.stdout;
  }

  /** The table as `nft` takes it back, without the counts that packets would change. */
  tableText(name: string): string {
    return this.run("nft", ["--stateless", "list", "table", "inet", name]);
  }

  /** How long a program takes, from its start to its end. */
  time(program: string, args: readonly string[]): number {
    const started = performance.now();
    this.run(program, args);
    return performance.now() - started;
  }

  file(content: string | Uint8Array): string {
    const path = join(this.#folder, `file-${this.#files++}`);
    writeFileSync(path, content);
    return path;
  }

  /** Milliseconds in C for adding and for deleting; and of the processor. */
  routes(args: readonly string[]): { add: number; remove: number; addCpu: number; removeCpu: number } {
    const numbers = this.run(this.#floor, ["routes", ...args])
      .split(" ")
      .map(Number);
    const [add = Number.NaN, remove = Number.NaN, addCpu = Number.NaN, removeCpu = Number.NaN] = numbers;
    return { add, remove, addCpu, removeCpu };
  }

  /** A file with the messages of these transactions, for `replay`. */
  recording(transactions: readonly (readonly NftChange[])[]): string {
    const parts: Uint8Array[] = [];
    let firstSequence = 1;
    for (const changes of transactions) {
      for (const batch of encodeChanges(changes, { firstSequence, maxBytes: batchBytes })) {
        parts.push(new Uint8Array(Uint32Array.of(batch.bytes.length).buffer), batch.bytes);
        firstSequence = batch.lastSequence + 2;
      }
    }
    return this.file(Buffer.concat(parts));
  }

  /** Milliseconds in C for sending them. */
  replay(recording: string): number {
    return Number(this.run(this.#floor, ["replay", recording]));
  }

  async putTable(table: Table): Promise<void> {
    using nft = openNftSocket({ netns: this.#netns });
    await nft.apply(diffTables(await nft.dumpTable(table.name), table));
  }

  [Symbol.dispose](): void {
    removeNamespace(this.#netns);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
