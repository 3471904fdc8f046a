import { isRecord, isSameJson } from "./json.ts";
import { StatusError } from "./status.ts";

type Pointer = readonly string[];
type Operation = { readonly at: number; readonly op: string; readonly path: Pointer; readonly json: object };

const maxOperations = 10_000;

/**
 * RFC 6902. BadRequest when the patch is malformed; Invalid when it does not fit the document: a path that is not there, a test
 * that does not hold. The document is not touched.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw malformed("a JSON patch is a list of operations");
  if (patch.length > maxOperations) throw malformed(`a JSON patch has at most ${maxOperations} operations`);
  let result: unknown = structuredClone(document);
  for (const [at, json] of patch.entries()) result = applyOperation(result, readOperation(at, json));
  return result;
}

function readOperation(at: number, json: unknown): Operation {
  if (!isRecord(json)) throw malformed(`operation ${at} is no object`);
  const { op, path } = json;
  if (typeof op !== "string") throw malformed(`operation ${at} has no op`);
  return { at, op, path: readPointer(at, path, "path"), json };
}

function applyOperation(document: unknown, operation: Operation): unknown {
  const { at, op, path, json } = operation;
  const value = () => {
    if ("value" in json) return structuredClone(json.value);
    throw malformed(`operation ${at} (${op}) has no value`);
  };
  const from = () => readPointer(at, "from" in json ? json.from : undefined, "from");
  switch (op) {
    case "add":
      return add(document, operation, path, value());
    case "remove":
      return remove(document, operation, path);
    case "replace":
      look(document, operation, path);
      return path.length === 0 ? value() : add(remove(document, operation, path), operation, path, value());
    case "copy":
      return add(document, operation, path, structuredClone(look(document, operation, from())));
    case "move": {
      const source = from();
      if (source.length < path.length && source.every((step, index) => step === path[index])) {
        throw malformed(`operation ${at} moves a value into itself`);
      }
      const moved = look(document, operation, source);
      return add(remove(document, operation, source), operation, path, moved);
    }
    case "test":
      if (isSameJson(look(document, operation, path), value())) return document;
      throw misfit(operation, "the test does not hold");
    default:
      throw malformed(`operation ${at} is ${op}; there are add, remove, replace, move, copy and test`);
  }
}

/** RFC 6901. */
function readPointer(at: number, text: unknown, name: string): Pointer {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) {
    throw malformed(`the ${name} of operation ${at} must be text that begins with /`);
  }
  const steps = text.split("/").slice(1);
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function look(document: unknown, operation: Operation, path: Pointer): unknown {
  return path.reduce((value, step) => {
    if (Array.isArray(value)) return value[indexIn(value, step, operation, value.length - 1)];
    if (isRecord(value) && Object.hasOwn(value, step)) return value[step];
    throw misfit(operation, `there is no ${step}`);
  }, document);
}

function add(document: unknown, operation: Operation, path: Pointer, value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = look(document, operation, path.slice(0, -1));
  if (Array.isArray(parent)) {
    parent.splice(last === "-" ? parent.length : indexIn(parent, last, operation, parent.length), 0, value);
  } else if (isRecord(parent)) {
    // Not by assignment, which would take __proto__ for something else.
    Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
  } else throw misfit(operation, `nothing can be added at ${last}`);
  return document;
}

function remove(document: unknown, operation: Operation, path: Pointer): unknown {
  const last = path.at(-1);
  if (last === undefined) throw misfit(operation, "the whole object cannot be removed");
  look(document, operation, path);
  const parent = look(document, operation, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, operation, parent.length - 1), 1);
  else if (isRecord(parent)) Reflect.deleteProperty(parent, last);
  return document;
}

function indexIn(list: readonly unknown[], step: string, operation: Operation, max: number): number {
  const index = /^(0|[1-9]\d{0,8})$/.test(step) ? Number(step) : -1;
  if (index >= 0 && index <= max) return index;
  throw misfit(operation, `${step} is no place in a list of ${list.length}`);
}

function malformed(message: string): StatusError {
  return new StatusError("BadRequest", message);
}

function misfit({ at, op, path }: Operation, why: string): StatusError {
  return new StatusError("Invalid", `operation ${at} (${op} /${path.join("/")}) does not fit the object: ${why}`);
}
