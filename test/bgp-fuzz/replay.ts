import { type Action, Arena } from "./arena.ts";

/** What went wrong: the first line of the error, without the octets in it, so that a smaller input can be seen to do the same. */
export function faultOf(error: unknown): string {
  const text = error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error);
  return (
    text
      .replaceAll(/[0-9a-f]{16,}/g, "…")
      .replaceAll(/\d+/g, "#")
      .split("\n")[0] ?? ""
  );
}

/** Plays recorded actions to a new speaker; gives what went wrong. */
export function replay(seed: number, actions: readonly Action[]): unknown {
  try {
    const arena = new Arena(seed, (run) => run());
    for (const action of actions) arena.apply(action);
    arena.turn();
    arena.checkHealthy();
    arena.checkRest();
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * Fewer actions, then fewer octets, as long as `isBad` holds; at most until the deadline. What a judged message rests on
 * stays: its connection's OPEN and KEEPALIVE.
 */
export function shrink(
  actions: readonly Action[],
  isBadAtAll: (fewer: readonly Action[]) => boolean,
  deadlineMs: number,
): readonly Action[] {
  const ground = groundOf(actions);
  const isBad = (fewer: readonly Action[]) => ground.every((one) => fewer.includes(one)) && isBadAtAll(fewer);
  const isLate = () => performance.now() > deadlineMs;
  let kept = actions;
  for (let size = Math.ceil(kept.length / 2); size >= 1 && !isLate(); size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = Math.max(0, kept.length - size); at > -size && !isLate(); at -= size) {
      const fewer = [...kept.slice(0, Math.max(0, at)), ...kept.slice(Math.max(0, at) + size)];
      if (fewer.length < kept.length && isBad(fewer)) kept = fewer;
    }
  }
  for (let at = kept.length - 1; at >= 0 && !isLate(); at--) kept = shorten(kept, at, isBad, isLate);
  return kept;
}

function groundOf(actions: readonly Action[]): Action[] {
  const last = actions.at(-1);
  if (last?.do !== "bytes" || last.expected === undefined) return [];
  const own = actions.filter((action) => "connection" in action && action.connection === last.connection);
  const octets = own.filter(({ do: what }) => what === "bytes");
  // In however many pieces they came: up to the end of the second message.
  const total = octets.map((action) => (action.do === "bytes" ? action.bytes.length : 0));
  let needed = 0;
  for (let sum = 0; needed < total.length && sum < 19 + 29; needed++) sum += total[needed] ?? 0;
  const opening = octets.slice(0, needed + 1);
  return [...own.filter(({ do: what }) => what === "accept" || what === "connected"), ...opening, last];
}

/** Takes octets out of one message, and corrects the length in its header each time. */
function shorten(
  actions: readonly Action[],
  at: number,
  isBad: (fewer: readonly Action[]) => boolean,
  isLate: () => boolean,
): readonly Action[] {
  let kept = actions;
  for (let size = 64; size >= 1; size >>= 1) {
    for (let from = 19; !isLate(); ) {
      const action = kept[at];
      if (action?.do !== "bytes" || action.expected !== undefined || from + size > action.bytes.length) break;
      const bytes = new Uint8Array(action.bytes.length - size);
      bytes.set(action.bytes.subarray(0, from));
      bytes.set(action.bytes.subarray(from + size), from);
      bytes[16] = bytes.length >> 8;
      bytes[17] = bytes.length & 0xff;
      const fewer = kept.with(at, { ...action, bytes });
      if (isBad(fewer)) kept = fewer;
      else from += size;
    }
  }
  return kept;
}

/** One line of words for `parseActions`. */
export function formatActions(actions: readonly Action[]): string {
  return actions
    .map((action) => {
      switch (action.do) {
        case "accept":
          return `accept:${action.slot}:${action.connection}`;
        case "connected":
          return `connected:${action.slot}:${action.connection}`;
        case "refused":
          return `refused:${action.slot}`;
        case "bytes":
          return `${action.connection}:${action.bytes.toHex()}${action.expected === undefined ? "" : `:${action.expected}`}`;
        case "close":
        case "block":
        case "drain":
          return `${action.do}:${action.connection}`;
        case "turn":
          return "turn";
        case "wait":
          return `wait:${action.ms}`;
      }
    })
    .join(" ");
}

export function parseActions(text: string): Action[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word): Action => {
      const [name = "", first = "0", second] = word.split(":");
      const [a, b] = [Number(first), Number(second ?? 0)];
      switch (name) {
        case "accept":
        case "connected":
          return { do: name, slot: a, connection: b };
        case "refused":
          return { do: name, slot: a };
        case "close":
        case "block":
        case "drain":
          return { do: name, connection: a };
        case "turn":
          return { do: name };
        case "wait":
          return { do: name, ms: a };
        default:
          return {
            do: "bytes",
            connection: Number(name),
            bytes: Uint8Array.fromHex(first),
            ...(second === undefined ? {} : { expected: second }),
          };
      }
    });
}
