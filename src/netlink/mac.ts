/** Octets of `ee:ee:ee:ee:ee:ee`. The text is one of ours or came from `formatMac`. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac === "" ? [] : mac.split(":"), (octet) => Number.parseInt(octet, 16));
}

export function formatMac(bytes: Uint8Array | undefined): string {
  return Array.from(bytes ?? [], (octet) => octet.toString(16).padStart(2, "0")).join(":");
}
