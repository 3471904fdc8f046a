import { asTrans } from "./numbers.ts";
import type { OctetReader, OctetWriter } from "./octets.ts";

type SegmentType = "set" | "sequence" | "confedSequence" | "confedSet";

export type AsSegment = { readonly type: SegmentType; readonly asNumbers: readonly number[] };

export type AsPath = readonly AsSegment[];

const typeByNumber: readonly (SegmentType | undefined)[] = [
  undefined,
  "set",
  "sequence",
  "confedSequence",
  "confedSet",
];
const maxSegmentLength = 255;

/** Undefined when the path is malformed: a bad segment, or AS 0 (RFC 7607). */
export function readAsPath(reader: OctetReader, isFourOctet: boolean): AsSegment[] | undefined {
  const path: AsSegment[] = [];
  while (reader.left > 0) {
    const type = typeByNumber[reader.u8()];
    const count = reader.u8();
    if (type === undefined || count === 0) return undefined;
    const asNumbers: number[] = [];
    for (let i = 0; i < count; i++) asNumbers.push(isFourOctet ? reader.u32() : reader.u16());
    if (reader.isFailed || asNumbers.includes(0)) return undefined;
    path.push({ type, asNumbers });
  }
  return path;
}

/** A segment longer than 255 becomes several. */
export function writeAsPath(writer: OctetWriter, path: AsPath, isFourOctet: boolean): void {
  for (const { type, asNumbers } of path) {
    for (let from = 0; from < asNumbers.length; from += maxSegmentLength) {
      const part = asNumbers.slice(from, from + maxSegmentLength);
      writer.u8(typeByNumber.indexOf(type));
      writer.u8(part.length);
      for (const asNumber of part) {
        if (isFourOctet) writer.u32(asNumber);
        else writer.u16(asNumber > 0xffff ? asTrans : asNumber);
      }
    }
  }
}

/** RFC 4271 section 9.1.2.2: a set counts as one; RFC 5065: confederation segments count nothing. */
export function asPathLength(path: AsPath): number {
  let length = 0;
  for (const { type, asNumbers } of path) {
    if (type === "sequence") length += asNumbers.length;
    else if (type === "set") length++;
  }
  return length;
}

/** The AS that the route came from: the first of the first sequence. Undefined for a route of our own AS. */
export function neighbourAs(path: AsPath): number | undefined {
  const first = path.find(isPlain);
  return first?.type === "sequence" ? first.asNumbers[0] : undefined;
}

/** RFC 5065. */
export function isOfConfederation({ type }: AsSegment): boolean {
  return type === "confedSequence" || type === "confedSet";
}

function isPlain(segment: AsSegment): boolean {
  return !isOfConfederation(segment);
}

/** The path without segments of confederations. */
export function plainPath(path: AsPath): AsSegment[] {
  return path.filter(isPlain);
}

/** In front of the path; confederation segments are ours alone and are left out (RFC 5065 section 4). */
export function prependAs(path: AsPath, asNumber: number): AsPath {
  const plain = plainPath(path);
  const first = plain[0];
  if (first?.type !== "sequence" || first.asNumbers.length >= maxSegmentLength) {
    return [{ type: "sequence", asNumbers: [asNumber] }, ...plain];
  }
  return [{ type: "sequence", asNumbers: [asNumber, ...first.asNumbers] }, ...plain.slice(1)];
}

/** For people and for the API: numbers, and a set as `{1 2}`. */
export function formatAsPath(path: AsPath): (number | string)[] {
  return path.flatMap(({ type, asNumbers }): (number | string)[] => {
    if (type === "sequence") return [...asNumbers];
    const text = asNumbers.join(" ");
    return [type === "set" ? `{${text}}` : `(${text})`];
  });
}

export function needsAs4Path(path: AsPath): boolean {
  return path.some(({ asNumbers }) => asNumbers.some((asNumber) => asNumber > 0xffff));
}

/**
 * RFC 6793 section 4.2.3: the true path of a route that passed a speaker with two-octet AS numbers: as much of the front
 * of `path` as `as4Path` is short of, then `as4Path`. When `as4Path` is the longer one it is not believed. Confederation
 * segments count nothing and stay where they lead the path or stand behind a segment that is taken whole.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let missing = asPathLength(path) - asPathLength(as4Path);
  if (missing < 0) return path;
  const front: AsSegment[] = [];
  for (const segment of path) {
    if (!isPlain(segment)) {
      front.push(segment);
      continue;
    }
    if (missing === 0) break;
    if (segment.type === "sequence" && segment.asNumbers.length > missing) {
      front.push({ type: "sequence", asNumbers: segment.asNumbers.slice(0, missing) });
      break;
    }
    front.push(segment);
    missing -= asPathLength([segment]);
  }
  const last = front.at(-1);
  const first = as4Path[0];
  if (last?.type !== "sequence" || first?.type !== "sequence") return [...front, ...as4Path];
  if (last.asNumbers.length + first.asNumbers.length > maxSegmentLength) return [...front, ...as4Path];
  const joined: AsSegment = { type: "sequence", asNumbers: [...last.asNumbers, ...first.asNumbers] };
  return [...front.slice(0, -1), joined, ...as4Path.slice(1)];
}
