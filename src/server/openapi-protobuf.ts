import { type Json, isRecord } from "./json.ts";
import type { V2Document, V2Operation } from "./openapi.ts";

/** Pieces of a protobuf message. */
type Message = Uint8Array[];

/** Field numbers are those of gnostic's openapiv2/OpenAPIv2.proto; what kubectl does not read is left out. */
export function encodeOpenApiV2({ swagger, info, paths, definitions }: V2Document): Uint8Array {
  const namedPaths = Object.entries(paths).flatMap(([name, item]) =>
    nested(2, [...text(1, name), ...nested(2, encodePath(item))]),
  );
  return Buffer.concat([
    ...text(1, swagger),
    ...nested(2, [...text(1, info.title), ...text(2, info.version)]),
    ...nested(8, namedPaths),
    ...nested(9, Object.entries(definitions).flatMap(encodeNamedSchema)),
  ]);
}

const methodFields: Readonly<Record<string, number>> = { get: 2, put: 3, post: 4, delete: 5, patch: 8 };

function encodePath(item: Readonly<Record<string, V2Operation>>): Message {
  return Object.entries(item).flatMap(([method, operation]) =>
    nested(methodFields[method] ?? 0, encodeOperation(operation)),
  );
}

function encodeOperation(operation: V2Operation): Message {
  const parameters = operation.parameters.flatMap((parameter) => {
    const query = [...text(2, parameter.in), ...text(4, parameter.name), ...text(6, parameter.type)];
    // ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema
    return nested(8, nested(1, nested(2, nested(3, query))));
  });
  const ok = [...text(1, "200"), ...nested(2, nested(1, text(1, "OK")))];
  return [
    ...operation.consumes.flatMap((type) => text(7, type)),
    ...parameters,
    ...nested(9, nested(1, ok)),
    ...encodeExtensions(13, operation),
  ];
}

function encodeNamedSchema([name, schema]: readonly [string, unknown]): Message {
  return nested(1, [...text(1, name), ...nested(2, isRecord(schema) ? encodeSchema(schema) : [])]);
}

function encodeSchema(schema: Json): Message {
  if (typeof schema["$ref"] === "string") return text(1, schema["$ref"]);
  // A choice of types is not known in version 2, but for numbers that may be written as text.
  const choices = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(choices)) {
    const types = new Set(choices.map((choice) => (isRecord(choice) ? choice["type"] : undefined)));
    const isNumberOrText = [...types].every((type) => ["string", "number", "integer"].includes(String(type)));
    return isNumberOrText ? [...text(2, "int-or-string"), ...nested(22, text(1, "string"))] : [];
  }
  const { type, format, description, required, enum: values, items, properties, additionalProperties } = schema;
  return [
    ...(typeof format === "string" ? text(2, format) : []),
    ...(typeof description === "string" ? text(4, description) : []),
    ...(Array.isArray(required) ? required.flatMap((name) => text(19, String(name))) : []),
    ...(Array.isArray(values) ? values.flatMap((value) => nested(20, text(2, JSON.stringify(value)))) : []),
    ...(isRecord(additionalProperties) ? nested(21, nested(1, encodeSchema(additionalProperties))) : []),
    ...(typeof type === "string" ? nested(22, text(1, type)) : []),
    ...(isRecord(items) ? nested(23, nested(1, encodeSchema(items))) : []),
    ...(isRecord(properties) ? nested(25, Object.entries(properties).flatMap(encodeNamedSchema)) : []),
    ...encodeExtensions(31, schema),
  ];
}

/** Vendor extensions hold their value as YAML, of which JSON is a part. */
function encodeExtensions(field: number, from: Json): Message {
  return Object.entries(from)
    .filter(([name]) => name.startsWith("x-"))
    .flatMap(([name, value]) => nested(field, [...text(1, name), ...nested(2, text(2, JSON.stringify(value)))]));
}

function text(field: number, value: string): Message {
  return lengthDelimited(field, Buffer.from(value));
}

function nested(field: number, message: Message): Message {
  return lengthDelimited(field, Buffer.concat(message));
}

function lengthDelimited(field: number, content: Uint8Array): Message {
  return [Buffer.from([...varint(field * 8 + 2), ...varint(content.length)]), content];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}
