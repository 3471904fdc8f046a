import { TortieError, assert } from "../lib/index.ts";
import {
  type BlockAffinity,
  type IPAMBlock,
  type IPAMHandle,
  type Resource,
  type ResourceOf,
  isKind,
} from "../resources/index.ts";

/** The kinds that address management reads. All are cluster kinds. */
export type IpamKind =
  | "BlockAffinity"
  | "IPAMBlock"
  | "IPAMConfiguration"
  | "IPAMHandle"
  | "IPPool"
  | "Namespace"
  | "Node";

/** What address management writes. */
export type IpamRecord = BlockAffinity | IPAMBlock | IPAMHandle;
export type IpamRecordKind = IpamRecord["kind"];

/** One call of the API. Updates and deletions hold only while the object is at the given resourceVersion. */
export type IpamRequest =
  | { readonly type: "get"; readonly kind: IpamKind; readonly name: string }
  | { readonly type: "list"; readonly kind: IpamKind }
  | { readonly type: "create"; readonly resource: IpamRecord }
  | { readonly type: "update"; readonly resource: IpamRecord }
  | { readonly type: "delete"; readonly kind: IpamRecordKind; readonly name: string; readonly resourceVersion: string };

export type IpamResponse =
  /** To get, create and update: the object as it is stored now. */
  | { readonly type: "resource"; readonly resource: Resource }
  | { readonly type: "list"; readonly items: readonly Resource[] }
  | { readonly type: "deleted" }
  | { readonly type: "notFound" }
  | { readonly type: "conflict" }
  | { readonly type: "exists" };

/** An operation in progress. It may be abandoned at any request: what it wrote so far is safe, and a repeat mends it. */
export type IpamStep<T> = Generator<IpamRequest, T, IpamResponse>;

/** How often an operation starts over because others write the same objects. */
export const maxAttempts = 100;

export function tooManyConflicts(what: string): TortieError {
  return new TortieError("TT_IPAM_CONFLICT", `${what} was changed by others at each of ${maxAttempts} attempts`, {
    fields: { attempts: maxAttempts },
    hint: "try again; if it happens again, look for a host that assigns and releases addresses without end",
  });
}

export function* readObject<K extends IpamKind>(kind: K, name: string): IpamStep<ResourceOf<K> | undefined> {
  const response = yield { type: "get", kind, name };
  return response.type === "notFound" ? undefined : expectResource(response, kind);
}

export function* listObjects<K extends IpamKind>(kind: K): IpamStep<ResourceOf<K>[]> {
  const response = yield { type: "list", kind };
  assert(response.type === "list", `a list is answered with a list, not with ${response.type}`);
  return response.items.filter((item): item is ResourceOf<K> => isKind(item, kind));
}

/** The stored object; undefined when one of that name is there already. */
export function* createObject<K extends IpamRecordKind>(
  kind: K,
  resource: ResourceOf<K> & IpamRecord,
): IpamStep<ResourceOf<K> | undefined> {
  const response = yield { type: "create", resource };
  return response.type === "exists" ? undefined : expectResource(response, kind);
}

/** The stored object; undefined when it has been changed or deleted since it was read. */
export function* updateObject<K extends IpamRecordKind>(
  kind: K,
  resource: ResourceOf<K> & IpamRecord,
): IpamStep<ResourceOf<K> | undefined> {
  const response = yield { type: "update", resource };
  return response.type === "conflict" || response.type === "notFound" ? undefined : expectResource(response, kind);
}

/** `changed`: since it was read, and it stays; `gone`: another has deleted it. */
export function* deleteObject(resource: IpamRecord): IpamStep<"deleted" | "gone" | "changed"> {
  const { name, resourceVersion } = resource.metadata;
  assert(resourceVersion !== undefined, `${resource.kind} ${name} was read before it is deleted`);
  const response = yield { type: "delete", kind: resource.kind, name, resourceVersion };
  if (response.type === "conflict") return "changed";
  return response.type === "notFound" ? "gone" : "deleted";
}

function expectResource<K extends IpamKind>(response: IpamResponse, kind: K): ResourceOf<K> {
  assert(response.type === "resource", `a ${kind} was expected, not ${response.type}`);
  const { resource } = response;
  assert(isKind(resource, kind), `a ${kind} was expected, not a ${resource.kind}`);
  return resource;
}
