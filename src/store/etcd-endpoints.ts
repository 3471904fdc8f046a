import { readFileSync } from "node:fs";
import { TortieError } from "../lib/index.ts";

export type EtcdSettings = {
  /** `http://host:port,https://host:port`; without a scheme TLS is spoken when one of the files is given. */
  readonly endpoints: string;
  /** PEM files: who signed etcd's certificate (default: the system's authorities), our certificate and its key. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
};

export type EtcdEndpoint = { readonly address: string; readonly isTls: boolean };
export type EtcdCertificates = {
  readonly ca: Buffer | undefined;
  readonly certificate: Buffer | undefined;
  readonly key: Buffer | undefined;
};

const shape = /^(?:(https?):\/\/)?((?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5})\/?$/;

/** TT_CONFIG */
export function readEtcdSettings(settings: EtcdSettings): {
  readonly endpoints: readonly EtcdEndpoint[];
  readonly certificates: EtcdCertificates;
} {
  const { caFile, certFile, keyFile } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new TortieError("TT_CONFIG", "a certificate for etcd needs its key, and a key its certificate");
  const hasFiles = caFile !== undefined || certFile !== undefined;
  const endpoints = settings.endpoints.split(",").map((text) => {
    const [, scheme, address] = shape.exec(text.trim()) ?? [];
    if (address === undefined)
      throw new TortieError("TT_CONFIG", `"${text}" is not an endpoint of etcd`, {
        hint: "write http://192.0.2.1:2379, several with commas between",
      });
    return { address, isTls: scheme === undefined ? hasFiles : scheme === "https" };
  });
  if (hasFiles && endpoints.some(({ isTls }) => !isTls))
    throw new TortieError("TT_CONFIG", "certificates are given, but not every endpoint of etcd is https://");
  return {
    endpoints,
    certificates: { ca: readFile(caFile), certificate: readFile(certFile), key: readFile(keyFile) },
  };
}

function readFile(path: string | undefined): Buffer | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path);
  } catch (cause) {
    throw new TortieError("TT_CONFIG", `${path} cannot be read: ${String(cause)}`, { cause });
  }
}
