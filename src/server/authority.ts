import {
  type KeyObject,
  X509Certificate,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import {
  type CertificateUse,
  type DistinguishedName,
  assembleCertificate,
  certificateToSign,
} from "../access/index.ts";
import { TortieError, parseAddress } from "../lib/index.ts";

const dayMs = 86_400_000;
const authorityTtlMs = 3650 * dayMs;
/** Clocks of hosts may be this much behind. */
const clockSkewMs = 300_000;

export type Issue = {
  readonly subject: DistinguishedName;
  readonly publicKey: KeyObject;
  readonly use: CertificateUse;
  readonly ttlMs: number;
};

/** The cluster's certificate authority: its key signs the certificates of servers, hosts and people. */
export class Authority {
  /** PEM */
  readonly certificate: string;
  /** Names and addresses by which clients know this server. */
  readonly names: readonly string[];
  readonly #key: KeyObject;
  readonly #subject: DistinguishedName;
  readonly #publicKey: Uint8Array;

  constructor(certificate: string, key: KeyObject, names: readonly string[]) {
    const read = new X509Certificate(certificate);
    this.certificate = certificate;
    this.names = names;
    this.#key = key;
    this.#subject = { organisation: subjectPart(read, "O"), commonName: subjectPart(read, "CN") };
    this.#publicKey = spkiOf(read.publicKey);
  }

  /** SHA-256 of the certificate (DER), in base64url. */
  get hash(): string {
    return createHash("sha256").update(new X509Certificate(this.certificate).raw).digest("base64url");
  }

  /** PEM */
  issue({ subject, publicKey, use, ttlMs }: Issue, nowMs = Date.now()): string {
    const signed = certificateToSign({
      serial: randomSerial(),
      issuer: this.#subject,
      subject,
      notBeforeMs: nowMs - Math.min(clockSkewMs, ttlMs / 10),
      notAfterMs: nowMs + ttlMs,
      publicKey: spkiOf(publicKey),
      issuerKey: this.#publicKey,
      use,
    });
    return toPem(assembleCertificate(signed, sign("sha256", signed, this.#key)));
  }
}

export function makeKeyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** Undefined for what is no public key that we would sign. */
export function readPublicKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: pem, format: "pem", type: "spki" });
    return !pem.includes("PRIVATE") && key.asymmetricKeyDetails?.namedCurve === "prime256v1" ? key : undefined;
  } catch {
    // Whatever OpenSSL does not read.
    return undefined;
  }
}

/** Undefined when there is none. TT_CONFIG when it cannot be used. */
export function openAuthority(folder: string): Authority | undefined {
  const { keyPath, certificatePath, namesPath } = placesIn(folder);
  const isThere = existsSync(keyPath);
  if (!isThere && !existsSync(certificatePath)) return undefined;
  if (!isThere || !existsSync(certificatePath)) throw unusable(folder, "only one of ca.key and ca.crt is there");
  if ((statSync(keyPath).mode & 0o077) !== 0)
    throw unusable(keyPath, "others than its owner may use it", "chmod 600 it");
  const certificate = readFileSync(certificatePath, "utf8");
  try {
    const key = createPrivateKey(readFileSync(keyPath));
    const read = new X509Certificate(certificate);
    if (!read.ca || !read.checkPrivateKey(key)) throw unusable(folder, "ca.key is not the key of ca.crt");
    if (read.validToDate.getTime() < Date.now()) throw unusable(certificatePath, "it has expired");
    const names = existsSync(namesPath) ? readFileSync(namesPath, "utf8").split("\n").filter(Boolean) : [];
    return new Authority(certificate, key, names.length === 0 ? defaultNames() : names);
  } catch (cause) {
    if (cause instanceof TortieError) throw cause;
    // The cause is left out: it might quote the key.
    throw unusable(folder, "ca.key or ca.crt cannot be read");
  }
}

export type InitOptions = {
  /** The server's state folder. */
  readonly state: string;
  /** How clients reach this server; none: the host's name and loopback. */
  readonly names: readonly string[];
};

/** Makes the authority, or keeps the one that was put there, and notes the server's names. */
export function initAuthority({ state, names }: InitOptions): {
  readonly isNew: boolean;
  readonly authority: Authority;
} {
  for (const name of names) {
    if (parseAddress(name) === undefined && !/^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name))
      throw new TortieError("TT_CONFIG", `${name} is neither a host name nor an address`, {
        hint: "write --name api.example.org or --name 192.0.2.7",
      });
  }
  const folder = authorityFolder(state);
  const { keyPath, certificatePath, namesPath } = placesIn(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const present = openAuthority(folder);
  if (present === undefined) {
    const { publicKey, privateKey } = makeKeyPair();
    write(keyPath, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    write(certificatePath, selfSigned(publicKey, privateKey));
  }
  if (names.length > 0 || !existsSync(namesPath)) write(namesPath, `${[...new Set(names)].join("\n")}\n`, "w");
  const authority = openAuthority(folder);
  if (authority === undefined) throw unusable(folder, "it went away");
  return { isNew: present === undefined, authority };
}

export function authorityFolder(state: string): string {
  return `${state}/pki`;
}

function selfSigned(publicKey: KeyObject, privateKey: KeyObject): string {
  // Two clusters have authorities of two names, so that nobody takes the one for the other.
  const subject = { organisation: "tortie", commonName: `tortie-ca-${randomBytes(4).toString("hex")}` };
  const signed = certificateToSign({
    serial: randomSerial(),
    issuer: subject,
    subject,
    notBeforeMs: Date.now() - clockSkewMs,
    notAfterMs: Date.now() + authorityTtlMs,
    publicKey: spkiOf(publicKey),
    issuerKey: spkiOf(publicKey),
    use: { type: "authority" },
  });
  return toPem(assembleCertificate(signed, sign("sha256", signed, privateKey)));
}

function placesIn(folder: string) {
  return { keyPath: `${folder}/ca.key`, certificatePath: `${folder}/ca.crt`, namesPath: `${folder}/names` };
}

function write(path: string, text: string, flag = "wx"): void {
  writeFileSync(path, text, { mode: 0o600, flag, flush: true });
}

function defaultNames(): string[] {
  return [...new Set([hostname().toLowerCase(), "localhost", "127.0.0.1", "::1"])];
}

function unusable(
  what: string,
  why: string,
  hint = "put both back, or move both away and run `tortie server init`",
): TortieError {
  return new TortieError("TT_CONFIG", `the certificate authority in ${what} cannot be used: ${why}`, { hint });
}

/** 127 bits: positive as it is. */
function randomSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  return serial;
}

function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: "spki", format: "der" });
}

function toPem(der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function subjectPart({ subject }: X509Certificate, name: string): string {
  return new RegExp(`^${name}=(.*)$`, "m").exec(subject)?.[1] ?? "";
}
