import type { ChangeLog } from "./change-log.ts";
import { type Told, isSameEncoding } from "./export.ts";
import type { Base } from "./group-member.ts";
import { ListMap } from "./list-map.ts";
import { type Detour, MessageLog } from "./message-log.ts";
import type { Source } from "./path.ts";
import type { Item, UpdateGroup } from "./update-group.ts";
import { type UpdateFormat, writeAnnouncements, writeWithdrawals } from "./update-writer.ts";

/** What one source passes over in a step, since it would be told its own paths. */
type OwnPart = {
  readonly detours: Detour[];
  /** It may have been told others' paths to these before. */
  readonly items: readonly Item[];
};

/** Part of a walk through the changes of a group, in octets that all who walk there share. */
export type Step = {
  readonly log: MessageLog;
  /** Version that is known to whoever has read it. */
  readonly to: number;
  readonly ownParts: ReadonlyMap<Source, OwnPart>;
  /** Changes that were looked at. */
  readonly size: number;
};

type Draft = {
  readonly withdrawn: ListMap<Source | undefined, Item>;
  readonly announced: ListMap<Told, Item>;
  readonly own: ListMap<Source, Item>;
};

/**
 * All changes after a version, at most `limit` of them, as they stand now. `isFresh`: for those who know nothing, who need
 * no withdrawals.
 */
export function stepThrough(
  changes: ChangeLog<Item>,
  format: UpdateFormat,
  from: number,
  limit: number,
  isFresh: boolean,
): Step {
  return walk(changes, format, from, limit, (item, _version, draft) => {
    if (item.told === undefined) {
      if (!isFresh) draft.withdrawn.add(undefined, item);
      return;
    }
    draft.announced.add(item.told, item);
    const { source } = item.told.path;
    if (!isFresh && source !== undefined) draft.own.add(source, item);
  });
}

/**
 * The same for those who were members of another group, whose words need not be repeated. What has changed since they
 * began, at `startedAt`, they may have been told by this group already.
 */
export function stepThroughDifferences(
  changes: ChangeLog<Item>,
  format: UpdateFormat,
  from: number,
  limit: number,
  bases: readonly Base[],
  startedAt: number,
): Step {
  return walk(changes, format, from, limit, (item, version, draft) => {
    const { told } = item;
    const before = version > startedAt ? nothingKnown : whatIsKnown(bases, item);
    if (told === undefined) {
      if (before.told !== undefined) draft.withdrawn.add(before.told.path.source, item);
      else if (!before.isKnown) draft.withdrawn.add(undefined, item);
      return;
    }
    const { source } = told.path;
    const isSameSource = before.told?.path.source === source;
    if (before.told !== undefined && isSameSource && isSameEncoding(before.told.encoded, told.encoded)) return;
    draft.announced.add(told, item);
    const mayKnowOther = !before.isKnown || (before.told !== undefined && !isSameSource);
    if (mayKnowOther && source !== undefined) draft.own.add(source, item);
  });
}

/** What another group told and `group` does not tell. */
export function stepThroughLeftovers(group: UpdateGroup, base: Base, limit: number): Step {
  const { changes } = base.group;
  return walk(changes, group.format, base.sweptTo, limit, (item, version, draft) => {
    if (group.find(item.destination, item.pathId)?.told !== undefined) return;
    const isKnown = version <= base.version;
    if (isKnown && item.told === undefined) return;
    draft.withdrawn.add(isKnown ? item.told?.path.source : undefined, item);
  });
}

/** `told` is meaningful when it is known, and undefined when nothing was told. */
type Knowledge = { readonly isKnown: boolean; readonly told: Told | undefined };

const nothingKnown: Knowledge = { isKnown: false, told: undefined };

function whatIsKnown(bases: readonly Base[], { destination, pathId }: Item): Knowledge {
  const [base] = bases;
  if (base === undefined || bases.length > 1 || base.version < 0) return nothingKnown;
  const item = base.group.find(destination, pathId);
  if (item === undefined) return { isKnown: true, told: undefined };
  return base.group.changes.versionOf(item) <= base.version ? { isKnown: true, told: item.told } : nothingKnown;
}

function walk(
  changes: ChangeLog<Item>,
  format: UpdateFormat,
  from: number,
  limit: number,
  look: (item: Item, version: number, draft: Draft) => void,
): Step {
  const draft: Draft = { withdrawn: new ListMap(), announced: new ListMap(), own: new ListMap() };
  const start = changes.slotAfter(from);
  const end = Math.min(start + limit, changes.slotEnd);
  for (let slot = start; slot < end; slot++) {
    const item = changes.at(slot);
    if (item !== undefined) look(item, changes.versionAt(slot), draft);
  }
  const to = end === changes.slotEnd ? changes.version : changes.versionAt(end - 1);
  return { ...write(draft, format), to, size: end - start };
}

function write({ withdrawn, announced, own }: Draft, format: UpdateFormat): Pick<Step, "log" | "ownParts"> {
  const log = new MessageLog(1);
  const ownParts = new Map<Source, OwnPart>();
  const add = (source: Source | undefined, writeMessages: () => void) => {
    const from = log.end;
    const before = log.messageCount;
    writeMessages();
    if (source === undefined) return;
    const part = ownParts.get(source) ?? { detours: [], items: own.get(source) ?? [] };
    ownParts.set(source, part);
    part.detours.push({ from, to: log.end, skipped: log.messageCount - before, inserted: 0 });
  };
  log.expect(estimateBytes(announced, withdrawn));
  for (const [source, items] of withdrawn) add(source, () => writeWithdrawals(log, items, format));
  for (const [told, items] of announced) {
    add(told.path.source, () => writeAnnouncements(log, items, told.encoded, format));
  }
  return { log, ownParts };
}

/** About as many octets as the messages will have: more than is needed rather than less. */
export function estimateBytes(announced: ListMap<Told, Item>, withdrawn: ListMap<Source | undefined, Item>): number {
  let sum = 0;
  for (const [{ encoded }, items] of announced) sum += 64 + encoded.bytes.length + nlriEstimate(items);
  for (const items of withdrawn.values()) sum += 64 + nlriEstimate(items);
  return sum;
}

function nlriEstimate(items: readonly Item[]): number {
  return items.length * ((items[0]?.key.length ?? 0) + 4);
}
