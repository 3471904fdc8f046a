import { NetlinkWriter } from "../lib/index.ts";
import { attributes, inetFamily, messages, netlink } from "./numbers.ts";

/** Questions about one inet table. Dumps end with NLMSG_DONE; the others with one answer or an error. */
export type NftRequest =
  | { readonly type: "generation" }
  | { readonly type: "table"; readonly table: string }
  | { readonly type: "chains"; readonly table: string }
  | { readonly type: "rules"; readonly table: string }
  | { readonly type: "sets"; readonly table: string }
  | { readonly type: "elements"; readonly table: string; readonly set: string };

export function encodeRequest(request: NftRequest, sequence: number): Uint8Array {
  const writer = new NetlinkWriter(512);
  const ask = (type: number, flags: number, body: () => void) =>
    writer.message(type, netlink.flagRequest | flags, sequence, () => {
      writer.header([inetFamily, 0, 0, 0]);
      body();
    });
  switch (request.type) {
    case "generation":
      ask(messages.getGeneration, 0, () => undefined);
      break;
    case "table":
      ask(messages.getTable, 0, () => writer.text(attributes.table.name, request.table));
      break;
    case "chains":
      // The kernel has no filter here: the chains of every inet table come.
      ask(messages.getChain, netlink.flagDump, () => undefined);
      break;
    case "rules":
      ask(messages.getRule, netlink.flagDump, () => writer.text(attributes.rule.table, request.table));
      break;
    case "sets":
      ask(messages.getSet, netlink.flagDump, () => writer.text(attributes.set.table, request.table));
      break;
    case "elements":
      ask(messages.getElements, netlink.flagDump, () => {
        writer.text(attributes.elements.table, request.table);
        writer.text(attributes.elements.set, request.set);
      });
      break;
  }
  return writer.bytes();
}
