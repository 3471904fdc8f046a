import { readFileSync, writeFileSync } from "node:fs";
import { TortieError, assert } from "../lib/index.ts";
import { inNamespace } from "../sys/index.ts";

export type SysctlOptions = {
  /** Path of the network namespace whose setting is meant; default: the own one. */
  readonly netns?: string | undefined;
};

/**
 * The value without its line end; undefined when this kernel has no such setting. `path` is below /proc/sys, either
 * with slashes (a link's name may have dots) or with dots.
 */
export function readSysctl(path: string, options: SysctlOptions = {}): string | undefined {
  return access(path, options, true, (file) => readFileSync(file, "utf8").trimEnd());
}

/** `isOptional`: a kernel that lacks the setting is fine. */
export function writeSysctl(path: string, value: string, options: SysctlOptions & { isOptional?: boolean } = {}): void {
  access(path, options, options.isOptional === true, (file) => writeFileSync(file, value));
}

/** Synchronous, since /proc/sys/net shows the namespace of the thread that opens the file: libuv's threads stay at home. */
function access<T>(path: string, options: SysctlOptions, mayLack: boolean, work: (file: string) => T): T | undefined {
  const file = sysctlFile(path);
  try {
    return options.netns === undefined ? work(file) : inNamespace(options.netns, () => work(file));
  } catch (error) {
    if (error instanceof TortieError) throw error;
    const errno = errnoOf(error);
    if (mayLack && errno === "ENOENT") return undefined;
    throw new TortieError("TT_KERNEL", `the kernel setting ${path}: ${errno}`, {
      cause: error,
      fields: { sysctl: path, errno },
    });
  }
}

/** As in sysctl(8) the separator that comes first is the separator. */
function sysctlFile(path: string): string {
  const parts = path.split(path.match(/[./]/)?.[0] ?? "/");
  assert(
    parts.every((part) => part !== "" && part !== "." && part !== ".."),
    `${path} is no path of a kernel setting`,
  );
  return `/proc/sys/${parts.join("/")}`;
}

function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
