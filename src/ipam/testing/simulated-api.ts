import { assert, cidrAddress } from "../../lib/index.ts";
import {
  type IPAMBlock,
  type Kind,
  type Resource,
  type ResourceOf,
  isKind,
  blockAffinityName,
  cidrToName,
} from "../../resources/index.ts";
import { addressAt, hostAffinity, isEmptyBlock, ordinalsOfHandle } from "../block.ts";
import { handleName } from "../handle-name.ts";
import type { IpamRequest, IpamResponse, IpamStep } from "../request.ts";

/**
 * The API as a map with strict compare-and-swap. After every single write it checks what must hold at every
 * instant, whoever crashed: no address without a handle, no count too low, no announced block that is not the node's.
 */
export class SimulatedApi {
  readonly #byKind = new Map<Kind, Map<string, Resource>>();
  #revision = 0;
  requests = 0;

  answer(request: IpamRequest): IpamResponse {
    this.requests++;
    switch (request.type) {
      case "get": {
        const resource = this.#objects(request.kind).get(request.name);
        return resource === undefined ? { type: "notFound" } : { type: "resource", resource };
      }
      case "list":
        return { type: "list", items: [...this.#objects(request.kind).values()] };
      case "create": {
        const { kind, metadata } = request.resource;
        assert(metadata.resourceVersion === undefined, `a new ${kind} has no resourceVersion`);
        if (this.#objects(kind).has(metadata.name)) return { type: "exists" };
        return this.#store(request.resource);
      }
      case "update": {
        const refusal = this.#refuse(
          request.resource.kind,
          request.resource.metadata.name,
          request.resource.metadata.resourceVersion,
        );
        return refusal ?? this.#store(request.resource);
      }
      case "delete": {
        const refusal = this.#refuse(request.kind, request.name, request.resourceVersion);
        if (refusal !== undefined) return refusal;
        const previous = this.#objects(request.kind).get(request.name);
        this.#objects(request.kind).delete(request.name);
        this.#checkInstant(undefined, previous);
        return { type: "deleted" };
      }
    }
  }

  /** As an operator would: whatever was there is replaced. */
  put(resource: Resource): void {
    this.#store(resource);
  }

  remove(kind: Kind, name: string): void {
    this.#objects(kind).delete(name);
  }

  find<K extends Kind>(kind: K, name: string): ResourceOf<K> | undefined {
    const resource = this.#objects(kind).get(name);
    return resource !== undefined && isKind(resource, kind) ? resource : undefined;
  }

  all<K extends Kind>(kind: K): ResourceOf<K>[] {
    return [...this.#objects(kind).values()].filter((resource): resource is ResourceOf<K> => isKind(resource, kind));
  }

  /** Runs an operation to its end without any other in between. */
  run<T>(step: IpamStep<T>): T {
    let next = step.next();
    while (next.done !== true) next = step.next(this.answer(next.value));
    return next.value;
  }

  /** Runs an operation up to the first such request, which is made only when the operation is finished. */
  pauseBefore<T>(step: IpamStep<T>, isIt: (request: IpamRequest) => boolean): { finish(): T } {
    let next = step.next();
    while (next.done !== true && !isIt(next.value)) next = step.next(this.answer(next.value));
    assert(next.done !== true, "the operation comes to the request");
    const finish = () => {
      while (next.done !== true) next = step.next(this.answer(next.value));
      return next.value;
    };
    return { finish };
  }

  #objects(kind: Kind): Map<string, Resource> {
    let objects = this.#byKind.get(kind);
    if (objects === undefined) this.#byKind.set(kind, (objects = new Map()));
    return objects;
  }

  #refuse(kind: Kind, name: string, resourceVersion: string | undefined): IpamResponse | undefined {
    const stored = this.#objects(kind).get(name);
    if (stored === undefined) return { type: "notFound" };
    assert(resourceVersion !== undefined, `a write to ${kind} ${name} names the version it replaces`);
    return stored.metadata.resourceVersion === resourceVersion ? undefined : { type: "conflict" };
  }

  #store(resource: Resource): IpamResponse {
    const objects = this.#objects(resource.kind);
    const previous = objects.get(resource.metadata.name);
    const metadata = { ...resource.metadata, resourceVersion: String(++this.#revision) };
    const stored = { ...resource, metadata } as Resource;
    objects.set(metadata.name, stored);
    this.#checkInstant(stored, previous);
    return { type: "resource", resource: stored };
  }

  #checkInstant(now: Resource | undefined, previous: Resource | undefined): void {
    const touched = now ?? previous;
    if (touched?.kind === "IPAMBlock") {
      this.#checkBlock(
        now?.kind === "IPAMBlock" ? now : undefined,
        previous?.kind === "IPAMBlock" ? previous : undefined,
      );
    } else if (touched?.kind === "IPAMHandle") {
      const cidrs = new Set(
        [now, previous].flatMap((one) => (one?.kind === "IPAMHandle" ? Object.keys(one.spec.block) : [])),
      );
      for (const block of this.all("IPAMBlock")) {
        if (cidrs.has(block.spec.cidr)) this.#checkCount(touched.spec.handleID, block);
      }
    } else if (now?.kind === "BlockAffinity" && now.spec.state === "confirmed") {
      const owner = this.find("IPAMBlock", cidrToName(now.spec.cidr))?.spec.affinity;
      assert(owner === hostAffinity(now.spec.node), `${now.metadata.name} is confirmed and its block is ${owner}`);
    }
  }

