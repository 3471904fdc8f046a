import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { SpeakerConfig } from "../bgp/index.ts";
import { CoalescingQueue, type Logger, TortieError } from "../lib/index.ts";
import { readReflectorFile } from "./reflector-file.ts";
import { speakerConfig } from "./settings.ts";

/** Whoever writes a file seldom does it in one go. */
const settleMs = 100;

type Reason = "file" | "signal";

/**
 * What the file says, and again whenever it says something else: it is looked at on SIGHUP, and when anything in its
 * folder changes. A file that is wrong at first is thrown as TT_CONFIG; later it is told in the log, once, and nothing changes.
 */
export async function* followFile(
  path: string,
  log: Logger,
  signal: AbortSignal,
): AsyncGenerator<SpeakerConfig, void, void> {
  const reasons = new CoalescingQueue<Reason, true>();
  const onSignal = () => reasons.push("signal", true);
  process.on("SIGHUP", onSignal);
  const watcher = watchFolder(path, log, () => reasons.push("file", true));
  try {
    let present = speakerConfig(readReflectorFile(path));
    let complaint = "";
    yield present;
    while (!signal.aborted) {
      const woken = await reasons.take(2, signal);
      await sleep(settleMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const isAsked = woken.some(([reason]) => reason === "signal");
      const read = tryRead(path);
      if (typeof read === "string") {
        if (isAsked || read !== complaint)
          log.error("the file cannot be used; the settings of before stay", { reason: read });
        complaint = read;
        continue;
      }
      complaint = "";
      if (!isDeepStrictEqual(read, present)) {
        present = read;
        yield present;
      } else if (isAsked) log.info("the file says what it said before", { file: path });
    }
  } finally {
    watcher?.close();
    process.off("SIGHUP", onSignal);
  }
}

/** The settings, or what is wrong. */
function tryRead(path: string): SpeakerConfig | string {
  try {
    return speakerConfig(readReflectorFile(path));
  } catch (error) {
    if (!(error instanceof TortieError)) throw error;
    return error.hint === "" ? error.message : `${error.message} (${error.hint})`;
  }
}

/** The folder and not the file: editors and Kubernetes put another file in its place. */
function watchFolder(path: string, log: Logger, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), { persistent: false }, onChange);
    watcher.on("error", (error) =>
      log.warn("changes of the file are not seen any more; send SIGHUP", { file: path, error }),
    );
    return watcher;
  } catch (error) {
    log.warn("changes of the file are not seen; send SIGHUP", { file: path, error });
    return undefined;
  }
}
