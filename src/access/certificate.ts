import { createHash } from "node:crypto";
import { addressToBytes, parseAddress } from "../lib/index.ts";
import {
  bitString,
  boolean,
  element,
  flags,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  smallInteger,
  tagged,
  time,
  utf8String,
} from "./der.ts";
import type { Validity } from "./renewal.ts";

export type DistinguishedName = { readonly organisation: string; readonly commonName: string };

export type CertificateUse =
  /** Signs certificates of servers and clients, and no further authorities. */
  | { readonly type: "authority" }
  /** Names and addresses by which clients know the server. */
  | { readonly type: "server"; readonly names: readonly string[] }
  | { readonly type: "client" };

export type CertificateContent = Validity & {
  /** Up to 20 octets, never used before by the same issuer. */
  readonly serial: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** The same of the issuer. */
  readonly issuerKey: Uint8Array;
  readonly use: CertificateUse;
};

const oids = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  organisation: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits of KeyUsage (RFC 5280, section 4.2.1.3). */
const usage = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;

/** The part of a version 3 certificate (RFC 5280) that the issuer signs, with ECDSA and SHA-256. */
export function certificateToSign(content: CertificateContent): Uint8Array<ArrayBuffer> {
  return sequence(
    tagged(0, smallInteger(2)),
    integer(content.serial),
    signatureAlgorithm(),
    encodeName(content.issuer),
    sequence(time(content.notBeforeMs), time(content.notAfterMs)),
    encodeName(content.subject),
    content.publicKey,
    tagged(3, sequence(...extensions(content))),
  );
}

/** The whole certificate, DER. `signature` as node:crypto gives it. */
export function assembleCertificate(signed: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(signed, signatureAlgorithm(), bitString(signature));
}

function extensions({ use, publicKey, issuerKey }: CertificateContent): Uint8Array[] {
  const isAuthority = use.type === "authority";
  const common = [
    extension(oids.basicConstraints, true, isAuthority ? sequence(boolean(true), smallInteger(0)) : sequence()),
    extension(
      oids.keyUsage,
      true,
      isAuthority ? flags(usage.keyCertSign, usage.cRLSign) : flags(usage.digitalSignature),
    ),
    extension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey))),
    extension(oids.authorityKeyIdentifier, false, sequence(element(0x80, keyIdentifier(issuerKey)))),
  ];
  if (use.type === "authority") return common;
  const purpose = objectIdentifier(use.type === "server" ? oids.serverAuth : oids.clientAuth);
  common.push(extension(oids.extendedKeyUsage, false, sequence(purpose)));
  if (use.type === "server")
    common.push(extension(oids.subjectAltName, false, sequence(...use.names.map(generalName))));
  return common;
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  return sequence(objectIdentifier(id), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** RFC 7093, section 2, method 4: any function of the key; only equality counts. */
function keyIdentifier(publicKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}

function generalName(name: string): Uint8Array {
  const address = parseAddress(name);
  if (address !== undefined) return element(0x87, addressToBytes(address));
  return element(0x82, new TextEncoder().encode(name));
}

function encodeName({ organisation, commonName }: DistinguishedName): Uint8Array {
  const part = (id: string, text: string) => set(sequence(objectIdentifier(id), utf8String(text)));
  return sequence(part(oids.organisation, organisation), part(oids.commonName, commonName));
}

function signatureAlgorithm(): Uint8Array {
  return sequence(objectIdentifier(oids.ecdsaWithSha256));
}
