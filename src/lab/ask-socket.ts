import { once } from "node:events";
import { request } from "node:http";
import { TortieError } from "../lib/index.ts";
import { isObject } from "./object-reader.ts";

const patienceMs = 30_000;

/** One request to an agent or the server on its unix socket; gives the JSON answer, or throws its refusal. */
export async function askSocket(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const signal = AbortSignal.timeout(patienceMs);
  const sent = request({ socketPath, method, path, signal, headers: { "content-type": "application/json" } });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(sent, "response");
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  if (response.statusCode < 300) return text.startsWith("{") ? JSON.parse(text) : text;
  throw readRefusal(text, `${method} ${path} at ${socketPath} was answered with ${response.statusCode}`);
}

/** Whether somebody answers there. */
export async function isAnswering(socketPath: string, path: string): Promise<boolean> {
  return await askSocket(socketPath, "GET", path).then(
    () => true,
    () => false,
  );
}

function readRefusal(text: string, otherwise: string): TortieError {
  const answer: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
  const error = isObject(answer) && isObject(answer["error"]) ? answer["error"] : {};
  const message = typeof error["message"] === "string" ? error["message"] : otherwise;
  return new TortieError("TT_LAB", message, { hint: typeof error["hint"] === "string" ? error["hint"] : "" });
}
