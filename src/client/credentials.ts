import { X509Certificate } from "node:crypto";
import { TortieError } from "../lib/index.ts";
import { memberOf, textOf } from "./status-failure.ts";

/** How a server is reached by TLS, and with what the caller is known there. All but the URL in PEM. */
export type Credentials = {
  /** `https://HOST:PORT` */
  readonly server: string;
  /** The only authority that is believed. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
};

/** As a kubeconfig, so that kubectl takes it as well: JSON, which is YAML. */
export function formatCredentials({ server, authority, certificate, key }: Credentials, user: string): string {
  const encode = (pem: string) => Buffer.from(pem).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "tortie", cluster: { server, "certificate-authority-data": encode(authority) } }],
    users: [{ name: user, user: { "client-certificate-data": encode(certificate), "client-key-data": encode(key) } }],
    contexts: [{ name: "tortie", context: { cluster: "tortie", user } }],
    "current-context": "tortie",
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** TT_CONFIG naming `where` when it is none of ours; never quotes the text. */
export function parseCredentials(text: string, where: string): Credentials {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own words would quote the text.
    throw unreadable(where, "it is not JSON");
  }
  const cluster = memberOf(firstOf(json, "clusters"), "cluster");
  const user = memberOf(firstOf(json, "users"), "user");
  const decode = (value: unknown, name: string) => Buffer.from(textOf(value, name), "base64").toString();
  const credentials: Credentials = {
    server: textOf(cluster, "server"),
    authority: decode(cluster, "certificate-authority-data"),
    certificate: decode(user, "client-certificate-data"),
    key: decode(user, "client-key-data"),
  };
  const missing = Object.entries(credentials).find(([, value]) => value === "");
  if (missing !== undefined) throw unreadable(where, `it has no ${missing[0]}`);
  return credentials;
}

/** Milliseconds since 1970; undefined for what is no certificate. */
export function validityOf(
  certificate: string,
): { readonly notBeforeMs: number; readonly notAfterMs: number } | undefined {
  try {
    const { validFromDate, validToDate } = new X509Certificate(certificate);
    return { notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() };
  } catch {
    return undefined;
  }
}

function firstOf(json: unknown, name: string): unknown {
  const list = memberOf(json, name);
  return Array.isArray(list) ? list[0] : undefined;
}

function unreadable(where: string, why: string): TortieError {
  return new TortieError("TT_CONFIG", `the credentials in ${where} cannot be read: ${why}`, {
    hint: "`tortie token create --role ROLE --name NAME --out FILE` makes such a file",
  });
}

/** Whom a certificate (PEM) names; empty texts where it names nobody. */
export function subjectOfCertificate(certificate: string): {
  readonly organisation: string;
  readonly commonName: string;
} {
  const { subject } = new X509Certificate(certificate);
  const part = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(subject)?.[1] ?? "";
  return { organisation: part("O"), commonName: part("CN") };
}
