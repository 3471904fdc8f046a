/** What a NOTIFICATION carries; also what a parser answers that found a reason to end the session. */
export type Notification = { readonly code: number; readonly subcode: number; readonly data: Uint8Array };

export function notification(code: number, subcode: number, data: ArrayLike<number> = []): Notification {
  return { code, subcode, data: Uint8Array.from(data) };
}

const codeNames = new Map<number, string>([
  [1, "message header error"],
  [2, "OPEN error"],
  [3, "UPDATE error"],
  [4, "hold timer expired"],
  [5, "finite state machine error"],
  [6, "cease"],
  [7, "ROUTE-REFRESH error"],
  [8, "send hold timer expired"],
]);

const subcodeNames = new Map<string, string>([
  ["1/1", "connection not synchronized"],
  ["1/2", "bad message length"],
  ["1/3", "bad message type"],
  ["2/1", "unsupported version"],
  ["2/2", "bad peer AS"],
  ["2/3", "bad BGP identifier"],
  ["2/4", "unsupported optional parameter"],
  ["2/6", "unacceptable hold time"],
  ["2/7", "unsupported capability"],
  ["3/1", "malformed attribute list"],
  ["3/2", "unrecognized well-known attribute"],
  ["3/3", "missing well-known attribute"],
  ["3/9", "optional attribute error"],
  ["3/10", "invalid network field"],
  ["5/1", "unexpected message in OpenSent"],
  ["5/2", "unexpected message in OpenConfirm"],
  ["5/3", "unexpected message in Established"],
  ["6/1", "maximum number of prefixes reached"],
  ["6/2", "administrative shutdown"],
  ["6/3", "peer de-configured"],
  ["6/4", "administrative reset"],
  ["6/5", "connection rejected"],
  ["6/6", "other configuration change"],
  ["6/7", "connection collision resolution"],
  ["6/8", "out of resources"],
  ["6/9", "hard reset"],
  ["6/10", "BFD down"],
]);

/** `OPEN error: bad peer AS`, with the peer's own words when it gave some (RFC 9003). */
export function describeNotification({ code, subcode, data }: Notification): string {
  const name = codeNames.get(code) ?? `error ${code}`;
  const detail = subcodeNames.get(`${code}/${subcode}`) ?? (subcode === 0 ? "" : `subcode ${subcode}`);
  const text = detail === "" ? name : `${name}: ${detail}`;
  const words = code === 6 && (subcode === 2 || subcode === 4) ? shutdownText(data) : "";
  return words === "" ? text : `${text} (${words})`;
}

/** UTF-8 behind a length octet; whatever could upset a terminal is left out. */
function shutdownText(data: Uint8Array): string {
  const length = data[0] ?? 0;
  if (length === 0 || length > data.length - 1) return "";
  return new TextDecoder().decode(data.subarray(1, 1 + length)).replaceAll(/\p{C}/gu, "");
}
