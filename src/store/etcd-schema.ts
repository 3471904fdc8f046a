import type { fromJSON } from "@grpc/proto-loader";

/**
 * The part of etcd's API (rpc.proto of v3.4; later ones only add to it) that we use, as protobuf.js reads it. Keys and values are
 * `bytes` there; on the wire `string` is the same, and ours are all UTF-8.
 */
export const etcdSchema: Parameters<typeof fromJSON>[0] = {
  nested: {
    mvccpb: {
      nested: {
        KeyValue: {
          fields: {
            key: { type: "string", id: 1 },
            createRevision: { type: "int64", id: 2 },
            modRevision: { type: "int64", id: 3 },
            value: { type: "string", id: 5 },
          },
        },
        Event: {
          fields: {
            type: { type: "int32", id: 1 },
            kv: { type: "KeyValue", id: 2 },
            prevKv: { type: "KeyValue", id: 3 },
          },
        },
      },
    },
    etcdserverpb: {
      nested: {
        ResponseHeader: { fields: { revision: { type: "int64", id: 3 } } },
        RangeRequest: {
          fields: {
            key: { type: "string", id: 1 },
            rangeEnd: { type: "string", id: 2 },
            limit: { type: "int64", id: 3 },
            revision: { type: "int64", id: 4 },
            keysOnly: { type: "bool", id: 8 },
            countOnly: { type: "bool", id: 9 },
          },
        },
        RangeResponse: {
          fields: {
            header: { type: "ResponseHeader", id: 1 },
            kvs: { rule: "repeated", type: "mvccpb.KeyValue", id: 2 },
            more: { type: "bool", id: 3 },
          },
        },
        PutRequest: { fields: { key: { type: "string", id: 1 }, value: { type: "string", id: 2 } } },
        PutResponse: { fields: { header: { type: "ResponseHeader", id: 1 } } },
        DeleteRangeRequest: { fields: { key: { type: "string", id: 1 }, prevKv: { type: "bool", id: 3 } } },
        DeleteRangeResponse: { fields: { prevKvs: { rule: "repeated", type: "mvccpb.KeyValue", id: 3 } } },
        RequestOp: {
          oneofs: { request: { oneof: ["requestRange", "requestPut", "requestDeleteRange"] } },
          fields: {
            requestRange: { type: "RangeRequest", id: 1 },
            requestPut: { type: "PutRequest", id: 2 },
            requestDeleteRange: { type: "DeleteRangeRequest", id: 3 },
          },
        },
        ResponseOp: {
          oneofs: { response: { oneof: ["responseRange", "responsePut", "responseDeleteRange"] } },
          fields: {
            responseRange: { type: "RangeResponse", id: 1 },
            responsePut: { type: "PutResponse", id: 2 },
            responseDeleteRange: { type: "DeleteRangeResponse", id: 3 },
          },
        },
        Compare: {
          oneofs: { targetUnion: { oneof: ["createRevision", "modRevision"] } },
          fields: {
            result: { type: "int32", id: 1 },
            target: { type: "int32", id: 2 },
            key: { type: "string", id: 3 },
            createRevision: { type: "int64", id: 5 },
            modRevision: { type: "int64", id: 6 },
            rangeEnd: { type: "string", id: 64 },
          },
        },
        TxnRequest: {
          fields: {
            compare: { rule: "repeated", type: "Compare", id: 1 },
            success: { rule: "repeated", type: "RequestOp", id: 2 },
            failure: { rule: "repeated", type: "RequestOp", id: 3 },
          },
        },
        TxnResponse: {
          fields: {
            header: { type: "ResponseHeader", id: 1 },
            succeeded: { type: "bool", id: 2 },
            responses: { rule: "repeated", type: "ResponseOp", id: 3 },
          },
        },
        CompactionRequest: { fields: { revision: { type: "int64", id: 1 } } },
        CompactionResponse: { fields: { header: { type: "ResponseHeader", id: 1 } } },
        WatchRequest: {
          oneofs: { requestUnion: { oneof: ["createRequest"] } },
          fields: { createRequest: { type: "WatchCreateRequest", id: 1 } },
        },
        WatchCreateRequest: {
          fields: {
            key: { type: "string", id: 1 },
            rangeEnd: { type: "string", id: 2 },
            startRevision: { type: "int64", id: 3 },
            prevKv: { type: "bool", id: 6 },
          },
        },
        WatchResponse: {
          fields: {
            created: { type: "bool", id: 3 },
            canceled: { type: "bool", id: 4 },
            compactRevision: { type: "int64", id: 5 },
            events: { rule: "repeated", type: "mvccpb.Event", id: 11 },
          },
        },
        KV: {
          methods: {
            Range: method("RangeRequest", "RangeResponse"),
            Put: method("PutRequest", "PutResponse"),
            Txn: method("TxnRequest", "TxnResponse"),
            Compact: method("CompactionRequest", "CompactionResponse"),
          },
        },
        Watch: {
          methods: {
            Watch: { ...method("WatchRequest", "WatchResponse"), requestStream: true, responseStream: true },
          },
        },
      },
    },
  },
};

function method(requestType: string, responseType: string) {
  return { requestType, responseType, comment: "" };
}

export type KeyValue = {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: string;
};

type Header = { readonly revision: number };
type RangeRequest = {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
};
type RangeResponse = { readonly header: Header; readonly kvs: readonly KeyValue[]; readonly more: boolean };

type RequestOp =
  | { readonly requestRange: RangeRequest }
  | { readonly requestPut: { readonly key: string; readonly value: string } }
  | { readonly requestDeleteRange: { readonly key: string; readonly prevKv: boolean } };

type ResponseOp = {
  readonly responseRange?: RangeResponse;
  readonly responseDeleteRange?: { readonly prevKvs: readonly KeyValue[] };
};

/** `result` of a comparison. */
export const [equal, greater, less] = [0, 1, 2] as const;
/** `target` of a comparison. */
export const [createTarget, modTarget] = [1, 2] as const;

/** Of a range it must hold for every key; of no key at all it is as if both revisions were 0. */
export type Compare = { readonly key: string; readonly rangeEnd?: string; readonly result: number } & (
  | { readonly target: typeof createTarget; readonly createRevision: number }
  | { readonly target: typeof modTarget; readonly modRevision: number }
);

export type TxnRequest = {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
};
export type TxnResponse = {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
};

export type WatchResponse = {
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  /** `type`: 0 put, 1 delete. `prevKv` of a deletion is what was deleted, unless that was compacted. */
  readonly events: readonly { readonly type: number; readonly kv: KeyValue; readonly prevKv: KeyValue | null }[];
};

/** Requests and answers by the method's name. */
export type EtcdMethods = {
  readonly range: { readonly request: RangeRequest; readonly response: RangeResponse };
  readonly put: { readonly request: { readonly key: string; readonly value: string }; readonly response: object };
  readonly txn: { readonly request: TxnRequest; readonly response: TxnResponse };
  readonly compact: { readonly request: { readonly revision: number }; readonly response: object };
};
