import { spawn } from "node:child_process";
import { once } from "node:events";

const inside = "--inside";

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Not root but in a user namespace: what needs several users does not work. */
export function isMappedRoot(args: readonly string[]): boolean {
  return args.includes("--mapped");
}

export function isInside(args: readonly string[]): boolean {
  return args.includes(inside);
}

/**
 * Starts the script anew in namespaces of its own and gives its exit status. There it is process 1: when it ends, however
 * it ends, the kernel ends all that it started and removes every network. It ends when its input does, which is when this
 * process is gone.
 */
export async function runInside(script: string, args: readonly string[]): Promise<number> {
  const user = isRoot() ? [] : ["--user", "--map-root-user"];
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const setUp = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"';
  const again = [process.execPath, script, inside, ...(isRoot() ? [] : ["--mapped"]), ...args];
  const child = spawn("unshare", [...user, ...namespaces, "sh", "-c", setUp, "sh", ...again], {
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
  const [status] = await once(child, "exit");
  return typeof status === "number" ? status : 1;
}

/** Called inside: ends everything when the process outside has gone. */
export function endWithOutside(): void {
  process.stdin.on("error", () => process.exit(1));
  process.stdin.on("end", () => process.exit(1));
  process.stdin.resume();
}
