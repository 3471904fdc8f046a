import assert from "node:assert/strict";
import { test } from "node:test";
import { type CalcMessage, type LocalEndpoint, defaultSettings } from "../calc/index.ts";
import { type Packet, type Table, runTable } from "../nft/index.ts";
import { HostDataplane } from "./host-dataplane.ts";
import { address } from "./testing/cluster.ts";

const any = { source: {}, destination: {} } as const;
const open: CalcMessage = {
  type: "profileUpdate",
  profile: { id: "open", tier: "", ingress: [{ action: "Allow", ...any }], egress: [{ action: "Allow", ...any }] },
};

function endpoint(name: string, interfaceName: string, digits: number): LocalEndpoint {
  return {
    id: `WorkloadEndpoint/shop/${name}`,
    namespace: "shop",
    name,
    interfaceName,
    addresses: [address(`10.0.0.${digits}`), address(`fd00::${digits}`)],
    spoofable: [],
    tiers: [],
    profileIds: ["open"],
  };
}

const web = endpoint("web", "ttweb", 1);
/** An orchestrator's name. */
const box = endpoint("box", "box7", 2);

function dataplaneOf(...endpoints: readonly LocalEndpoint[]): HostDataplane {
  const dataplane = new HostDataplane();
  dataplane.onCalc(open);
  for (const endpoint of endpoints) dataplane.onCalc({ type: "endpointUpdate", endpoint });
  return dataplane;
}

function packet(inputName: string, source: string, outputName: string, more: Partial<Packet> = {}): Packet {
  const destination = address(source.includes(":") ? "2001:db8::9" : "192.0.2.9");
  const ports = [40_000, 80] as const;
  return {
    source: address(source),
    destination,
    protocol: 6,
    ports,
    state: "new",
    inputName,
    outputName,
    isSourceReal: true,
    ...more,
  };
}

function verdicts(table: Table, packets: readonly Packet[]): string {
  return packets.map((packet) => (runTable(table, packet).verdict === "accept" ? "+" : "-")).join("");
}

const states = ["new", "established", "related"] as const;
const sources = (digits: number) => [`10.0.0.${digits}`, `fd00::${digits}`] as const;

test("a workload whose interface has another name than ours is looked at like the others", () => {
  const { table } = dataplaneOf(web, box).wanted();
  for (const [link, own, other] of [
    ["ttweb", 1, 2],
    ["box7", 2, 1],
  ] as const) {
    for (const state of states) {
      const send = (source: string, more: Partial<Packet> = {}) => packet(link, source, "eth0", { state, ...more });
      assert.equal(
        verdicts(
          table,
          [...sources(own)].map((source) => send(source)),
        ),
        "++",
      );
      // Somebody else's: the way back leads elsewhere.
      assert.equal(
        verdicts(
          table,
          [...sources(other)].map((source) => send(source, { isSourceReal: false })),
        ),
        "--",
      );
    }
  }
});

test("only a host with such a workload looks for one in packets from elsewhere", () => {
  const dataplane = dataplaneOf(web);
  const rulesFor = () => {
    const raw = dataplane.wanted().table.chains.find(({ name }) => name === "raw-prerouting");
    return raw?.rules.length;
  };
  assert.equal(rulesFor(), 1);
  dataplane.onCalc({ type: "endpointUpdate", endpoint: box });
  assert.equal(rulesFor(), 2);
  dataplane.onCalc({ type: "endpointRemove", id: box.id });
  assert.equal(rulesFor(), 1);
});

test("an endpoint that has gone leaves nothing behind that a packet of its interface could pass by", () => {
  const dataplane = dataplaneOf(web, endpoint("gone", "ttgone", 3));
  const tries = states.flatMap((state) =>
    sources(3).flatMap((source) => [
      packet("ttgone", source, "eth0", { state }),
      packet("ttgone", source, "ttweb", { state }),
      packet("eth0", source, "ttgone", { state }),
    ]),
  );
  assert.equal(verdicts(dataplane.wanted().table, tries), "+".repeat(tries.length));
  dataplane.onCalc({ type: "endpointRemove", id: "WorkloadEndpoint/shop/gone" });
  assert.equal(verdicts(dataplane.wanted().table, tries), "-".repeat(tries.length));
});

test("an interface that is named like those of workloads is closed before its endpoint is known and when that has gone", () => {
  const dataplane = dataplaneOf(web);
  const tries = states.flatMap((state) =>
    sources(2).flatMap((source) => [
      packet("box7", source, "eth0", { state }),
      packet("box7", source, "ttweb", { state }),
      packet("eth0", source, "box7", { state }),
    ]),
  );
  const expectAll = (sign: "+" | "-") =>
    assert.equal(verdicts(dataplane.wanted().table, tries), sign.repeat(tries.length));
  const named = { type: "settingsUpdate", ...defaultSettings, interfacePrefixes: ["tap", "box"] } as const;
  expectAll("+");
  dataplane.onCalc(named);
  expectAll("-");
  dataplane.onCalc({ type: "endpointUpdate", endpoint: box });
  expectAll("+");
  dataplane.onCalc({ type: "endpointRemove", id: box.id });
  expectAll("-");
  dataplane.onCalc({ ...named, interfacePrefixes: [] });
  expectAll("+");
});

test("an endpoint that has another address by now no longer has the one before", () => {
  const dataplane = dataplaneOf(web);
  dataplane.onCalc({ type: "endpointUpdate", endpoint: { ...web, addresses: endpoint("", "", 4).addresses } });
  const tries = [...sources(1)].map((source) => packet("ttweb", source, "eth0", { isSourceReal: false }));
  assert.equal(verdicts(dataplane.wanted().table, tries), "--");
});

test("a workload cannot pass for a DHCP server, not to those that it has a connection with either; its clients go on", () => {
  const { table } = dataplaneOf(web).wanted();
  for (const state of states) {
    const say = (source: string, ...ports: [number, number]) =>
      packet("ttweb", source, "eth0", { protocol: 17, ports, state });
    const [four, six] = sources(1);
    assert.equal(verdicts(table, [say(four, 67, 68), say(six, 547, 546)]), "--");
    assert.equal(
      verdicts(table, [say(four, 68, 67), say(six, 546, 547), say(four, 1024, 68), say(four, 53, 68)]),
      "++++",
    );
  }
});

test("an established packet meets no rule that a new one needs", () => {
  const { table } = dataplaneOf(web).wanted();
  const met = (way: Packet) => {
    const chains = table.chains.map((chain) => ({
      ...chain,
      rules: chain.rules.flatMap(({ expressions }) => [{ expressions: [], comment: "met" }, { expressions }]),
    }));
    return runTable({ ...table, chains }, way).matched.length;
  };
  const state = "established";
  assert.equal(met(packet("ttweb", "10.0.0.1", "eth0", { state })), 5);
  assert.equal(met(packet("eth0", "192.0.2.7", "ttweb", { state })), 3);
});
