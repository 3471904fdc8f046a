import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IpAddress, parseAddress } from "../../lib/index.ts";
import { inNamespace, makeNamespace, removeNamespace, spawnInNamespace } from "../../sys/index.ts";

export const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

/** Two hosts as namespaces, joined by a link: va of a, with 10.0.0.1, fd00::1 and fe80::1; vb of b, with the same in 2. */
export class LinkedHosts implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "tortie-"));
  readonly a = join(this.folder, "netns-a");
  readonly b = join(this.folder, "netns-b");
  readonly #daemons: ChildProcess[] = [];

  constructor() {
    // Daemons that give up being root must still get at their files here.
    chmodSync(this.folder, 0o755);
    for (const netns of [this.a, this.b]) {
      makeNamespace(netns);
      this.ip(netns, "link set lo up");
    }
    this.ip(this.a, "link add va type veth peer name vb");
    this.ip(this.a, `link set vb netns ${this.b}`);
    this.up(this.a, "va", 1);
    this.up(this.b, "vb", 2);
  }

  up(netns: string, link: string, number: number): void {
    this.ip(netns, `link set ${link} addrgenmode none up`);
    this.ip(netns, `addr replace 10.0.0.${number}/24 dev ${link}`);
    this.ip(netns, `addr replace fd00::${number}/64 dev ${link} nodad`);
    this.ip(netns, `addr replace fe80::${number}/64 dev ${link} nodad`);
  }

  ip(netns: string, words: string): string {
    return this.run(netns, "ip", words.split(" "));
  }

  /** Output of a command on one of the hosts. */
  run(netns: string, command: string, args: readonly string[]): string {
    const { status, stdout, stderr } = inNamespace(netns, () => spawnSync(command, args, { encoding: "utf8" }));
    assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Starts a daemon on one of the hosts, in the foreground; it ends with them. */
  start(netns: string, command: string, args: readonly string[]): void {
    this.#daemons.push(spawnInNamespace(netns, command, args, { stdio: ["ignore", "ignore", "inherit"] }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue;
      const exit = once(daemon, "exit");
      daemon.kill("SIGKILL");
      await exit;
    }
    for (const netns of [this.a, this.b]) removeNamespace(netns);
    rmSync(this.folder, { recursive: true });
  }
}

/** Looks again and again, for at most half a minute, until it is so. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `${what} has not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