  #checkBlock(now: IPAMBlock | undefined, previous: IPAMBlock | undefined): void {
    if (previous?.spec.affinity !== undefined && now?.spec.affinity !== previous.spec.affinity) {
      const affinity = this.find(
        "BlockAffinity",
        blockAffinityName(previous.spec.affinity.slice(5), previous.spec.cidr),
      );
      assert(affinity?.spec.state !== "confirmed", `${affinity?.metadata.name} is confirmed and loses its block`);
    }
    if (now === undefined) {
      const isOwned = previous?.spec.affinity !== undefined;
      assert(!isOwned || isEmptyBlock(previous), "a host's block is deleted only when it is empty");
      return;
    }
    const { allocations, unallocated, attributes, sequenceNumber, sequenceNumberForAllocation } = now.spec;
    const free = allocations.flatMap((index, ordinal) => (index === null ? [ordinal] : []));
    assert(
      free.join() === unallocated.toSorted((a, b) => a - b).join(),
      `${now.metadata.name}: free list and allocations agree`,
    );
    const used = new Set(allocations.filter((index) => index !== null));
    assert(attributes.length === used.size && [...used].every((i) => i < attributes.length), "every attribute is used");
    assert(previous === undefined || sequenceNumber > previous.spec.sequenceNumber, "a block's sequence number grows");
    const numbered = Object.keys(sequenceNumberForAllocation).length;
    assert(numbered === allocations.length - free.length, "every allocation has a sequence number");
    for (const { handle_id: handleId } of attributes) {
      assert(handleId !== undefined, "every address has a handle");
      this.#checkCount(handleId, now);
    }
  }

  #checkCount(handleId: string, block: IPAMBlock): void {
    const present = ordinalsOfHandle(block, handleId).length;
    const count = this.find("IPAMHandle", handleName(handleId))?.spec.block[block.spec.cidr] ?? 0;
    assert(count >= present, `handle ${handleId} counts ${count} in ${block.spec.cidr}, which has ${present}`);
  }
}

/** What must hold when nothing is under way: counts are exact where `isSettled`, and owned blocks have an affinity. */
export function checkAtRest(api: SimulatedApi, isSettled: boolean): void {
  const holders = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const block of api.all("IPAMBlock")) {
    const { cidr, affinity, allocations, attributes } = block.spec;
    assert(block.metadata.name === cidrToName(cidr) && cidrAddress(cidr) === addressAt(cidr, 0), "a block is aligned");
    if (affinity === undefined) assert(!isEmptyBlock(block), `${cidr} is empty and nobody's, and is there`);
    else
      assert(
        api.find("BlockAffinity", blockAffinityName(affinity.slice(5), cidr)) !== undefined,
        `${cidr} has an affinity`,
      );
    for (const [ordinal, index] of allocations.entries()) {
      if (index === null) continue;
      const address = addressAt(cidr, ordinal);
      assert(!holders.has(address), `${address} is in one block only`);
      const handleId = attributes[index]?.handle_id ?? "";
      holders.set(address, handleId);
      counts.set(`${handleId} ${cidr}`, (counts.get(`${handleId} ${cidr}`) ?? 0) + 1);
    }
  }
  for (const { spec } of api.all("IPAMHandle")) {
    assert(Object.keys(spec.block).length > 0, `handle ${spec.handleID} without blocks is deleted`);
    for (const [cidr, count] of Object.entries(spec.block)) {
      const present = counts.get(`${spec.handleID} ${cidr}`) ?? 0;
      if (isSettled) assert(count === present, `handle ${spec.handleID} counts ${count} in ${cidr}, not ${present}`);
    }
  }
}
