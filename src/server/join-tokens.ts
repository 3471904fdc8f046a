import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { JoinToken } from "../access/index.ts";
import { TortieError } from "../lib/index.ts";
import type { Store, StoredObject } from "../store/index.ts";
import { unauthorized } from "./caller.ts";
import { StatusError } from "./status.ts";

/** No kind of the API has this name: tokens are not objects of it, and nobody lists or watches them. */
const prefix = "JoinToken//";
/** So many may use the same token at the same time before the server gives up. */
const attempts = 5;

/** What the store knows of a token: not its secret. */
type Stored = {
  readonly node: string;
  readonly secretHash: string;
  readonly expiresMs: number;
  /** Hash of the key that it has been used for. */
  readonly usedBy?: string;
};

/** Tokens with which hosts join. Several servers share them through the store. */
export class JoinTokens {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Only what is returned holds the secret. */
  async create(node: string, expiresMs: number): Promise<Pick<JoinToken, "id" | "secret">> {
    await this.#sweep();
    const id = randomBytes(8).toString("hex");
    const secret = randomBytes(32).toString("base64url");
    const stored: Stored = { node, secretHash: hash(secret), expiresMs };
    await this.#store.create(prefix + id, JSON.stringify(stored));
    return { id, secret };
  }

  /**
   * Uses the token up for one key: whoever lost the answer may ask again with the same key. Unauthorized when it is unknown,
   * wrong, expired or used; Forbidden when it is for another node.
   */
  async redeem({ id, secret }: Pick<JoinToken, "id" | "secret">, node: string, publicKey: string): Promise<void> {
    const usedBy = hash(publicKey);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = await this.#store.get(prefix + id);
      const stored = found && read(found);
      if (found === undefined || stored === undefined || !isEqual(stored.secretHash, hash(secret)))
        throw unauthorized("the token is not one of this cluster, or has expired long ago");
      if (stored.expiresMs <= Date.now()) throw unauthorized("the token has expired; make another one");
      if (stored.node !== node)
        throw new StatusError("Forbidden", `the token is not for node "${node}"; make one for it`);
      if (stored.usedBy === usedBy) return;
      if (stored.usedBy !== undefined) throw unauthorized("the token has been used; make another one");
      try {
        await this.#store.update(found.key, JSON.stringify({ ...stored, usedBy }), found.modRevision);
        return;
      } catch (error) {
        if (!hasCode(error, ["TT_API_CONFLICT", "TT_API_NOT_FOUND"])) throw error;
      }
    }
    throw unauthorized("the token is being used by many at once");
  }

  async #sweep(): Promise<void> {
    const { objects } = await this.#store.list(prefix);
    for (const object of objects) {
      if ((read(object)?.expiresMs ?? 0) > Date.now()) continue;
      await this.#store.delete(object.key).catch((error: unknown) => {
        if (!hasCode(error, ["TT_API_NOT_FOUND"])) throw error;
      });
    }
  }
}

function read({ value }: StoredObject): Stored | undefined {
  const json: Partial<Stored> = JSON.parse(value);
  const { node, secretHash, expiresMs } = json;
  return node === undefined || secretHash === undefined || expiresMs === undefined
    ? undefined
    : { ...json, node, secretHash, expiresMs };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof TortieError && codes.includes(error.code);
}
