import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeLab } from "./decode-lab.ts";

const network = { name: "net", hosts: [{ name: "a" }] };

test("a lab needs a name and a host; all else has a default", () => {
  assert.deepEqual(decodeLab(network), {
    ok: true,
    value: {
      name: "net",
      fabric: { type: "segment" },
      hosts: [{ name: "a", labels: {}, workloads: [] }],
      pools: [
        { cidr: "10.65.0.0/16", blockSize: 26 },
        { cidr: "fd00:65::/64", blockSize: 122 },
      ],
      resources: [],
    },
  });
});

test("all that a lab may say is read", () => {
  const decoded = decodeLab({
    name: "full",
    fabric: { type: "spines" },
    hosts: [
      {
        name: "a",
        labels: { rack: "1" },
        workloads: [{ name: "web", namespace: "shop", labels: { role: "web" }, profile: "open" }, { name: "db" }],
      },
      { name: "b", workloads: null },
    ],
    pools: [{ cidr: "192.168.0.0/20" }, { cidr: "fd00:1::/112", blockSize: 120 }],
  });
  assert.deepEqual(decoded, {
    ok: true,
    value: {
      name: "full",
      fabric: { type: "spines", count: 2 },
      hosts: [
        {
          name: "a",
          labels: { rack: "1" },
          workloads: [
            { name: "web", namespace: "shop", labels: { role: "web" }, profile: "open" },
            { name: "db", namespace: "default", labels: {} },
          ],
        },
        { name: "b", labels: {}, workloads: [] },
      ],
      pools: [
        { cidr: "192.168.0.0/20", blockSize: 26 },
        { cidr: "fd00:1::/112", blockSize: 120 },
      ],
      resources: [],
    },
  });
});

test("each mistake is told once, with its path", () => {
  const cases: [change: object, ...paths: string[]][] = [
    [{ name: undefined }, "name"],
    [{ name: "Much Too Grand" }, "name"],
    [{ hosts: undefined }, "hosts"],
    [{ hosts: { a: {} } }, "hosts"],
    [{ hosts: ["a"] }, "hosts[0]"],
    [{ hosts: [{}] }, "hosts[0].name"],
    [{ hosts: [{ name: "a-name-of-more-than-15" }] }, "hosts[0].name"],
    [{ hosts: [{ name: "a" }, { name: "a" }] }, "hosts[1].name"],
    [{ hosts: [{ name: "spine-1" }] }, "hosts[0].name"],
    [{ hosts: [{ name: "a", worklods: [] }] }, "hosts[0].worklods"],
    [{ hosts: [{ name: "a", workloads: [{ name: "a" }] }] }, "hosts[0].workloads[0].name"],
    [{ hosts: [{ name: "a", workloads: [{ name: "w", labels: { size: 1 } }] }] }, "hosts[0].workloads[0].labels.size"],
    [{ hosts: [{ name: "a", workloads: [{ name: "w", profile: 7 }] }] }, "hosts[0].workloads[0].profile"],
    [{ fabric: "spines" }, "fabric"],
    [{ fabric: {} }, "fabric.type"],
    [{ fabric: { type: "mesh" } }, "fabric.type"],
    [{ fabric: { type: "segment", count: 2 } }, "fabric.count"],
    [{ fabric: { type: "spines", count: 0 } }, "fabric.count"],
    [{ fabric: { type: "spines", count: "2" } }, "fabric.count"],
    [{ pools: [{}] }, "pools[0].cidr"],
    [{ pools: [{ cidr: "10.65.0.1/16" }] }, "pools[0].cidr"],
    [{ pools: [{ cidr: "10.0.0.0/8" }, { cidr: "10.1.0.0/16" }] }, "pools[1].cidr"],
    [{ pools: [{ cidr: "172.16.0.0/12" }] }, "pools[0].cidr"],
    [{ pools: [{ cidr: "10.0.0.0/28" }] }, "pools[0].cidr"],
    [{ pools: [{ cidr: "10.0.0.0/16", blockSize: 64 }] }, "pools[0].blockSize"],
    [{ resources: [{ kind: "Nonsense" }] }, "resources[0]"],
    [{ hots: [] }, "hots"],
    [{ name: 1, fabric: 2, pools: 3 }, "name", "fabric", "pools"],
  ];
  for (const [change, ...paths] of cases) {
    const decoded = decodeLab({ ...network, ...change });
    const found = decoded.ok
      ? []
      : decoded.problems.map((problem) => problem.path.replace(/^(resources\[0\]).*/, "$1"));
    assert.deepEqual([...new Set(found)].toSorted(), paths.toSorted(), JSON.stringify(change));
  }
});

test("what is no mapping is one problem", () => {
  for (const json of [undefined, null, 1, "text", []]) {
    const decoded = decodeLab(json);
    assert.equal(decoded.ok ? 0 : decoded.problems.length, 1, JSON.stringify(json));
  }
});

test("any JSON is answered without an exception", () => {
  const text = fc.constantFrom(
    "name",
    "hosts",
    "fabric",
    "pools",
    "resources",
    "type",
    "count",
    "workloads",
    "cidr",
    "labels",
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, 0, 2, -1, "", "a", "spines", "segment", "10.0.0.0/8", true),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(text, tie("json"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(json, (value) => {
      decodeLab(value);
    }),
  );
});
