import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLab } from "./decode-lab.ts";
import { describeLab, formatStatus } from "./lab-status.ts";

const decoded = decodeLab({
  name: "t",
  fabric: { type: "spines", count: 1 },
  hosts: [{ name: "a", workloads: [{ name: "web" }, { name: "db" }] }, { name: "b" }, { name: "c" }],
});
const lab = decoded.ok ? decoded.value : assert.fail();
const status = describeLab(lab, {
  isBare: false,
  numbers: new Map([
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]),
  processes: [
    { name: "server", pid: 7, restarts: 0 },
    { name: "spine-1", pid: undefined, restarts: 2 },
    { name: "a", pid: 8, restarts: 1 },
    { name: "b", pid: undefined, restarts: 4 },
    { name: "c", pid: 9, restarts: 0 },
  ],
  sessionsByHost: new Map([["a", [true, false, true]]]),
  addressesByWorkload: new Map([["web", ["10.65.0.1", "fd00:65::1"]]]),
});

test("an agent is running when it answers, and sessions are counted from what it says", () => {
  assert.deepEqual(
    status.hosts.map(({ agent, sessions }) => [agent, sessions]),
    [
      [
        { state: "running", pid: 8, restarts: 1 },
        { established: 2, expected: 3 },
      ],
      [
        { state: "restarting", restarts: 4 },
        { established: 0, expected: 2 },
      ],
      [
        { state: "not answering", pid: 9, restarts: 0 },
        { established: 0, expected: 2 },
      ],
    ],
  );
});

test("a person sees one table for hosts, processes and workloads each", () => {
  assert.equal(
    formatStatus(status),
    `lab t: 3 hosts on 1 spine, 2 workloads

HOST   IPV4         IPV6         AGENT           PID   RESTARTS   SESSIONS
a      172.30.0.1   fd00:30::1   running         8     1          2/3
b      172.30.0.2   fd00:30::2   restarting            4          0/2
c      172.30.0.3   fd00:30::3   not answering   9     0          0/2

PROCESS   STATE        PID   RESTARTS
server    running      7     0
spine-1   restarting         2

WORKLOAD   NAMESPACE   HOST   ADDRESSES
web        default     a      10.65.0.1, fd00:65::1
db         default     a      not attached`,
  );
});
