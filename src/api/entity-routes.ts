/**
 * Steps, jobs and handlers one at a time. Creating refuses what is there already, updating what is
 * not; with `If-Match` or `?revision=`, for a deletion also in its body, only the revision that the caller has seen is changed.
 */
import type { FastifyInstance } from "fastify";
import { parseJobs, parseSteps } from "../workflow/document.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { type JsonSchema, list, object, TEXT } from "./json-schema.ts";
import type { CallOptions, ClusterPort, EntityChange, JobView, StepView } from "./ports.ts";
import { type Expecting, revisionOf } from "./query.ts";
import { json, type RouteText, route, tagged } from "./route.ts";
import {
  CREATE_ENTITY_BODY,
  ENTITY_BODY,
  ENTITY_PARAMS,
  MATCH_HEADERS,
  REVISION_BODY,
  REVISION_QUERY,
  WORKFLOW_PARAMS,
} from "./schema.ts";
import { inputError } from "./values.ts";
import { HANDLER, HANDLER_SOURCE, JOB_VIEW, STEP_VIEW } from "./view-schema.ts";

interface EntityPath {
  readonly workflow: string;
  readonly name: string;
}

interface UpdateCall extends Omit<Expecting, "Body"> {
  Params: EntityPath;
  Body: unknown;
}

interface DeleteCall extends Expecting {
  Params: EntityPath;
}

const OF_WORKFLOW = { tag: "workflows", scope: { kind: "workflow" } } as const;

/** Steps and jobs, which are made and changed in the same way. */
const KINDS: Readonly<Record<Kind, KindParts>> = {
  step: {
    plural: "steps",
    view: STEP_VIEW,
    list: (cluster, workflow, options) => cluster.steps(workflow, options),
    show: (cluster, { workflow, name }, options) => cluster.step(workflow, name, options),
  },
  job: {
    plural: "jobs",
    view: JOB_VIEW,
    list: (cluster, workflow, options) => cluster.jobs(workflow, options),
    show: (cluster, { workflow, name }, options) => cluster.job(workflow, name, options),
  },
};
type Kind = "step" | "job";

interface KindParts {
  readonly plural: string;
  readonly view: JsonSchema;
  readonly list: (
    cluster: ClusterPort,
    workflow: string,
    options: CallOptions,
  ) => Promise<readonly (StepView | JobView)[]>;
  readonly show: (
    cluster: ClusterPort,
    place: EntityPath,
    options: CallOptions,
  ) => Promise<StepView | JobView>;
}

/** Routes under `/v1`. */
export function entityRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const kind of ["step", "job"] as const) {
    readRoutes(app, context, kind);
    writeRoutes(app, context, kind);
  }
  handlerRoutes(app, context);
}

function readRoutes(app: FastifyInstance, context: ApiContext, kind: Kind): void {
  const { cluster } = context;
  const { plural, view, list: readAll, show } = KINDS[kind];
  app.get<{ Params: { readonly workflow: string } }>(
    `/workflows/:workflow/${plural}`,
    route(cluster, {
      ...OF_WORKFLOW,
      role: "read",
      summary: `The ${plural} of a workflow.`,
      params: WORKFLOW_PARAMS,
      answers: {
        200: json(
          "All.",
          object<Record<string, unknown>>(`All_${plural}`, { [plural]: list(view) }),
        ),
      },
    }),
    async (request) => ({
      [plural]: await callCluster(context, request, {
        run: (options) => readAll(cluster, request.params.workflow, options),
      }),
    }),
  );
  app.get<{ Params: EntityPath }>(
    `/workflows/:workflow/${plural}/:name`,
    route(cluster, {
      ...OF_WORKFLOW,
      role: "read",
      summary: `A ${kind}; its revision is also in the header ETag.`,
      params: ENTITY_PARAMS,
      answers: { 200: json(`The ${kind}.`, view) },
    }),
    async (request, reply) => {
      const found = await callCluster(context, request, {
        run: (options) => show(cluster, request.params, options),
      });
      return tagged(reply, found);
    },
  );
}

