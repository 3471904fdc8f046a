import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeKubernetesProtobuf } from "./kubernetes-protobuf.ts";
import { StatusError } from "./status.ts";

function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
}

function wrap(kind: string, ...members: Buffer[]): Buffer {
  const type = Buffer.concat([field(1, "v1"), field(2, kind)]);
  return Buffer.concat([
    Buffer.from("k8s\0"),
    field(1, type),
    field(2, Buffer.concat(members)),
    field(3, ""),
    field(4, ""),
  ]);
}

test("a namespace and a secret are read from Kubernetes' protobuf", () => {
  const label = field(11, Buffer.concat([field(1, "stage"), field(2, "test")]));
  const metadata = field(1, Buffer.concat([field(1, "shop"), field(2, ""), field(8, ""), label]));
  assert.deepEqual(decodeKubernetesProtobuf(wrap("Namespace", metadata, field(2, ""), field(3, field(1, "")))), {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop", labels: { stage: "test" } },
  });
  const data = field(2, Buffer.concat([field(1, "key"), field(2, Buffer.from([0, 255]))]));
  assert.deepEqual(decodeKubernetesProtobuf(wrap("Secret", metadata, data, field(3, "Opaque"))), {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "shop", labels: { stage: "test" } },
    data: { key: "AP8=" },
    type: "Opaque",
  });
});

test("what is not known is refused as a media type, and no bytes do harm", () => {
  const refuses = (bytes: Buffer) =>
    assert.throws(
      () => decodeKubernetesProtobuf(bytes),
      (error) => error instanceof StatusError && error.status.code === 415,
    );
  refuses(Buffer.from("{}"));
  refuses(wrap("Pod"));
  refuses(wrap("Namespace", field(9, "")));
  refuses(Buffer.concat([wrap("Namespace"), Buffer.from([0x12, 0x7f])]));
  const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(anyBytes, fc.boolean(), (bytes, isWrapped) => {
      try {
        decodeKubernetesProtobuf(isWrapped ? wrap("Namespace", bytes) : Buffer.concat([Buffer.from("k8s\0"), bytes]));
      } catch (error) {
        assert.ok(error instanceof StatusError, String(error));
      }
    }),
  );
});
