import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCli } from "./main.ts";

const folder = mkdtempSync(join(tmpdir(), "tortie-flags-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "empty"), "\n");

const good = "--listen 127.0.0.1:21799 --as 64512 --router-id 10.0.0.1 --clients 127.0.0.0/8";

const mistakes: readonly (readonly [flags: string, words: RegExp])[] = [
  ["", /^error: --listen is missing: give --listen ADDRESS:PORT; or give --config FILE, or --node NAME$/],
  ["--listen 127.0.0.1:179", /^error: --as is missing: give --as NUMBER/],
  ["--listen 127.0.0.1:179 --as 1", /^error: --router-id is missing: give --router-id A\.B\.C\.D/],
  ["--listen 127.0.0.1:179 --as 1 --router-id 10.0.0.1", /^error: --clients is missing: give --clients PREFIX/],
  [
    good.replace("127.0.0.1:21799", "127.0.0.1"),
    /^error: --listen: "127\.0\.0\.1" is no address with a port \(write it like/,
  ],
  [
    good.replace("64512", "0"),
    /^error: option '--as <number>' argument '0' is invalid\. write a number from 1 to 4294967295$/m,
  ],
  [good.replace("10.0.0.1", "::1"), /--router-id <address>' argument '::1' is invalid\. write an IPv4 address/],
  [
    good.replace("127.0.0.0/8", "127.0.0.1/8"),
    /--clients <prefix\.\.\.>' argument '127\.0\.0\.1\/8' is invalid\. write 127\.0\.0\.0\/8/,
  ],
  [
    good.replace("127.0.0.0/8", "all"),
    /argument 'all' is invalid\. write a prefix such as 10\.0\.0\.0\/8 or 2001:db8::\/32/,
  ],
  [`${good} 127.0.0.0/8`, /127\.0\.0\.0\/8 is there twice/],
  [`${good} --hold-time 2`, /--hold-time <seconds>' argument '2' is invalid\. write a number from 3 to 65535/],
  [`${good} --restart-time 5000`, /write a number from 0 to 4095/],
  [`${good} --add-path 0`, /write a number from 1 to 255/],
  [`${good} --password-file /nowhere/file`, /^error: \/nowhere\/file: cannot be read \(ENOENT\)$/],
  [
    `${good} --password-file ${folder}/empty`,
    /^error: --password-file .*\/empty: the file holds no password \(write it as the only line\)$/,
  ],
  [
    `${good} --socket ${folder}/empty/s.sock`,
    /^error: the control socket .*\/empty\/s\.sock cannot be made: .* \(name another place with --socket\)$/,
  ],
  [
    `${good} --record /nowhere/file --socket ${folder}/s.sock`,
    /^error: \/nowhere\/file cannot be written: .* \(name another file\)$/,
  ],
  [`${good} --shutdown-text ${"x".repeat(256)}`, /^error: --shutdown-text has 256 octets: use at most 255$/],
  [`--config ${folder}/no.yaml`, /^error: .*\/no\.yaml cannot be read \(ENOENT\)$/],
  [`--config ${folder}/no.yaml --node a`, /^error: --config and --node exclude each other: give one of the two$/],
  [`--config ${folder}/no.yaml --hold-time 30`, /^error: --hold-time does not go with --config: write it in the file$/],
  ["--node a --as 1", /^error: --as does not go with --node: the cluster's resources say it$/],
  [`${good} --log-format xml`, /Allowed choices are json, pretty/],
];

for (const [flags, words] of mistakes) {
  test(`reflector ${flags.slice(0, 100)} is refused with one clear error`, async (context) => {
    const lines: string[] = [];
    const note = (text: unknown) => {
      lines.push(String(text));
      return true;
    };
    context.mock.method(console, "log", note);
    context.mock.method(console, "error", note);
    context.mock.method(process.stderr, "write", note);
    const status = await runCli(["reflector", ...flags.split(" ").filter((word) => word !== "")]);
    process.exitCode = 0;
    assert.equal(status, 2, lines.join("\n"));
    const errors = lines
      .join("\n")
      .split("\n")
      .filter((line) => line.startsWith("error"));
    assert.equal(errors.length, 1, lines.join("\n"));
    assert.match(errors[0] ?? "", words);
  });
}