function writeRoutes(app: FastifyInstance, context: ApiContext, kind: Kind): void {
  const { cluster } = context;
  const { plural, view } = KINDS[kind];
  app.post<{ Params: { readonly workflow: string }; Body: { readonly name: string } }>(
    `/workflows/:workflow/${plural}`,
    route(cluster, {
      ...OF_WORKFLOW,
      role: "admin",
      summary: `Makes a ${kind}: its name, and what a workflow file says of it.`,
      params: WORKFLOW_PARAMS,
      body: CREATE_ENTITY_BODY,
      answers: { 201: json(`The ${kind}.`, view) },
    }),
    async (request, reply) => {
      const { name, ...body } = request.body;
      const place = { workflow: request.params.workflow, name, revision: undefined };
      const change = toChange(kind, { ...place, action: "create", body });
      const made = await callCluster(context, request, {
        run: (options) => cluster.changeEntity(change, options),
      });
      return tagged(reply.code(201), made);
    },
  );
  app.put<UpdateCall>(
    `/workflows/:workflow/${plural}/:name`,
    route(cluster, {
      ...changing(ENTITY_BODY),
      summary: `Makes a ${kind} what the body says.`,
      answers: { 200: json(`The ${kind}.`, view) },
    }),
    async (request, reply) => {
      const place = { ...request.params, revision: revisionOf(request) };
      const change = toChange(kind, { ...place, action: "update", body: request.body });
      const changed = await callCluster(context, request, {
        run: (options) => cluster.changeEntity(change, options),
      });
      return tagged(reply, changed);
    },
  );
  deleteRoute(app, context, { kind, plural });
}

function handlerRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get<{ Params: { readonly workflow: string } }>(
    "/workflows/:workflow/handlers",
    route(cluster, {
      ...OF_WORKFLOW,
      role: "read",
      summary: "The handlers of a workflow, without their sources.",
      params: WORKFLOW_PARAMS,
      answers: {
        200: json("All.", object<{ handlers: unknown }>("Handlers", { handlers: list(HANDLER) })),
      },
    }),
    async (request) => ({
      handlers: (
        await callCluster(context, request, {
          run: (options) => cluster.workflow(request.params.workflow, options),
        })
      ).handlers,
    }),
  );
  app.get<{ Params: EntityPath }>(
    "/workflows/:workflow/handlers/:name",
    route(cluster, {
      ...OF_WORKFLOW,
      role: "read",
      summary: "A handler with its source.",
      params: ENTITY_PARAMS,
      answers: { 200: json("The handler.", HANDLER_SOURCE) },
    }),
    async (request, reply) => {
      const { workflow, name } = request.params;
      const found = await callCluster(context, request, {
        run: (options) => cluster.handler(workflow, name, options),
      });
      return tagged(reply, found);
    },
  );
  deleteRoute(app, context, { kind: "handler", plural: "handlers" });
}

function deleteRoute(
  app: FastifyInstance,
  context: ApiContext,
  { kind, plural }: { readonly kind: EntityChange["entity"]; readonly plural: string },
): void {
  const { cluster } = context;
  app.delete<DeleteCall>(
    `/workflows/:workflow/${plural}/:name`,
    route(cluster, {
      ...changing(REVISION_BODY),
      summary: `Deletes a ${kind} that nothing uses.`,
      answers: {
        200: json("Its name.", object<{ name: string }>(`Deleted_${kind}`, { name: TEXT })),
      },
    }),
    async (request) => {
      const { workflow, name } = request.params;
      const revision = revisionOf(request, request.body);
      const change = { entity: kind, action: "delete", workflow, name, revision } as const;
      await callCluster(context, request, {
        run: (options) => cluster.changeEntity(change, options),
      });
      return { name };
    },
  );
}

function changing(body: JsonSchema): Omit<RouteText, "summary" | "answers"> {
  return {
    ...OF_WORKFLOW,
    role: "admin",
    params: ENTITY_PARAMS,
    querystring: REVISION_QUERY,
    headers: MATCH_HEADERS,
    body,
  };
}

/** Reads the body as the same part of a workflow file. @throws {JobxError} the codes of `src/workflow`. */
function toChange(
  kind: Kind,
  input: {
    readonly workflow: string;
    readonly name: string;
    readonly revision: number | undefined;
    readonly action: "create" | "update";
    readonly body: unknown;
  },
): EntityChange {
  const { body, ...place } = input;
  const written = { value: { [place.name]: body }, path: KINDS[kind].plural };
  if (kind === "step") {
    const value = parseSteps(written)[place.name];
    if (value?.handlers !== undefined) {
      throw inputError("body.image", "no image: such a step comes with its whole workflow (apply)");
    }
    if (value !== undefined) return { entity: "step", ...place, value };
  }
  const value = parseJobs(written, undefined)[place.name];
  if (value !== undefined) return { entity: "job", ...place, value };
  throw new Error("what was parsed is there");
}
