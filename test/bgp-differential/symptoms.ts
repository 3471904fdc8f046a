import type { Context } from "./differences.ts";

// What difference classes are told by.

/** One of these attributes is in the message. */
export function hasAttribute({ anatomy }: Context, types: readonly number[]): boolean {
  return anatomy.attributes.some(({ type }) => types.includes(type));
}

/** Both end the session for the message, with another word. */
export function isOtherWord({ difference }: Context): boolean {
  return (
    difference.about === "session" && difference.ours.startsWith("ends 3/") && difference.theirs.startsWith("ends 3/")
  );
}

/** We go on, the other speaker ends the session. */
export function isEndedByThem({ difference }: Context): boolean {
  return difference.about === "session" && difference.ours === "stays" && difference.theirs.startsWith("ends");
}

/** The other way round; with this code and subcode, when they are given. */
export function isEndedByUs({ difference }: Context, notification = ""): boolean {
  return (
    difference.about === "session" &&
    difference.ours.startsWith(`ends ${notification}`) &&
    difference.theirs === "stays"
  );
}

/** The other speaker believes what was told before the message. */
export function isOldNews({ difference, one }: Context): boolean {
  const { about, key = "", theirs } = difference;
  const before = one.told.get(key) ?? one.told.get(`${key}#0`);
  if (about === "session") return false;
  if (about === "route") return theirs === (before === undefined ? "absent" : "present");
  const value = before?.[about];
  return theirs === (value === undefined ? "" : Array.isArray(value) ? value.join(" | ") : String(value));
}

/** The message did nothing, or cost the route. */
export function isLost(context: Context): boolean {
  return isRoute(context, "absent") || isOldNews(context);
}

/** The prefix is withdrawn and announced by the same message. */
export function isBothWays({ difference, one }: Context): boolean {
  const { key = "" } = difference;
  const isSame = (other: string) => other === key || other.split("#")[0] === key;
  return one.verdict.withdrawn.some(isSame) && [...one.verdict.announced.keys()].some(isSame);
}

/** Routes of a family that nobody knows are in the message. */
export function hasStrangeFamily({ anatomy }: Context): boolean {
  return anatomy.attributes.some(({ type, value }) => {
    if (type !== 14 && type !== 15) return false;
    const afi = ((value[0] ?? 0) << 8) | (value[1] ?? 0);
    return (afi !== 1 && afi !== 2) || value[2] !== 1;
  });
}

/** The Partial bit on an attribute that is well-known or not transitive. */
export function hasOddPartial({ anatomy }: Context): boolean {
  return anatomy.attributes.some(({ flags }) => (flags & 0xc0) !== 0xc0 && (flags & 0x20) !== 0);
}

/** A NEXT_HOP in 0.0.0.0/8 or 127.0.0.0/8, or from 224.0.0.0 on. */
export function hasNobodysNextHop({ anatomy }: Context): boolean {
  return anatomy.attributes.some(({ type, value }) => type === 3 && value.length === 4 && isNobodys(value[0] ?? 0));
}

export function isNobodys(first: number): boolean {
  return first === 0 || first === 127 || first >= 224;
}

/** Of an attribute that the speaker has no business to send, all that we say is that. */
export function hasForeignAttribute({ one }: Context): boolean {
  return one.verdict.complaint.endsWith("not this peer's to send");
}

/** A route that the speaker believes without reason, or lacks. */
export function isRoute({ difference }: Context, theirs: "present" | "absent"): boolean {
  return difference.about === "route" && difference.theirs === theirs;
}

/** What the other speaker shows beyond what we know are the unknown attributes of the message that are not transitive. */
export function isUntransitiveShown({ difference, anatomy }: Context): boolean {
  if (difference.about !== "unknown") return false;
  const split = (text: string) => text.split(" | ").filter((part) => part !== "");
  const untransitive = anatomy.attributes
    .filter(({ flags }) => (flags & 0xc0) === 0x80)
    .map(({ type, value }) => `${type.toString(16).padStart(2, "0")}:${value.toHex()}`);
  const [ours, theirs] = [split(difference.ours), split(difference.theirs)];
  const isOfMessage = (part: string) =>
    part.endsWith("...")
      ? untransitive.some((whole) => whole.startsWith(part.slice(0, -3)))
      : untransitive.includes(part);
  return (
    ours.every((part) => theirs.includes(part)) && theirs.every((part) => ours.includes(part) || isOfMessage(part))
  );
}
