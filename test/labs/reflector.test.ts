import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "docs/operate/reflector.md"), "utf8");
const isRoot = process.getuid?.() === 0;
const hasBird = existsSync("/usr/sbin/bird");
/** It changes its user, and so needs more than one. */
const hasFrr = isRoot && existsSync("/usr/lib/frr/bgpd");

function blockOf(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? assert.fail(`no ${language} block`);
}

/** Runs a shell script in a network of its own with the addresses of the page, and gives what it prints. */
function runInside(script: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const ids = isRoot ? [] : ["--user", "--map-root-user"];
  const args = [...ids, ..."--net --mount --pid --fork --kill-child --mount-proc".split(" "), "sh", "-ec", script];
  execFile("unshare", args, { timeout: 100_000, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
  });
  return promise;
}

const start = /^\$ (tortie reflector .*)$/m.exec(page)?.[1] ?? assert.fail("no command");

/** `until_seen N COMMAND PATTERN`: looks again and again, for at most N seconds. */
const setUp = `
cd ${root}
tortie() { bin/tortie "$@"; }
until_seen() {
  end=$(($(date +%s) + $1))
  while [ $(date +%s) -lt $end ]; do if $2 2>/dev/null | grep -q "$3"; then return 0; fi; sleep 0.1; done
  echo "not seen within $1 s: $3"; $2; cat /run/log; return 1
}
mount -t tmpfs tmpfs /run
mkdir -p /run/tortie /run/bird /run/frr /run/netns
ip link add fabric type bridge
ip link set fabric up
for n in 10 21 22; do
  ip netns add n$n
  ip link add v$n type veth peer name eth0 netns n$n
  ip link set v$n master fabric up
  ip -n n$n link set lo up
  ip -n n$n link set eth0 up
  ip -n n$n addr add 192.0.2.$n/24 dev eth0
done
at() { ip netns exec n"$@"; }
reflector() { at 10 bin/${start} >/run/log 2>&1 & pid=$!; until_seen 20 log started; }
log() { cat /run/log; }
neighbors() { tortie bgp neighbors; }
`;

test("the reflector of the page serves the BIRD of the page, and a kill and a new start cost BIRD no route", {
  skip: hasBird ? false : "bird is not installed",
  timeout: 120_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-page-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "bird.conf"), blockOf("bird"));
  writeFileSync(join(folder, "frr.conf"), blockOf("frr"));
  const other = hasFrr
    ? `chown frr:frr /run/frr; at 21 /usr/lib/frr/bgpd -d -Z -S -p 0 -f ${folder}/frr.conf -i /run/frr/bgpd.pid --vty_socket /run/frr >/run/frr.log 2>&1`
    : `at 21 node_modules/.bin/node --disable-warning=ExperimentalWarning test/labs/reflector-client.ts >/run/client.log 2>&1 &`;
  const text = await runInside(`${setUp}
reflector
at 22 bird -c ${folder}/bird.conf -s /run/bird/ctl -P /run/bird/pid
${other}
until_seen 40 neighbors "2 of 2 sessions established"
routes() { birdc -s /run/bird/ctl show route; }
until_seen 20 routes "10.65.0.0/26"
echo "== before"; neighbors; tortie bgp route 10.65.0.70; tortie bgp received 192.0.2.21; routes
kill -9 $(ps -o pid= --ppid $pid || echo $pid)
gone() { birdc -s /run/bird/ctl show protocols reflector; }
until_seen 20 gone "Connect\\|Active\\|Idle\\|start"
echo "== killed"; routes
reflector
until_seen 40 neighbors "2 of 2 sessions established"
echo "== again"; routes
`);
  const [, before = "", killed = "", again = ""] = text.split(/^== .*$/m);
  assert.match(before, /192\.0\.2\.22 +64512 +established/);
  assert.match(before, /10\.65\.0\.64\/26: 1 path\n\n\* via 192\.0\.2\.22 from clients-1\/192\.0\.2\.22 \(internal\)/);
  for (const routes of [before, killed, again]) assert.match(routes, /10\.65\.0\.0\/26 /, text);
});
