import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { TortieError } from "../lib/index.ts";
import {
  inNamespace,
  makeNamespace,
  openNamespace,
  openNetlink,
  openPacketSocket,
  removeNamespace,
  spawnInNamespace,
} from "./index.ts";

const own = () => readlinkSync("/proc/thread-self/ns/net");

function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "tortie-"));
  return {
    path: (name: string) => join(folder, "netns", name),
    [Symbol.dispose]() {
      const netns = join(folder, "netns");
      if (existsSync(netns)) for (const name of readdirSync(netns)) removeNamespace(join(netns, name));
      rmSync(folder, { recursive: true });
    },
  };
}

test("a namespace is made, entered, left again and removed", () => {
  using folder = scratch();
  const home = own();
  const path = folder.path("one");
  makeNamespace(path);
  assert.equal(own(), home);
  const inside = inNamespace(path, own);
  assert.notEqual(inside, home);
  assert.equal(own(), home);
  assert.throws(
    () => makeNamespace(path),
    (error) => error instanceof TortieError && error.code === "TT_KERNEL",
  );
  assert.equal(inNamespace(path, own), inside, "a failed making leaves the one that is there alone");
  removeNamespace(path);
  assert.ok(!existsSync(path));
  removeNamespace(path);
  assert.throws(
    () => inNamespace(path, own),
    (error) => error instanceof TortieError && error.fields["path"] === path,
  );
});

test("a namespace is left when the work throws, and visits may be nested", () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  makeNamespace(folder.path("two"));
  const home = own();
  const fail = () => {
    throw new Error("the work failed");
  };
  assert.throws(() => inNamespace(folder.path("one"), fail), /the work failed/);
  assert.equal(own(), home);
  inNamespace(folder.path("one"), () => {
    const one = own();
    assert.notEqual(inNamespace(folder.path("two"), own), one);
    assert.equal(own(), one);
  });
  assert.equal(own(), home);
});

test("no thread of the process stays behind in a namespace that was visited", async () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  // The work goes to libuv's threads, of which a visit must not start the first.
  const pending = inNamespace(folder.path("one"), () => [stat("/"), stat("/"), stat("/"), stat("/")]);
  await Promise.all(pending);
  const namespaces = readdirSync("/proc/self/task").map((id) => readlinkSync(`/proc/self/task/${id}/ns/net`));
  assert.deepEqual(new Set(namespaces), new Set([own()]));
});

test("a child process is born in a namespace", async () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  const child = spawnInNamespace(folder.path("one"), "readlink", ["/proc/self/ns/net"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await once(child.stdout!, "data");
  assert.equal(String(output).trim(), inNamespace(folder.path("one"), own));
  assert.notEqual(String(output).trim(), own());
});

test("a namespace is opened by the id of a process in it", async () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  const child = spawnInNamespace(folder.path("one"), "cat", [], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  using namespace = openNamespace(child.pid!);
  assert.equal(readlinkSync(`/proc/self/fd/${namespace.fd}`), inNamespace(folder.path("one"), own));
  child.stdin!.end();
  await once(child, "exit");
});

test("a waiting receiver ends with the signal's reason, or when the socket is closed", async () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  const netlink = openNetlink({ protocol: "route", netns: folder.path("one") });
  assert.equal(netlink.receiveNow(), undefined);
  const controller = new AbortController();
  const aborted = assert.rejects(netlink.receive(controller.signal), /enough/);
  controller.abort(new Error("enough"));
  await aborted;
  const closed = assert.rejects(netlink.receive(), (error) => error instanceof TortieError);
  netlink.close();
  await closed;
  netlink.close();
  assert.throws(() => netlink.send(new Uint8Array(16)), /closed/);
});

test("a datagram beyond the send buffer is refused, one within it is not", () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  using netlink = openNetlink({ protocol: "netfilter", netns: folder.path("one"), sendBufferBytes: 100_000 });
  assert.ok(netlink.maxSendBytes >= 100_000);
  // Octets that are no message are passed over.
  netlink.send(new Uint8Array(netlink.maxSendBytes));
  assert.throws(
    () => netlink.send(new Uint8Array(netlink.maxSendBytes + 1)),
    (error) => error instanceof TortieError && error.fields["errno"] === "EMSGSIZE",
  );
});

test("a packet socket sees the frames of its link with their direction, and sends some", async () => {
  using folder = scratch();
  const netns = folder.path("one");
  makeNamespace(netns);
  inNamespace(netns, () => {
    for (const words of [
      "link add va type veth peer name vb",
      "link set va addrgenmode none up",
      "link set vb addrgenmode none up",
    ]) {
      execFileSync("ip", words.split(" "));
    }
  });
  using sender = openPacketSocket({ linkName: "va", netns });
  using one = openPacketSocket({ linkName: "va", netns });
  using other = openPacketSocket({ linkName: "vb", netns });
  const frame = Buffer.from(`${"ff".repeat(6)}${"02".repeat(6)}88b5${"00".repeat(50)}`, "hex");
  sender.send(frame);
  assert.equal(sender.receiveNow(), undefined, "what a socket sends itself it does not see");
  const signal = AbortSignal.timeout(5000);
  const sent = await one.receive(signal);
  assert.deepEqual([sent.direction, Buffer.from(sent.bytes)], ["out", frame]);
  const received = await other.receive(signal);
  assert.deepEqual([received.direction, Buffer.from(received.bytes)], ["in", frame]);
  assert.throws(
    () => openPacketSocket({ linkName: "nope", netns }),
    (error) => error instanceof TortieError && error.fields["errno"] === "ENODEV",
  );
});

test("koffi is not loaded before a call needs it", () => {
  const script = `await import("./src/sys/index.ts"); console.log(process.report.getReport().sharedObjects.join())`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.ok(stdout.includes("libc"), stdout);
  assert.ok(!stdout.includes("koffi"));
});

test("sysctls of a namespace are those of the thread that reads them", () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  const links = inNamespace(folder.path("one"), () => readFileSync("/proc/thread-self/net/dev", "utf8"));
  assert.equal(links.trim().split("\n").length, 3);
});

/** NLMSG_NOOP that asks for an answer. */
function noop(sequence: number): Uint8Array {
  const words = Uint32Array.of(16, 1 | (5 << 16), sequence, 0);
  return new Uint8Array(words.buffer);
}

test("what another thread has sent is answered by the time it is done, and what is refused says why", async () => {
  using folder = scratch();
  makeNamespace(folder.path("one"));
  using netlink = openNetlink({ protocol: "route", netns: folder.path("one") });
  await netlink.sendAside(noop(7));
  const answer = netlink.receiveNow();
  assert.ok(answer !== undefined);
  assert.equal(new DataView(answer.buffer).getUint32(8, true), 7);
  await assert.rejects(
    netlink.sendAside(new Uint8Array(netlink.maxSendBytes + 100)),
    (error) => error instanceof TortieError && error.fields["errno"] === "EMSGSIZE",
  );
});

test("a socket that is closed while another thread uses it keeps its number until that is done", async () => {
  const target = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  };
  const sockets = () => readdirSync("/proc/self/fd").filter((fd) => target(fd).startsWith("socket:"));
  const before = sockets();
  const netlink = openNetlink({ protocol: "route" });
  const own = sockets().find((fd) => !before.includes(fd));
  const sent = netlink.sendAside(noop(1));
  netlink.close();
  assert.ok(sockets().includes(own!));
  await sent;
  assert.ok(!sockets().includes(own!));
  await assert.rejects(netlink.sendAside(noop(2)), (error) => error instanceof TortieError);
});
