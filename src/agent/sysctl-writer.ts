import type { Sysctl } from "../dataplane/index.ts";
import { readSysctl, writeSysctl } from "../kernel/index.ts";
import { TortieError } from "../lib/index.ts";
import type { Link } from "../netlink/index.ts";

type Links = ReadonlyMap<number, Link>;

/** Writes kernel settings, and remembers which were seen to be right: each is looked at once, until its link is another. */
export class SysctlWriter {
  readonly #right = new Set<Sysctl>();
  /** A list of which all are. */
  #rightList: readonly Sysctl[] | undefined;

  /** Only what differs is written. What went wrong, for people; that is tried again the next time. */
  write(sysctls: readonly Sysctl[]): string[] {
    const failures: string[] = [];
    if (sysctls === this.#rightList) return failures;
    for (const sysctl of sysctls) {
      if (this.#right.has(sysctl)) continue;
      const { path, value, isOptional } = sysctl;
      try {
        if (readSysctl(path) !== value) writeSysctl(path, value, { isOptional: isOptional === true });
        this.#right.add(sysctl);
      } catch (error) {
        if (!(error instanceof TortieError)) throw error;
        failures.push(error.message);
      }
    }
    if (failures.length === 0) this.#rightList = sysctls;
    return failures;
  }

  /** Looks at all of them again. */
  forgetAll(): void {
    this.#right.clear();
    this.#rightList = undefined;
  }

  /** Links by number, as they were and as they are: looks again at the settings of those that are gone, or are others now. */
  onLinks(before: Links, after: Links): void {
    const names = new Set<string>();
    for (const { index, name, mtu } of before.values()) {
      const link = after.get(index);
      // With an MTU that is too small for IPv6 its settings go, and come back as they are by default.
      if (link?.name !== name || link.mtu !== mtu) names.add(name);
    }
    if (names.size === 0) return;
    this.#rightList = undefined;
    for (const sysctl of this.#right)
      if (sysctl.link !== undefined && names.has(sysctl.link)) this.#right.delete(sysctl);
  }
}
