/** The OpenAPI 3.1 document of the routes. Schemas with a title become components. */

import type { JsonSchema } from "./json-schema.ts";
import type { DescribedRoute, RouteAnswer } from "./route.ts";
import { FAILURE } from "./view-schema.ts";

/** The document; `version` is that of the program. */
export function openApi(routes: readonly DescribedRoute[], version: string): JsonSchema {
  const components = new Map<string, JsonSchema>();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/gu, "{$1}");
    const operations = paths[path] ?? {};
    operations[route.method.toLowerCase()] = operation(route, components);
    paths[path] = operations;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "jobx",
      version,
      description:
        "Any node answers for any workflow. Errors are {code, message, details}; docs/errors.md tells what each code means. A header Idempotency-Key is refused where it is not described.",
      license: { name: "Apache-2.0 OR MIT", identifier: "Apache-2.0 OR MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function operation(route: DescribedRoute, components: Map<string, JsonSchema>): JsonSchema {
  const parameters = [
    ...parametersOf(route.params, { place: "path", components }),
    ...parametersOf(route.querystring, { place: "query", components }),
    ...parametersOf(route.headers, { place: "header", components }),
  ];
  const answers = Object.entries(route.answers).map(
    ([status, answer]) => [status, answerOf(answer, components)] as const,
  );
  const failed = { description: "What went wrong, by its code.", schema: FAILURE };
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    security: route.role === null ? [] : [{ token: [] }],
    ...(route.role === null ? {} : { "x-jobx-role": route.role }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body, components) }),
    ...(route.streamsBody === undefined ? {} : { requestBody: BYTES_BODY }),
    responses: { ...Object.fromEntries(answers), default: answerOf(failed, components) },
  };
}

/** Bytes as they are. */
const BYTES_BODY = { required: true, content: { "application/octet-stream": { schema: {} } } };

/** `GET /v1/workflows/:workflow` is `get_workflows_workflow`: stable as long as the path is. */
function operationId({ method, url }: DescribedRoute): string {
  const words = url.replace(/^\/v1/u, "").match(/\w+/gu) ?? [];
  return [method.toLowerCase(), ...words].join("_");
}

function bodyOf(schema: JsonSchema, components: Map<string, JsonSchema>): JsonSchema {
  const { type } = schema;
  return {
    required: !(Array.isArray(type) && type.includes("null")),
    content: { "application/json": { schema: refer(schema, components) } },
  };
}

function answerOf(answer: RouteAnswer, components: Map<string, JsonSchema>): JsonSchema {
  const { description, schema, type = "application/json" } = answer;
  const content = schema === undefined ? {} : { schema: refer(schema, components) };
  return { description, content: { [type]: content } };
}

function parametersOf(
  schema: JsonSchema | undefined,
  how: {
    readonly place: "path" | "query" | "header";
    readonly components: Map<string, JsonSchema>;
  },
): readonly JsonSchema[] {
  const properties = schema?.["properties"];
  if (!isSchema(properties)) return [];
  const required = schema?.["required"];
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: how.place,
    required: Array.isArray(required) && required.includes(name),
    schema: refer(one, how.components),
  }));
}

/** The schema with every titled part as a reference to a component. */
function refer(value: unknown, components: Map<string, JsonSchema>): unknown {
  if (Array.isArray(value)) return value.map((one) => refer(one, components));
  if (!isSchema(value)) return value;
  const inside = Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, refer(one, components)]),
  );
  const { title } = value;
  if (typeof title !== "string") return inside;
  components.set(title, inside);
  return { $ref: `#/components/schemas/${title}` };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
