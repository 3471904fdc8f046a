import { type IpAddress, type Problem, type Result, addressVersion, success } from "../lib/index.ts";
import { type AssignInput, type Assignment, autoAssign } from "./auto-assign.ts";
import { formatNotes } from "./choose-pools.ts";
import { readHandle, settleCount } from "./count-handle.ts";
import { blocksOf, listHeldAddresses } from "./held-addresses.ts";
import { releaseAddresses } from "./release.ts";
import type { IpamStep } from "./request.ts";

/**
 * All addresses asked for, or none: what the handle holds already, after a crash for one, is given again and only
 * what is missing is taken. On failure the addresses that this call took are released.
 */
export function* assignForHandle(input: AssignInput): IpamStep<Result<readonly IpAddress[]>> {
  const held = yield* recoverHeldAddresses(input.handleId);
  const num4 = Math.max(0, input.num4 - count(held, 4));
  const num6 = Math.max(0, input.num6 - count(held, 6));
  if (num4 === 0 && num6 === 0) return success(inOrder(held));
  const assignment = yield* autoAssign({ ...input, num4, num6 });
  const all = [...held, ...assignment.addresses];
  if (count(all, 4) >= input.num4 && count(all, 6) >= input.num6) return success(inOrder(all));
  yield* releaseAddresses(assignment.addresses.map((address) => ({ address, handleId: input.handleId })));
  return { ok: false, problems: problemsOf(assignment) };
}

/** What the handle holds; a crash may have left it counting more than that. */
function* recoverHeldAddresses(handleId: string): IpamStep<IpAddress[]> {
  const handle = yield* readHandle(handleId);
  if (handle === undefined) return [];
  for (const cidr of blocksOf(handle)) yield* settleCount(handleId, cidr);
  return (yield* listHeldAddresses(handleId)).map(({ address }) => address);
}

function problemsOf(assignment: Assignment): readonly Problem[] {
  if (assignment.problems.length > 0) return assignment.problems;
  const message = `no address is free: ${formatNotes(assignment.notes)}`;
  return [{ path: "", message, hint: "add an IPPool, or release addresses" }];
}

function count(addresses: readonly IpAddress[], version: 4 | 6): number {
  return addresses.filter((address) => addressVersion(address) === version).length;
}

function inOrder(addresses: readonly IpAddress[]): readonly IpAddress[] {
  return [
    ...addresses.filter((one) => addressVersion(one) === 4),
    ...addresses.filter((one) => addressVersion(one) === 6),
  ];
}
