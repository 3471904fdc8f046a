import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { TortieError, assert } from "../lib/index.ts";
import { type EnterableLab, findLab, requireEntry } from "./find-labs.ts";
import { logDir, netnsDir } from "./places.ts";

const namespaceFlags = "--user --map-root-user --net --mount --pid --fork --kill-child --mount-proc".split(" ");

/**
 * The first process of the lab: /run becomes the lab's own, then it waits for the keeper. It stays a shell, because a
 * shell collects every process that loses its parent, and because the end of either ends the process namespace.
 */
const initScript = `mount -t tmpfs tmpfs /run && mkdir -p ${netnsDir} ${logDir} && "$@"; exit $?`;

const pollMs = 20;

/** Where the keeper says that its socket is there. */
export const readyFd = 3;

/** Starts the keeper of a new lab, without the lab, and waits until it can be asked. It outlives its starter. */
export async function launchKeeper(name: string, program: readonly string[]): Promise<EnterableLab> {
  const log = openNamelessFile(name);
  try {
    const args = [...namespaceFlags, "sh", "-c", initScript, "sh", ...program, "lab", "keeper", "--name", name];
    const child = spawn("unshare", args, { cwd: "/", detached: true, stdio: ["ignore", log, log, "pipe"] });
    const ready = child.stdio[readyFd];
    assert(ready instanceof Readable, "the keeper's third descriptor is a pipe");
    const ended = once(child, "exit").catch((error: unknown) => [error]);
    const word = await Promise.race([once(ready, "data"), ended.then(() => undefined)]);
    ready.destroy();
    if (word === undefined) {
      const [error] = await ended;
      throw startFailure(name, error instanceof Error ? error.message : readAll(log), error);
    }
    child.unref();
    return await waitForOthers(name, child.pid ?? 0);
  } finally {
    closeSync(log);
  }
}

/** Of several who start a lab of the same name at the same time the first is left, the others give way. */
async function waitForOthers(name: string, holderPid: number): Promise<EnterableLab> {
  for (;;) {
    const lab = findLab(name);
    if (lab === undefined) throw startFailure(name, "it ended at once", undefined);
    if (lab.holderPids.some((pid) => pid < holderPid)) {
      process.kill(holderPid, "SIGKILL");
      throw new TortieError("TT_LAB", `lab ${name} is being started by somebody else`, {
        hint: "try again in a second",
      });
    }
    if (lab.holderPids.length === 1) return requireEntry(lab);
    await sleep(pollMs);
  }
}

function startFailure(name: string, output: string, cause: unknown): TortieError {
  const lines = output.trim().split("\n").slice(-20).join("\n");
  return new TortieError("TT_LAB", `lab ${name} could not be started: ${lines}`, {
    cause,
    hint: "a lab needs unshare and nsenter of util-linux, and leave to make user namespaces: `unshare --user true` must work",
  });
}

/** Standard output and error of the keeper: a file that has no name, so that it goes when the lab goes. */
function openNamelessFile(name: string): number {
  const path = join(tmpdir(), `tortie-lab-${name}-${process.pid}.log`);
  const fd = openSync(path, "wx+", 0o600);
  rmSync(path);
  return fd;
}

function readAll(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  return bytes.toString();
}
