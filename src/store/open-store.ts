import { existsSync } from "node:fs";
import { type Logger, TortieError } from "../lib/index.ts";
import type { EtcdSettings } from "./etcd-endpoints.ts";
import { openEtcdStore } from "./open-etcd-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

export type OpenStoreOptions = {
  /** `sqlite:PATH` or `etcd:ENDPOINTS`. */
  readonly place: string;
  readonly certificates: Omit<EtcdSettings, "endpoints">;
  /** A file that is not there is made. */
  readonly mayCreate: boolean;
  readonly log: Logger;
};

/** A store as one names it on the command line. TT_CONFIG; and as opening that backend fails. */
export async function openStore({ place, certificates, mayCreate, log }: OpenStoreOptions): Promise<Store> {
  const [, backend, where = ""] = /^(sqlite|etcd):(.+)$/.exec(place) ?? [];
  if (backend === undefined) {
    throw new TortieError("TT_CONFIG", `"${place}" names no store`, {
      hint: "write sqlite:/var/lib/tortie/store.sqlite or etcd:http://192.0.2.1:2379",
    });
  }
  if (backend === "etcd") return openEtcdStore({ endpoints: where, ...certificates, log });
  if (!mayCreate && !existsSync(where)) throw new TortieError("TT_CONFIG", `there is no ${where}`);
  return openSqliteStore({ path: where, log });
}
