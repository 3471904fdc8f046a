import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "./cases.ts";
import type { Routes } from "./facts.ts";
import type { ForeignSpeaker } from "./foreign-speaker.ts";
import { PeerSession } from "./peer-session.ts";

/** What a speaker made of a case. */
export type Answer =
  | { readonly type: "routes"; readonly routes: Routes }
  /** `notification`: as `3/1`; undefined when it closed without one. */
  | { readonly type: "ended"; readonly notification: string | undefined }
  | { readonly type: "died" }
  /** The session stands, but what was sent behind the message has not arrived in the table. */
  | { readonly type: "stuck" };

const batchSize = 200;
/** BIRD listens with a backlog of 8: more at once would wait for TCP to try again. */
const connectingAtOnce = 8;
const patienceMs = 20_000;

/** Puts every case to the speaker, many at a time, each in a session of its own. A speaker that dies is started again. */
export async function askSpeaker(
  speaker: ForeignSpeaker,
  cases: readonly Case[],
  report: (line: string) => void,
): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  for (let at = 0; at < cases.length; at += batchSize) {
    await askSome(speaker, cases.slice(at, at + batchSize), answers);
    if ((at / batchSize) % 8 === 7) report(`${speaker.name}: ${at + batchSize} of ${cases.length} messages`);
  }
  // A session that did not come up, or was slow, says nothing of the message: it is tried again, in peace.
  for (let tries = 0; tries < 3; tries++) {
    const left = cases.filter(({ number }) => (answers.get(number)?.type ?? "stuck") === "stuck");
    for (let at = 0; at < left.length; at += 20) await askSome(speaker, left.slice(at, at + 20), answers);
  }
  return answers;
}

/** When the speaker dies, halves of the cases are tried until it is known which ones kill it. */
async function askSome(speaker: ForeignSpeaker, cases: readonly Case[], answers: Map<number, Answer>): Promise<void> {
  if (!speaker.isAlive()) await speaker.start();
  const found = await askAtOnce(speaker, cases);
  if (found !== undefined) {
    for (const [number, answer] of found) answers.set(number, answer);
    return;
  }
  const only = cases[0];
  if (cases.length === 1 && only !== undefined) {
    answers.set(only.number, { type: "died" });
    return;
  }
  const middle = Math.ceil(cases.length / 2);
  await askSome(speaker, cases.slice(0, middle), answers);
  await askSome(speaker, cases.slice(middle), answers);
}

/** Undefined when the speaker died of it. */
async function askAtOnce(speaker: ForeignSpeaker, cases: readonly Case[]): Promise<Map<number, Answer> | undefined> {
  const sessions = new Map<Case, PeerSession>();
  const deadline = performance.now() + patienceMs;
  const waiting = [...cases];
  const ended = new AbortController();
  const late = sleep(patienceMs, undefined, { signal: ended.signal }).catch(() => {});
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined && speaker.isAlive(); next = waiting.shift()) {
      const session = new PeerSession(next, speaker.address, addressOf(next));
      sessions.set(next, session);
      await Promise.race([session.said.promise, late]);
    }
  };
  try {
    await Promise.all(Array.from({ length: connectingAtOnce }, work));
    for (;;) {
      await sleep(100);
      if (!speaker.isAlive()) return undefined;
      const isLate = performance.now() > deadline;
      const table = await speaker.table().catch(() => undefined);
      if (table === undefined) {
        if (!speaker.isAlive() || isLate) return undefined;
        continue;
      }
      const answers = readAnswers(sessions, table, isLate);
      if (answers !== undefined) return answers;
    }
  } finally {
    ended.abort();
    for (const session of sessions.values()) session.close();
    await settle(speaker);
  }
}

function readAnswers(
  sessions: ReadonlyMap<Case, PeerSession>,
  table: ReadonlyMap<string, Routes>,
  isLate: boolean,
): Map<number, Answer> | undefined {
  const answers = new Map<number, Answer>();
  for (const [one, session] of sessions) {
    const routes = table.get(addressOf(one)) ?? new Map();
    const markKey = one.dialect.addPath4 ? `${one.mark}#0` : one.mark;
    const { ending } = session;
    if (ending !== undefined) {
      answers.set(one.number, { type: "ended", ...ending });
    } else if (routes.has(markKey) || routes.has(one.mark)) {
      const told = new Map([...routes].filter(([key]) => key !== markKey && key !== one.mark));
      answers.set(one.number, { type: "routes", routes: told });
    } else {
      if (!isLate) return undefined;
      answers.set(one.number, { type: "stuck" });
    }
  }
  return answers;
}

/** Until the routes of the closed sessions are gone, so that the next table is small and true. */
async function settle(speaker: ForeignSpeaker): Promise<void> {
  for (let tries = 0; tries < 40 && speaker.isAlive(); tries++) {
    const table = await speaker.table().catch(() => undefined);
    if (table?.size === 0) return;
    await sleep(250);
  }
}

/** Each case comes from an address of its own. */
function addressOf({ number, dialect }: Case): string {
  return `10.${dialect.isInternal ? 10 : 20}.${(number >> 8) & 255}.${number & 255}`;
}
