import { closeSync, mkdirSync, openSync, rmSync, stat } from "node:fs";
import { dirname } from "node:path";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { TortieError } from "../lib/index.ts";
import { checkCall, errnoName, systemError } from "./errno.ts";
import { libc } from "./libc.ts";

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;
const EINVAL = 22;
const ENOENT = 2;
/** Of the calling thread, which is not always the process's first one. */
const ownPath = "/proc/thread-self/ns/net";

export type OpenNamespace = Disposable & { readonly fd: number };

/** A descriptor of a network namespace, by its path or by the id of a process in it. */
export function openNamespace(target: string | number): OpenNamespace {
  const path = typeof target === "number" ? `/proc/${target}/ns/net` : target;
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw new TortieError("TT_KERNEL", `the network namespace ${path} cannot be opened`, {
      cause: error,
      fields: { path },
    });
  }
  let isOpen = true;
  return {
    fd,
    [Symbol.dispose]() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

/**
 * Runs a synchronous function in the network namespace at `path` and comes back. Sockets made inside stay there.
 * What the function starts and lets run on (a promise's continuation) runs in the namespace it was called from.
 */
export function inNamespace<T>(path: string, work: () => T): T {
  using target = openNamespace(path);
  return awayFromHome(() => {
    checkCall(libc().setns(target.fd, CLONE_NEWNET), `entering the network namespace ${path}`, { path });
    return work();
  });
}

/** Makes a namespace (loopback down, nothing else) that lives until `removeNamespace`. The file must not exist. */
export function makeNamespace(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    closeSync(openSync(path, "wx", 0o444));
  } catch (error) {
    throw new TortieError("TT_KERNEL", `the file ${path} for a network namespace cannot be made`, {
      cause: error,
      fields: { path },
      hint: "choose another name, or remove the namespace that has it",
    });
  }
  try {
    awayFromHome(() => {
      checkCall(libc().unshare(CLONE_NEWNET), "making a network namespace", { path });
      checkCall(libc().mount(ownPath, path, "none", MS_BIND, null), `mounting a network namespace on ${path}`, {
        path,
      });
    });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Lets go of the name. The namespace itself ends with its last process and socket. A name that is gone is fine. */
export function removeNamespace(path: string): void {
  if (libc().umount2(path, MNT_DETACH) < 0) {
    const errno = libc().errno();
    // EINVAL: a plain file, left over by a machine that went down.
    if (errno !== ENOENT && errno !== EINVAL) {
      throw systemError(`unmounting the network namespace ${path}`, errno, { path });
    }
  }
  rmSync(path, { force: true });
}

/** Starts a process in the network namespace at `path`: fork copies the namespace of the thread that calls it. */
export function spawnInNamespace(
  path: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return inNamespace(path, () => spawn(command, args, options));
}

/** Undoes whatever `work` does to the thread's network namespace. */
function awayFromHome<T>(work: () => T): T {
  startThreadPool();
  const home = openSync(ownPath, "r");
  try {
    return work();
  } finally {
    if (libc().setns(home, CLONE_NEWNET) < 0) {
      // Going on would program another host's kernel: nothing is worse than that.
      process.stderr.write(`cannot come back from a network namespace: ${errnoName(libc().errno())}\n`);
      process.abort();
    }
    closeSync(home);
  }
}

let isThreadPoolStarted = false;

/** Threads are born into the namespace of their parent: libuv's must all be there before we first leave home. */
function startThreadPool(): void {
  if (isThreadPoolStarted) return;
  isThreadPoolStarted = true;
  stat("/", () => undefined);
}
