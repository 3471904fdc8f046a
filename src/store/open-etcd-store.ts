import type { EtcdStore, EtcdStoreOptions } from "./etcd-store.ts";

/** gRPC is loaded by those who use it only. TT_CONFIG when the settings are wrong; TT_API_UNAVAILABLE when no endpoint answers. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const loaded = await import("./etcd-store.ts");
  return loaded.openEtcdStore(options);
}
