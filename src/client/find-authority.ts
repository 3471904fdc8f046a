import { createHash } from "node:crypto";
import { once } from "node:events";
import { type TLSSocket, connect } from "node:tls";
import { TortieError } from "../lib/index.ts";

const deadlineMs = 10_000;

/**
 * The authority's certificate (PEM) of the server at a URL, which is known by nothing but its hash: SHA-256 in base64url. Nothing is
 * said to the server; whoever uses the certificate still has to verify the server by it. TT_API_DENIED when it is another one.
 */
export async function findAuthority(url: string, hash: string, signal: AbortSignal): Promise<string> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const options = { host, port: Number(port || 443), minVersion: "TLSv1.3", rejectUnauthorized: false } as const;
  const socket = connect(options);
  const until = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  try {
    await once(socket, "secureConnect", { signal: until });
    const found = authorityOf(socket);
    if (found !== undefined && hashOf(found) === hash) return toPem(found);
  } catch (cause) {
    signal.throwIfAborted();
    throw new TortieError("TT_API_UNAVAILABLE", `the server does not answer at ${url}`, {
      cause,
      hint: "is `tortie server --listen` running there?",
    });
  } finally {
    socket.destroy();
  }
  throw new TortieError("TT_API_DENIED", `the server at ${url} is not of the cluster that the token is for`, {
    hint: "compare the address with that of `tortie token create`; nothing was sent to this server",
  });
}

/** The last of the chain, which signs itself. */
function authorityOf(socket: TLSSocket): Buffer | undefined {
  let certificate = socket.getPeerCertificate(true);
  for (let depth = 0; depth < 4; depth++) {
    const issuer = certificate.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === certificate.fingerprint256) break;
    certificate = issuer;
  }
  return certificate.raw;
}

function hashOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("base64url");
}

function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
