import { type IpAddress, type Result, failure, parseAddress, success } from "../lib/index.ts";

/** Where peers are waited for. Without addresses: at every one. */
export type Listen = { readonly port: number; readonly addresses?: readonly IpAddress[] };

const hint = "write it like 192.0.2.1:179, [2001:db8::1]:179, or [::]:179 for every address";

/** Reads places such as `192.0.2.1:179` and `[2001:db8::1]:179`; all have one port. `path` is where they were written. */
export function parseListen(places: readonly string[], path: string): Result<Listen> {
  const read: { readonly address: IpAddress; readonly port: number }[] = [];
  for (const place of places) {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]*:[^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(place) ?? [];
    const address = parseAddress(bracketed ?? plain ?? "");
    const port = Number(digits);
    if (address === undefined || !(port >= 1 && port <= 65535))
      return failure(path, `"${place}" is no address with a port`, hint);
    read.push({ address, port });
  }
  const [first] = read;
  if (first === undefined) return failure(path, "names no address", hint);
  const other = read.find(({ port }) => port !== first.port);
  if (other !== undefined)
    return failure(path, `ports ${first.port} and ${other.port} differ`, "use one port for all addresses");
  if (read.some(({ address }) => address === "::")) return success({ port: first.port });
  return success({ port: first.port, addresses: [...new Set(read.map(({ address }) => address))] });
}
