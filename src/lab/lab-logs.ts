import { existsSync, readFileSync, readdirSync } from "node:fs";
import { TortieError } from "../lib/index.ts";
import { pathInside, requireLab } from "./find-labs.ts";
import { logDir, logPath } from "./places.ts";

export type LabLogsOptions = {
  /** Needed only when several labs run. */
  readonly lab?: string | undefined;
  /** A host, a spine, `server` or `keeper`. */
  readonly process: string;
};

/** All that a process of a lab has logged, over all its lives. */
export function labLogs({ lab, process }: LabLogsOptions): string {
  const { entryPid } = requireLab(lab);
  const path = process === "keeper" ? `/proc/${entryPid}/fd/1` : pathInside(entryPid, logPath(process));
  if (existsSync(path)) return readFileSync(path, "utf8");
  const names = readdirSync(pathInside(entryPid, logDir)).map((file) => file.replace(/\.log$/, ""));
  throw new TortieError("TT_LAB", `there is no log of ${process} in this lab`, {
    hint: `there are ${["keeper", ...names.toSorted()].join(", ")}`,
  });
}
